/** Encodes notifications as frames. */

import { Transform, type TransformCallback } from 'node:stream';
import { InvalidNotificationError } from '../core/errors.js';
import type { Notification } from '../core/notification.js';
import { MAX_UINT32 } from '../core/notification-rules.js';
import {
  callbackOption,
  checkOptionNames,
  choiceOption,
  integerOption,
  streamOptions,
} from '../core/options.js';
import { redactStream } from '../core/redact-stream.js';
import type { TransformOf } from '../core/typed-stream.js';
import { type FrameCommand, MAX_PAYLOAD_BYTES } from '../protocol/binary/frame.js';
import { type ByteRange, FrameSlab } from '../protocol/binary/frame-slab.js';
import { IdentifierSequence } from '../protocol/binary/identifier.js';

/** Options of {@link createFrameEncoder}. */
export interface FrameEncoderOptions {
  /** The form of the frames. @default 2 */
  readonly command?: FrameCommand;
  /** The first identifier to assign, 1 to 2^32-1. @default 1 */
  readonly firstIdentifier?: number;
  /** The largest payload, in UTF-8 bytes, up to 65535. @default 2048 for command 2, 256 for 1 and 0 */
  readonly maxPayloadBytes?: number;
  /** Receives each notification that breaks a rule; it is then skipped. Without it the stream fails. */
  readonly onInvalid?: (error: InvalidNotificationError) => void;
  /** How many notifications the stream buffers before it encodes them. */
  readonly highWaterMark?: number;
  readonly signal?: AbortSignal;
}

const OPTION_NAMES = [
  'command',
  'firstIdentifier',
  'maxPayloadBytes',
  'onInvalid',
  'highWaterMark',
  'signal',
];

/**
 * A Transform from notifications to frames of the binary provider protocol.
 *
 * Identifiers are assigned from 1 to notifications without one, behind the highest that was given, and wrap
 * past 2^32-1 to 1. Frames are collected in slabs of 64 KiB, which are passed on at the end of the tick at the latest,
 * so the last frame never waits for more input.
 *
 * `topic`, `pushType`, `collapseId`, `apnsId` and `context` have no place on this wire and are left out;
 * commands 1 and 0 leave out the priority too, and 0 the identifier and expiration.
 *
 * Fails with {@link InvalidNotificationError} (naming field and line) unless `onInvalid` is given, and with
 * whatever `onInvalid` throws.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION
 */
export function createFrameEncoder(options: FrameEncoderOptions = {}): TransformOf<Notification, Buffer> {
  return new FrameEncoder(options);
}

/** See {@link createFrameEncoder}. */
class FrameEncoder extends Transform {
  static {
    redactStream(FrameEncoder);
  }

  readonly #slab: FrameSlab;
  readonly #onInvalid: FrameEncoderOptions['onInvalid'];
  readonly #flushSlab: () => void;
  #flushScheduled = false;
  /** Requests the next notification, once the reader has taken the buffered frames. */
  #onRead: TransformCallback | undefined;
  #isInRead = false;

  constructor(options: FrameEncoderOptions) {
    checkOptionNames('options', options, OPTION_NAMES);
    const command = choiceOption('command', options.command, [2, 1, 0], 2);
    const first = integerOption('firstIdentifier', options.firstIdentifier, { default: 1, max: MAX_UINT32 });
    const maxPayloadBytes = integerOption('maxPayloadBytes', options.maxPayloadBytes, {
      default: MAX_PAYLOAD_BYTES[command],
      max: 0xffff,
    });
    const onInvalid = callbackOption('onInvalid', options.onInvalid);
    super({ writableObjectMode: true, ...streamOptions(options, 'writableHighWaterMark') });
    const identifiers = new IdentifierSequence(first - 1);
    this.#slab = new FrameSlab({ command, maxPayloadBytes, identify: (wanted) => identifiers.next(wanted) });
    this.#onInvalid = onInvalid;
    this.#flushSlab = () => {
      this.#flushScheduled = false;
      // A push outside of _transform does not apply backpressure, so a slow reader gets this data from _read.
      if (!this.destroyed && this.readableLength < this.readableHighWaterMark) this.#push(this.#slab.take());
    };
  }

  override _transform(
    notification: Notification,
    _encoding: BufferEncoding,
    callback: TransformCallback,
  ): void {
    try {
      this.#push(this.#slab.append(notification));
    } catch (error) {
      this.#reject(error as Error, callback);
      return;
    }
    if (this.readableLength >= this.readableHighWaterMark) {
      // The reader is slow. Wait, because readableLength does not include the slab, which must not grow meanwhile.
      // In _read, readableLength still includes data that the reader is about to take. Without a push, Node would
      // not call _read again.
      if (this.#isInRead) this.#push(this.#slab.take());
      this.#onRead = callback;
      return;
    }
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      process.nextTick(this.#flushSlab);
    }
    callback();
  }

  override _read(size: number): void {
    this.#isInRead = true;
    this.#push(this.#slab.take());
    const callback = this.#onRead;
    this.#onRead = undefined;
    callback?.();
    // Call this last: it runs a callback that Node stored because it came too early.
    super._read(size);
    this.#isInRead = false;
  }

  override _flush(callback: TransformCallback): void {
    this.#push(this.#slab.take());
    callback();
  }

  #push(span: ByteRange | undefined): void {
    if (span !== undefined) this.push(span.bytes.subarray(span.start, span.end));
  }

  #reject(error: Error, callback: TransformCallback): void {
    if (this.#onInvalid === undefined || !(error instanceof InvalidNotificationError)) {
      callback(error);
      return;
    }
    try {
      this.#onInvalid(error);
    } catch (thrown) {
      callback(thrown as Error);
      return;
    }
    callback();
  }
}
