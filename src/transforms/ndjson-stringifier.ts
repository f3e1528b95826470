/** Turns objects into NDJSON bytes. */

import { Transform, type TransformCallback } from 'node:stream';
import { checkOptionNames, streamOptions } from '../core/options.js';
import { redactStream } from '../core/redact-stream.js';
import type { TransformOf } from '../core/typed-stream.js';
import { LineStringifier } from '../protocol/json/stringify-line.js';

/** Options of {@link createNdjsonStringifier}. */
export interface NdjsonStringifierOptions {
  /** How many objects the stream buffers before it writes them. */
  readonly highWaterMark?: number;
  readonly signal?: AbortSignal;
}

const OPTION_NAMES = ['highWaterMark', 'signal'];

/** A chunk is pushed when it has this many characters; it exceeds the limit by at most its last line. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * A Transform from objects (outcomes, notifications, feedback tuples, …) to NDJSON in UTF-8: one line each,
 * in order, every one with its newline.
 *
 * Lines of one tick are joined into chunks of about 64 KiB, which are passed on at the end of the tick at the latest.
 * So a line never waits for the next one, only for a slow reader.
 *
 * A notification's payload bytes are written as they are and its `Date` as UNIX seconds, so what
 * `createNdjsonParser({ payload: 'raw' })` reads is written back exactly.
 *
 * Fails with {@link InvalidNotificationError} for a value that is not an object or cannot be converted to JSON.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION
 */
export function createNdjsonStringifier(options: NdjsonStringifierOptions = {}): TransformOf<object, Buffer> {
  return new NdjsonStringifier(options);
}

class NdjsonStringifier extends Transform {
  static {
    redactStream(NdjsonStringifier);
  }

  readonly #lines = new LineStringifier();
  /** Lines are joined as text, because encoding many lines at once is much faster than encoding each one. */
  #text = '';
  #turnEnds = false;
  readonly #onTickEnd: () => void;

  constructor(options: NdjsonStringifierOptions) {
    checkOptionNames('options', options, OPTION_NAMES);
    super({ writableObjectMode: true, ...streamOptions(options, 'writableHighWaterMark') });
    this.#onTickEnd = () => {
      this.#turnEnds = false;
      // A push outside of _transform does not apply backpressure, so a slow reader gets this data from _read.
      if (!this.destroyed && this.readableLength < this.readableHighWaterMark) this.#pushText();
    };
  }

  override _transform(object: unknown, _encoding: BufferEncoding, callback: TransformCallback): void {
    try {
      this.#text += this.#lines.stringify(object);
    } catch (error) {
      callback(error as Error);
      return;
    }
    if (this.#text.length >= CHUNK_CHARACTERS) this.#pushText();
    else if (!this.#turnEnds) {
      this.#turnEnds = true;
      process.nextTick(this.#onTickEnd);
    }
    callback();
  }

  override _read(size: number): void {
    this.#pushText();
    super._read(size);
  }

  override _flush(callback: TransformCallback): void {
    this.#pushText();
    callback();
  }

  #pushText(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.push(Buffer.from(text));
  }
}
