/** The feedback service as a Readable of feedback tuples. */
import { addAbortSignal } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Backoff, type BackoffOptions } from '../connection/backoff.js';
import { isFatalConnectionError } from '../connection/connection-error.js';
import { dial } from '../connection/dial.js';
import { toApnsError } from '../connection/node-error.js';
import { PeerTimeout } from '../connection/peer-timeout.js';
import { type ReceiveHandlers, type Receiver, receive } from '../connection/receiver.js';
import { resolveTarget, TARGET_OPTION_NAMES, type Target, type TargetOptions } from '../connection/target.js';
import { ApnsError, formatPeer } from '../core/errors.js';
import { checkOptionNames, integerOption, MAX_TIMER_MS, streamOptions } from '../core/options.js';
import type { ReadableOf } from '../core/typed-stream.js';
import {
  decodeFeedbackTuple,
  FEEDBACK_TUPLE_FORMAT,
  type FeedbackTuple,
} from '../protocol/binary/feedback-tuple.js';
import { PacketReader } from '../protocol/packet-reader.js';
import { FEEDBACK_HEAD_BYTES, notFeedbackError, protocolOf } from './feedback-problem.js';
import { LastingSource } from './lasting-source.js';

/** Options of {@link createFeedbackSource}. */
export interface FeedbackSourceOptions extends TargetOptions {
  /** Apple's feedback service no longer responds, so no environment selects it. Give `host`. */
  readonly environment?: never;
  /** A host name or an IP address. */
  readonly host: string;
  /**
   * Reads again this many milliseconds after each reading, until the stream is destroyed or aborted. Apple:
   * "You should … check for feedback once per day". Without it the list is read once.
   */
  readonly intervalMs?: number;
  /**
   * Milliseconds without a whole tuple, while tuples are wanted, after which a service that does not close is
   * given up. @default 60_000
   */
  readonly idleTimeoutMs?: number;
  /** When polling: how a failed reading is repeated before the stream fails. */
  readonly backoff?: BackoffOptions;
  readonly signal?: AbortSignal;
  /** How many tuples the stream buffers. @default 16 */
  readonly highWaterMark?: number;
}

const OPTION_NAMES = [
  ...TARGET_OPTION_NAMES,
  'intervalMs',
  'idleTimeoutMs',
  'backoff',
  'signal',
  'highWaterMark',
];

/**
 * A Readable of feedback tuples `{ timestamp, deviceToken }`: the devices that no longer have the app.
 *
 * It connects when it is first read. Reading clears the list at the service, for every reader: store what you
 * get. Delete a token only if its last registration is older than the tuple's timestamp. Tuples that are not
 * read stay with the service, through backpressure.
 *
 * Ends when the service closes between tuples; an end inside one is APNS_ERR_TRUNCATED_PACKET. What answers in HTTP, or
 * with a tuple without a device token, is no feedback service: APNS_ERR_MALFORMED_PACKET, also while polling. No failure
 * arrives before the tuples ahead of it have been read. With `intervalMs` it goes on for ever, and a reading
 * that fails is repeated as `backoff` says.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS, at once
 */
export function createFeedbackSource(options: FeedbackSourceOptions): ReadableOf<FeedbackTuple> {
  return new FeedbackSource(options);
}

class FeedbackSource extends LastingSource implements ReadableOf<FeedbackTuple> {
  readonly #target: Target;
  readonly #intervalMs: number | undefined;
  readonly #idleTimeoutMs: number;
  readonly #backoff: Backoff;
  readonly #dials = new AbortController();
  #state: 'idle' | 'dialling' | 'reading' | 'waiting' = 'idle';
  #socket: TLSSocket | undefined;
  #receiver: Receiver | undefined;
  /** Runs until the next reading. */
  #timer: NodeJS.Timeout | undefined;
  /** Runs while the service sends no tuple. */
  #silence: PeerTimeout | undefined;

  constructor(options: FeedbackSourceOptions) {
    checkOptionNames('options', options ?? null, OPTION_NAMES);
    const { intervalMs } = options;
    const { signal, ...rest } = streamOptions(options, 'highWaterMark');
    super(rest);
    this.#target = resolveTarget(options, 'feedback');
    const bounds = { default: 0, max: MAX_TIMER_MS };
    this.#intervalMs = intervalMs === undefined ? undefined : integerOption('intervalMs', intervalMs, bounds);
    this.#idleTimeoutMs = integerOption('idleTimeoutMs', options.idleTimeoutMs, {
      ...bounds,
      default: 60_000,
    });
    this.#backoff = new Backoff(options.backoff);
    // Attach the signal last: if it is already aborted, destroy() runs synchronously and needs every field initialised.
    if (signal !== undefined) addAbortSignal(signal, this);
  }

  override _read(): void {
    if (this.#state === 'idle') void this.#connect();
    else if (this.#state === 'reading') this.#resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#silence?.cancel();
    this.#dials.abort();
    this.#socket?.destroy();
    callback(error);
  }

  async #connect(): Promise<void> {
    this.#state = 'dialling';
    try {
      const socket = await dial(this.#target, { signal: this.#dials.signal });
      if (this.destroyed) socket.destroy();
      else this.#receive(socket);
    } catch (error) {
      if (!this.destroyed) this.#onFailure(toApnsError(error, this.#target));
    }
  }

  #receive(socket: TLSSocket): void {
    const reader = new PacketReader(FEEDBACK_TUPLE_FORMAT);
    let fault: ApnsError | undefined;
    let head: Buffer = Buffer.alloc(0);
    this.#state = 'reading';
    this.#socket = socket;
    const handlers: ReceiveHandlers = {
      onBytes: (chunk) => {
        if (fault !== undefined) return;
        if (head.length < FEEDBACK_HEAD_BYTES) {
          head = Buffer.concat([head, chunk.subarray(0, FEEDBACK_HEAD_BYTES - head.length)]);
        }
        const tuples: FeedbackTuple[] = [];
        reader.read(chunk, (bytes, start, end) => tuples.push(decodeFeedbackTuple(bytes, start, end)));
        for (const tuple of tuples) {
          // Any other bytes are tuples. HTTP/2 begins with a SETTINGS frame, which has zeros where the length stands.
          if (tuple.deviceToken === '') {
            fault = notFeedbackError(this.#target, head);
            socket.destroy();
            return;
          }
          if (!this.push(tuple)) this.#pause();
        }
      },
      onEnd: () => {
        try {
          reader.end();
        } catch (error) {
          fault ??=
            protocolOf(head) === undefined ? (error as ApnsError) : notFeedbackError(this.#target, head);
        }
        socket.destroySoon();
      },
      onClose: (cause) => {
        this.#silence?.cancel();
        if (!this.destroyed) this.#onClose(fault ?? cause);
      },
    };
    this.#receiver = receive(socket, handlers, this.#target);
    this.#resume();
  }

  #pause(): void {
    this.#receiver?.pause();
    this.#silence?.cancel();
  }

  /**
   * Reads on; silence counts only while tuples are wanted. Node asks again after each tuple, so it counts from the last
   * whole one: a service that sends a byte now and then is not listened to for ever.
   */
  #resume(): void {
    this.#silence?.cancel();
    this.#silence = new PeerTimeout(this.#idleTimeoutMs, () =>
      this.#socket?.destroy(silenceError(this.#target, this.#idleTimeoutMs)),
    );
    this.#receiver?.resume();
  }

  #onClose(error: ApnsError | undefined): void {
    if (error !== undefined) this.#onFailure(error);
    else if (this.#intervalMs === undefined) this.push(null);
    else {
      this.#backoff.reset();
      this.#connectAfter(this.#intervalMs);
    }
  }

  #onFailure(error: ApnsError): void {
    const isFeedback = error.code !== 'APNS_ERR_MALFORMED_PACKET';
    const isFinal = this.#intervalMs === undefined || isFatalConnectionError(error) || !isFeedback;
    const delay = isFinal ? undefined : this.#backoff.next();
    if (delay === undefined) this.failAfterReading(error);
    else this.#connectAfter(delay);
  }

  #connectAfter(delayMs: number): void {
    this.#state = 'waiting';
    this.#timer = setTimeout(() => {
      // While tuples of the last reading are buffered, the next ones stay with the service.
      const isWanted = this.readableLength === 0 || this.readableLength < this.readableHighWaterMark;
      if (isWanted) void this.#connect();
      else this.#state = 'idle';
    }, delayMs);
  }
}

function silenceError(target: Target, idleTimeoutMs: number): ApnsError {
  return new ApnsError(
    'APNS_ERR_TIMEOUT',
    `${formatPeer(target)} neither sent a whole feedback tuple nor closed for ${idleTimeoutMs} ms`,
  );
}
