/** Frame bytes in, over TLS to a binary gateway; exactly one outcome per frame. */

import { addAbortSignal, Writable } from 'node:stream';
import type { ApnsError } from '../core/errors.js';
import { streamOptions } from '../core/options.js';
import type { Outcome, OutcomeCounts } from '../core/outcome.js';
import { redactStream } from '../core/redact-stream.js';
import type { ReadableOf, WritableEvents, WritableOf } from '../core/typed-stream.js';
import type { FrameBatch } from '../engine/binary/frame-batch.js';
import { FrameSender } from '../engine/binary/frame-sender.js';
import { type BinaryOptions, resolveBinaryOptions } from '../engine/binary/options.js';
import { endReason } from '../engine/end-reason.js';
import type { ErrorResponse } from '../protocol/binary/error-response.js';
import { FRAME_FORMAT } from '../protocol/binary/frame.js';
import { type PacketHandler, PacketReader } from '../protocol/packet-reader.js';
import { bufferedChunks } from './buffered-chunks.js';
import { closeGracefully } from './graceful-close.js';
import { OutcomeSource } from './outcome-source.js';

/** A run that may still grow. */
type OpenBatch = { -readonly [Field in keyof FrameBatch]: FrameBatch[Field] };

type Callback = (error?: Error | null) => void;

/**
 * A Writable of frame bytes (any command, cut anywhere) that owns its TLS connections to a binary gateway.
 *
 * Connections are opened with the first frame, reused and kept open. What is written and not yet settled is
 * held in a window bounded by count, bytes and age; a full window stops the source. An error response has
 * the named notification rejected, those before it accepted, and those behind it written again, in order,
 * on another connection. Checkpoints turn the protocol's silence into proof; they cost one connection each
 * and are invisible otherwise.
 *
 * `finish` means that everything is settled. The stream fails with an {@link ApnsError} when credentials
 * are refused, when no connection could be had `backoff.attempts` + 1 times in a row, when the gateway
 * cannot parse what it is sent, or when the bytes are no frames; frames before that still get their outcome.
 *
 * Emits `errorResponse` with each error response that is not the answer to a checkpoint.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS, at once
 */
export function createBinarySink(options: BinaryOptions): BinarySink {
  return new BinarySinkStream(options);
}

/** Whether a value is what {@link createBinarySink} returns. */
export function isBinarySink(value: unknown): value is BinarySink {
  return value instanceof BinarySinkStream;
}

/** The events of a {@link BinarySink}, with what their listeners receive. */
export interface BinarySinkEvents extends WritableEvents {
  /** An error response that is not the answer to a checkpoint. */
  errorResponse(response: ErrorResponse): void;
}

/** See {@link createBinarySink}. */
export interface BinarySink extends WritableOf<Uint8Array, BinarySinkEvents> {
  /** How many notifications ended how, so far. */
  readonly counts: Readonly<OutcomeCounts>;
  /**
   * What becomes of each frame, in the order it is known: `{ status, identifier, deviceToken, … }`.
   *
   * Created when first read; from then on a reader that is slow slows the sending. While nobody has read
   * this property only `counts` are kept. Ends when the sink has ended or was destroyed.
   */
  readonly outcomes: ReadableOf<Outcome>;
  /** Ends gracefully: everything is settled first, for at most `closeTimeoutMs`. */
  [Symbol.asyncDispose](): Promise<void>;
}

class BinarySinkStream extends Writable implements BinarySink {
  static {
    redactStream(BinarySinkStream);
    // `util.inspect` shows this name.
    Object.defineProperty(BinarySinkStream, 'name', { value: 'BinarySink' });
  }

  readonly #sender: FrameSender;
  readonly #reader = new PacketReader(FRAME_FORMAT);
  readonly #onPacket: PacketHandler;
  readonly #closeTimeoutMs: number;
  /** Frames cut from the chunk being written, on their way into the window. */
  #pending: OpenBatch[] = [];
  #onTaken: Callback | undefined;
  #outcomes: OutcomeSource | undefined;
  /** Why the bytes are no frames; nothing behind that place can be read. */
  #fault: ApnsError | undefined;

  constructor(options: BinaryOptions) {
    const resolved = resolveBinaryOptions(options);
    const { signal, ...rest } = streamOptions(options, 'highWaterMark');
    super(rest);
    this.#closeTimeoutMs = resolved.closeTimeoutMs;
    this.#onPacket = (bytes, start, end) => this.#collect(bytes, start, end);
    this.#sender = new FrameSender(resolved, {
      onRoom: () => this.#sendPending(),
      onFail: (error) => this.destroy(error),
      onErrorResponse: (response) => process.nextTick(() => this.emit('errorResponse', response)),
    });
    // Not left to the constructor above: an aborted signal destroys at once, and by then all must be there.
    if (signal !== undefined) addAbortSignal(signal, this);
  }

  get counts(): Readonly<OutcomeCounts> {
    return this.#sender.counts;
  }

  get outcomes(): ReadableOf<Outcome> {
    this.#outcomes ??= new OutcomeSource(this.#sender.outcomes, () => this.#sender.onRead());
    if (this.closed) this.#outcomes.finish();
    return this.#outcomes;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#cut(chunk);
    const fault = this.#fault;
    this.#onTaken = fault === undefined ? callback : () => this.#sender.end(() => callback(fault));
    this.#sendPending();
  }

  override _final(callback: Callback): void {
    this.#try(() => this.#reader.end());
    this.#sender.end((failure) => callback(failure ?? this.#fault));
  }

  override _destroy(error: Error | null, callback: Callback): void {
    for (const chunk of bufferedChunks(this)) this.#cut(chunk as Buffer);
    this.#sender.destroy(endReason(error));
    // A sender that is over settles what it is given.
    for (const batch of this.#pending.splice(0)) this.#sender.send(batch);
    this.#outcomes?.finish();
    callback(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeGracefully(this, this.#closeTimeoutMs);
  }

  /** Of a copy: whoever wrote the chunk has it back with the callback, long before its frames are settled. */
  #cut(chunk: Buffer): void {
    if (this.#fault === undefined) this.#try(() => this.#reader.read(Buffer.from(chunk), this.#onPacket));
  }

  #try(read: () => void): void {
    try {
      read();
    } catch (error) {
      this.#fault = error as ApnsError;
    }
  }

  /** Frames that lie behind each other become one run. */
  #collect(bytes: Buffer, start: number, end: number): void {
    const last = this.#pending.at(-1);
    if (last !== undefined && last.bytes === bytes && last.end === start) {
      // Nobody else has seen it yet, and an object per frame would cost more than the rest of this sink.
      last.end = end;
      last.count++;
      return;
    }
    this.#pending.push({ bytes, start, end, count: 1, extraBytes: 0, since: 0, attempts: 0, writtenAt: 0 });
  }

  #sendPending(): void {
    while (this.#pending.length > 0) {
      const rest = this.#sender.send(this.#pending[0]!);
      if (rest === undefined) this.#pending.shift();
      else this.#pending[0] = rest;
      if (rest !== undefined && this.#sender.roomFrames === 0) return;
    }
    const callback = this.#onTaken;
    this.#onTaken = undefined;
    callback?.();
  }
}
