/** Sends frame bytes to a binary gateway over TLS, with exactly one outcome per frame. */

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

/** A batch that may still grow. */
type OpenBatch = { -readonly [Field in keyof FrameBatch]: FrameBatch[Field] };

type Callback = (error?: Error | null) => void;

/**
 * A Writable of frame bytes (any command, in chunks of any size) that owns its TLS connections to a binary gateway.
 *
 * It connects with the first frame, and reuses its connections. A window, limited by count, bytes and age, holds the
 * frames that are not settled; a full window applies backpressure. After an error response the named notification is
 * `rejected` and those before it are `accepted`. The sink writes those after it again, in order, on another connection.
 * Checkpoints prove that frames without an error response were accepted. Each checkpoint costs one connection.
 *
 * `finish` means that everything is settled. The stream fails with an {@link ApnsError} when connecting fails
 * `backoff.attempts` + 1 times in a row, or at once after an error that another attempt cannot fix, such as refused
 * credentials. It also fails when the gateway cannot parse a frame, or when the bytes are not valid frames. Frames before that still get their outcome.
 *
 * It emits `errorResponse` with each error response that does not answer a checkpoint.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS, at once
 */
export function createBinarySink(options: BinaryOptions): BinarySink {
  return new BinarySinkStream(options);
}

/** Whether a value was returned by {@link createBinarySink}. */
export function isBinarySink(value: unknown): value is BinarySink {
  return value instanceof BinarySinkStream;
}

/** The events of a {@link BinarySink}, with the arguments of their listeners. */
export interface BinarySinkEvents extends WritableEvents {
  /** The gateway has sent an error response that does not answer a checkpoint. */
  errorResponse(response: ErrorResponse): void;
}

/** See {@link createBinarySink}. */
export interface BinarySink extends WritableOf<Uint8Array, BinarySinkEvents> {
  /** The number of notifications with each outcome so far. */
  readonly counts: Readonly<OutcomeCounts>;
  /**
   * The outcome of each frame, in the order in which they become known: `{ status, identifier, deviceToken, … }`.
   *
   * Reading this property creates the stream. From then on a slow reader slows the sending; before that, the sink
   * keeps only `counts`. The stream ends when the sink has ended or was destroyed.
   */
  readonly outcomes: ReadableOf<Outcome>;
  /** Ends the stream and waits until everything is settled, for at most `closeTimeoutMs`. */
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
  /** Frames of the current chunk that are not in the window yet. */
  #pending: OpenBatch[] = [];
  #onTaken: Callback | undefined;
  #outcomes: OutcomeSource | undefined;
  /** Why the bytes are not valid frames; later bytes cannot be parsed. */
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
    // Attach the signal last: if it is already aborted, destroy() runs synchronously and needs every field initialised.
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
    // After its end, the sender settles everything that it receives.
    for (const batch of this.#pending.splice(0)) this.#sender.send(batch);
    this.#outcomes?.finish();
    callback(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeGracefully(this, this.#closeTimeoutMs);
  }

  /** Copies the chunk, because its writer may change it after the callback, long before its frames are settled. */
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

  /** Joins consecutive frames into one batch. */
  #collect(bytes: Buffer, start: number, end: number): void {
    const last = this.#pending.at(-1);
    if (last !== undefined && last.bytes === bytes && last.end === start) {
      // Change the batch in place: no other code has it yet, and one object per frame would be expensive.
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
