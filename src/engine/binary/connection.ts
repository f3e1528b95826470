/**
 * One connection to a binary gateway: a socket, what was written to it and not yet settled, and the one
 * answer it may give.
 *
 * States: `fresh` (open, but the gateway may still refuse the client certificate: under TLS 1.3 it does so
 * after the handshake looks complete) → `open` → `checked` (a checkpoint is written, nothing may follow) or
 * `finished` (half-closed, checkpoints being off) → closed, reported once by `onClose`.
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
  /** The gateway's answer, if it gave one. */
  readonly response?: ErrorResponse;
  /** What went wrong, unless the gateway answered or closed in good order. */
  readonly cause?: ApnsError | undefined;
}

/** What a connection tells its pool. */
export interface BinaryConnectionEvents {
  /** More can be written. */
  onDrain(): void;
  /** The connection is over. Called once. */
  onClose(connection: BinaryConnection, end: ConnectionEnd): void;
}

/** See the file comment. */
export class BinaryConnection {
  /** Frames written and not yet settled, in the order they were written. */
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
      // At most one answer, then the gateway closes: whatever follows it means nothing.
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
      // Not above: closing makes room, and what a listener throws who is told so is not the gateway's fault.
      if (response !== undefined) this.#close({ response });
      else if (cause !== undefined) this.#close({ cause });
    };
    // Behind the gateway's end no answer can come, even if the socket never gets rid of what it holds.
    const onEnd = (): void => this.#close({});
    receive(socket, { onBytes, onEnd, onClose: (cause) => this.#close({ cause }) }, peer);
    socket.on('drain', () => this.#events.onDrain());
  }

  get state(): 'fresh' | 'open' | 'checked' | 'finished' | 'closed' {
    return this.#state;
  }

  /** When the socket last took bytes, the last frame was handed to it, or the quota was doubled. */
  get progressAt(): number {
    return this.#progressAt;
  }

  /** How often the quota of this connection was doubled because the gateway sent no response. */
  get doublings(): number {
    return this.#doublings;
  }

  /** Whether the socket has taken as much as it wants for now, or will take nothing any more. */
  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain || !this.#socket.writable || this.#socket.errored !== null;
  }

  /** Whether every byte has left this process. */
  get isFlushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  /** Whether silence is all that can be expected: everything is sent, and this side has said that it is done. */
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

  /** Doubles the quota, which is used up without a response. */
  doubleQuota(now: number): void {
    this.#doublings++;
    this.#progressAt = now;
  }

  /** Records the frames, then writes them: an answer can come before `write` returns. */
  send(batch: FrameBatch, now: number): void {
    this.window.push({ ...batch, attempts: batch.attempts + 1, writtenAt: now });
    this.#progressAt = now;
    this.#socket.write(batch.bytes.subarray(batch.start, batch.end), this.#onWritten);
  }

  /** Asks the gateway to name a frame behind all others, which proves those accepted. */
  writeCheckpoint(now: number): void {
    this.#state = 'checked';
    this.#progressAt = now;
    const checkpoint = createCheckpoint(this.window.batches());
    this.checkpoint = checkpoint.identifier;
    this.#socket.write(checkpoint.frame, this.#onWritten);
  }

  /** Says that nothing more will be written, and waits for the gateway to close. */
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

  /** Closes the connection when nothing is expected from it any more. Reports nothing. */
  close(timeoutMs: number): void {
    this.#state = 'closed';
    this.#socket.setTimeout(timeoutMs, () => this.#socket.destroy());
    this.#socket.destroySoon();
  }

  /** Gives the connection up; what it holds is reported as if the gateway had closed it. */
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
