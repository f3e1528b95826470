/** Parses NDJSON into notifications. */

import { Transform, type TransformCallback } from 'node:stream';
import type { InvalidNotificationError } from '../core/errors.js';
import type { Notification } from '../core/notification.js';
import {
  callbackOption,
  checkOptionNames,
  choiceOption,
  integerOption,
  streamOptions,
} from '../core/options.js';
import { redactStream } from '../core/redact-stream.js';
import type { TransformOf } from '../core/typed-stream.js';
import { NdjsonDecoder } from '../protocol/json/ndjson-decoder.js';
import type { PayloadMode } from '../protocol/json/notification-line.js';

/** Options of {@link createNdjsonParser}. */
export interface NdjsonParserOptions {
  /**
   * `parsed` gives a payload that is a JSON object as that object. `raw` gives it as exactly the bytes it
   * is written with, as a view of the chunk they came in: nothing is changed or copied, and the chunk stays
   * in memory for as long as the notification. A payload that is a JSON string becomes that string in both.
   *
   * @default 'parsed'
   */
  readonly payload?: PayloadMode;
  /** The longest line, without its newline. A longer one is skipped without being kept. @default 1048576 */
  readonly maxLineBytes?: number;
  /** Receives each line that holds no valid notification; it is then skipped. Without it the stream fails. */
  readonly onInvalid?: (error: InvalidNotificationError) => void;
  /** How many notifications the stream buffers for its reader. */
  readonly highWaterMark?: number;
  readonly signal?: AbortSignal;
}

const OPTION_NAMES = ['payload', 'maxLineBytes', 'onInvalid', 'highWaterMark', 'signal'];
const MAX_LINE_BYTES = 1024 * 1024;

/**
 * A Transform from NDJSON (UTF-8, one notification per line) to notifications, in order, each checked
 * against every rule that holds on all wires. Its rules for lines are in `docs/ndjson.md`.
 *
 * Do not change a chunk after it was written. The parser parses no more of a chunk than `highWaterMark` allows, and yields
 * to the event loop after 256 KiB.
 *
 * Fails with {@link InvalidNotificationError}, naming line, byte offset and field, unless `onInvalid` is
 * given; with APNS_ERR_NOT_NDJSON, in either case, if the input as a whole is something else (compressed,
 * UTF-16, an array, a pretty-printed object); and with whatever `onInvalid` throws.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION
 */
export function createNdjsonParser(
  options: NdjsonParserOptions = {},
): TransformOf<Uint8Array | string, Notification> {
  return new NdjsonParser(options);
}

/** See {@link createNdjsonParser}. */
class NdjsonParser extends Transform {
  static {
    redactStream(NdjsonParser);
  }

  readonly #decoder: NdjsonDecoder;
  /** Requests the next chunk, after the current one has been read to its end. */
  #onTaken: TransformCallback | undefined;
  /** Whether the readable buffer is full. */
  #isFull = false;
  readonly #goOn: () => void;

  constructor(options: NdjsonParserOptions) {
    checkOptionNames('options', options, OPTION_NAMES);
    const payload = choiceOption('payload', options.payload, ['parsed', 'raw'], 'parsed');
    const maxLineBytes = integerOption('maxLineBytes', options.maxLineBytes, { default: MAX_LINE_BYTES });
    const onInvalid = callbackOption('onInvalid', options.onInvalid) ?? fail;
    super({ readableObjectMode: true, ...streamOptions(options, 'readableHighWaterMark') });
    const onNotification = (notification: Notification) => {
      this.#isFull = !this.push(notification);
      return !this.#isFull;
    };
    this.#decoder = new NdjsonDecoder({ payload, maxLineBytes, onNotification, onInvalid });
    this.#goOn = () => {
      if (!this.destroyed) this.#parse();
    };
  }

  // _transform would apply backpressure only between chunks, and not inside one.
  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#onTaken = callback;
    this.#parse(chunk);
  }

  override _read(): void {
    if (this.#isFull) this.#parse();
  }

  override _flush(callback: TransformCallback): void {
    try {
      this.#decoder.end();
    } catch (error) {
      callback(error as Error);
      return;
    }
    callback();
  }

  /** Parses the chunk, or continues with the current one. */
  #parse(chunk?: Buffer): void {
    this.#isFull = false;
    let isTaken: boolean;
    let failure: Error | undefined;
    try {
      isTaken = chunk === undefined ? this.#decoder.goOn() : this.#decoder.read(chunk);
    } catch (error) {
      isTaken = true;
      failure = error as Error;
    }
    if (!isTaken) {
      // If the reader has enough, _read continues. Otherwise the decoder has used up its time in this tick.
      if (!this.#isFull) setImmediate(this.#goOn);
      return;
    }
    const callback = this.#onTaken;
    this.#onTaken = undefined;
    callback?.(failure);
  }
}

function fail(error: InvalidNotificationError): never {
  throw error;
}
