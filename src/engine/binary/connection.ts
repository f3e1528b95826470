/**
 * One connection to a binary gateway: a socket, its unsettled frames, and the one error response that the gateway may
 * send.
 *
 * States: `fresh` (open, but under TLS 1.3 the gateway may still refuse the client certificate) → `open` → `checked`
 * (a checkpoint was written, nothing may follow) or `finished` (half-closed, with checkpoints off) →
 * closed, which `onClose` reports once.
 */
import type { TLSSocket } from 'node:tls';
import { receive } from '../../connection/receiver.js';
import type { ApnsError, Peer } from '../../core/errors.js';
import {
  decodeErrorResponse,
  ERROR_RESPONSE_FORMAT,
  type ErrorResponse,
} from '../../protocol/binary/error-response.js';
import { PacketReader } from '../../protocol/packet-reader.js';
import type { EngineClock } from '../engine-clock.js';
import { BatchQueue } from './batch-queue.js';
import { createCheckpoint } from './checkpoint.js';
import { notGatewayError } from './errors.js';
import type { FrameBatch } from './frame-batch.js';
import { type IdentifierRange, widenRange } from './identifier-range.js';

/** How a connection ended. */
export interface ConnectionEnd {
  /** The gateway's error response, if it sent one. */
  readonly response?: ErrorResponse;
  /** The error, unless the gateway sent an error response or closed the connection normally. */
  readonly cause?: ApnsError | undefined;
}

/** The callbacks of a connection to its pool. */
export interface BinaryConnectionEvents {
  /** More can be written. */
  onDrain(): void;
  /** The connection has ended. Called once. */
  onClose(connection: BinaryConnection, end: ConnectionEnd): void;
}

/** See the file comment. */
export class BinaryConnection {
  /** The frames that were written and are not settled, in the order of writing. */
  readonly window: BatchQueue = new BatchQueue();
  readonly openedAt: number;
  /** The identifier of the checkpoint, once one is written. */
  checkpoint: number | undefined;
  /** The identifiers of the frames that left the window unproved: an error response may still name one of them. */
  forgotten: IdentifierRange | undefined;
  #state: 'fresh' | 'open' | 'checked' | 'finished' | 'closed';
  #progressAt: number;
  #doublings = 0;
  readonly #socket: TLSSocket;
  readonly #events: BinaryConnectionEvents;
  readonly #clock: EngineClock;
  #isFinished = false;
  readonly #onWritten: (error?: Error | null) => void;

  constructor(
    socket: TLSSocket,
    peer: Peer,
    state: 'fresh' | 'open',
    clock: EngineClock,
    events: BinaryConnectionEvents,
  ) {
    this.#socket = socket;
    this.#events = events;
    this.#clock = clock;
    this.#state = state;
    this.openedAt = clock.now();
    this.#progressAt = this.openedAt;
    this.#onWritten = (error) => {
      if (!error) this.#progressAt = this.#clock.now();
    };
    const reader = new PacketReader(ERROR_RESPONSE_FORMAT);
    let response: ErrorResponse | undefined;
    const onPacket = (bytes: Buffer, start: number): void => {
      // The gateway sends at most one error response before it closes, so ignore all later bytes.
      response ??= decodeErrorResponse(bytes, start);
    };
    const onBytes = (chunk: Buffer): void => {
      clock.noteRead();
      let cause: ApnsError | undefined;
      try {
        reader.read(chunk, onPacket);
      } catch (error) {
        cause = notGatewayError(peer, error as ApnsError);
      }
      // Close outside of `try`: closing calls listeners, and an error of theirs is not the gateway's.
      if (response !== undefined) this.#close({ response });
      else if (cause !== undefined) this.#close({ cause });
    };
    // After the gateway's end no response can arrive, even if the socket still has bytes to send.
    const onEnd = (): void => this.#close({});
    receive(socket, { onBytes, onEnd, onClose: (cause) => this.#close({ cause }) }, peer);
    socket.on('drain', () => this.#events.onDrain());
  }

  get state(): 'fresh' | 'open' | 'checked' | 'finished' | 'closed' {
    return this.#state;
  }

  /** When the socket last took bytes, the last frame was written, or the quota was doubled. */
  get progressAt(): number {
    return this.#progressAt;
  }

  /** How often the quota of this connection was doubled because the gateway sent no response. */
  get doublings(): number {
    return this.#doublings;
  }

  /** Whether the socket applies backpressure, or is closed for writing. */
  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain || !this.#socket.writable || this.#socket.errored !== null;
  }

  /** Whether every byte has left this process. */
  get isFlushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  /** Whether the gateway need not respond any more: everything is sent, and this side has ended its half. */
  get isPresumable(): boolean {
    return this.#isFinished && this.isFlushed;
  }

  /** When the oldest unsettled frame was written, or `undefined` if there is none. */
  get oldestAt(): number | undefined {
    return this.window.first?.writtenAt;
  }

  /** The gateway did not refuse the connection right after the handshake. */
  open(): void {
    this.#state = 'open';
  }

  /** Doubles the quota after it was used up without an error response. */
  doubleQuota(now: number): void {
    this.#doublings++;
    this.#progressAt = now;
  }

  /** Records the frames, then writes them, because a response can arrive before `write` returns. */
  send(batch: FrameBatch, now: number): void {
    this.window.push({ ...batch, attempts: batch.attempts + 1, writtenAt: now });
    this.#progressAt = now;
    this.#socket.write(batch.bytes.subarray(batch.start, batch.end), this.#onWritten);
  }

  /** Writes a checkpoint. The gateway's rejection of it proves that all earlier frames were accepted. */
  writeCheckpoint(now: number): void {
    this.#state = 'checked';
    this.#progressAt = now;
    const checkpoint = createCheckpoint(this.window.batches());
    this.checkpoint = checkpoint.identifier;
    this.#socket.write(checkpoint.frame, this.#onWritten);
  }

  /** Ends this side of the connection, and waits for the gateway to close. */
  finish(now: number): void {
    this.#state = 'finished';
    this.#isFinished = true;
    this.#progressAt = now;
    this.#socket.end();
  }

  /** Takes the frames that were written by `then`; from now on their identifiers are ambiguous. */
  presume(then: number): FrameBatch[] {
    return this.#forget(this.window.takeWhile(({ writtenAt }) => writtenAt <= then));
  }

  /** Takes the frames that the window took by `then`; from now on their identifiers are ambiguous. */
  expire(then: number): FrameBatch[] {
    return this.#forget(this.window.takeWhere(({ since }) => since <= then));
  }

  /** Closes a connection that has nothing left to settle, without a report. */
  close(timeoutMs: number): void {
    this.#state = 'closed';
    this.#socket.setTimeout(timeoutMs, () => this.#socket.destroy());
    this.#socket.destroySoon();
  }

  /** Destroys the connection, and reports its frames as if the gateway had closed it. */
  destroy(cause: ApnsError): void {
    this.#close({ cause });
  }

  #forget(batches: FrameBatch[]): FrameBatch[] {
    this.forgotten = widenRange(this.forgotten, batches);
    return batches;
  }

  #close(end: ConnectionEnd): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#socket.destroy();
    this.#events.onClose(this, end);
  }
}
