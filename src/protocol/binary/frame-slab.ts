/**
 * Notifications in, slabs of frames out: each frame is encoded straight into a 64 KiB slab, so that a
 * thousand notifications cost a handful of buffers and a handful of writes.
 */

import {
  type CheckedNotification,
  checkNotification,
  invalidNotification,
  type Notification,
  NotificationRecord,
  payloadText,
} from '../../core/notification.js';
import { expirationSeconds, priorityProblem } from '../../core/notification-rules.js';
import { compactAdvice } from '../json/compact-advice.js';
import { type FrameCommand, frameBytes, MAX_PAYLOAD_BYTES, writeFrame } from './frame.js';

/** The size of a slab, unless a single frame needs more. */
export const SLAB_BYTES: number = 64 * 1024;

/** The priorities of the binary protocol. */
const PRIORITIES = [10, 5] as const;

const NO_SLAB = Buffer.alloc(0);

/** Consecutive frames, from `start` to `end` of `bytes`. */
export interface ByteRange {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Options of a {@link FrameSlab}. */
export interface FrameSlabOptions {
  readonly command: FrameCommand;
  readonly maxPayloadBytes?: number | undefined;
  /** Gives a notification that has passed its checks its identifier on the wire. */
  readonly identify: (wanted: number | undefined) => number;
}

/** Encodes notifications into slabs. */
export class FrameSlab {
  readonly #command: FrameCommand;
  readonly #maxPayloadBytes: number;
  readonly #identify: FrameSlabOptions['identify'];
  /** The fields of the notification that is being appended, if the caller gave no record. */
  readonly #record = new NotificationRecord();
  #slab: Buffer = NO_SLAB;
  #start = 0;
  #end = 0;

  constructor(options: FrameSlabOptions) {
    this.#command = options.command;
    this.#maxPayloadBytes = options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES[options.command];
    this.#identify = options.identify;
  }

  /** The bytes of the frames that {@link take} would return. */
  get bytes(): number {
    return this.#end - this.#start;
  }

  /**
   * Appends the frame of a notification.
   *
   * @returns the frames written before, when this one no longer fitted behind them
   * @throws {InvalidNotificationError} if a field breaks a rule of the binary wire; nothing is appended then
   */
  append(notification: Notification): ByteRange | undefined {
    return this.appendChecked(checkNotification(notification, this.#record));
  }

  /** The same for a notification whose fields were read and checked. */
  appendChecked(notification: CheckedNotification): ByteRange | undefined {
    const { deviceToken, expiration, priority } = notification;
    if (deviceToken === undefined) {
      throw invalidNotification(
        notification,
        'channelId',
        'is for HTTP/2 only: the binary protocol has no channels',
      );
    }
    if (priority !== undefined) {
      const problem = priorityProblem(priority, PRIORITIES);
      if (problem !== undefined) throw invalidNotification(notification, 'priority', problem);
    }
    const payload = payloadText(notification);
    this.#checkPayloadSize(notification, payload);
    // A UTF-16 unit becomes at most three bytes of UTF-8.
    const most = frameBytes(deviceToken.length / 2, payload.length * (typeof payload === 'string' ? 3 : 1));
    const full = this.#slab.length - this.#end < most ? this.take() : undefined;
    if (this.#slab.length - this.#end < most) this.#renew(most);
    this.#end = writeFrame(this.#slab, this.#end, this.#command, {
      deviceToken,
      payload,
      identifier: this.#identify(notification.identifier),
      expiration: expiration === undefined ? undefined : expirationSeconds(expiration),
      priority,
    });
    return full;
  }

  /** The frames appended since the last call, or `undefined`. They share their slab with those to come. */
  take(): ByteRange | undefined {
    if (this.#start === this.#end) return undefined;
    const span = { bytes: this.#slab, start: this.#start, end: this.#end };
    this.#start = this.#end;
    return span;
  }

  #renew(most: number): void {
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, most));
    this.#start = 0;
    this.#end = 0;
  }

  #checkPayloadSize(notification: CheckedNotification, payload: string | Uint8Array): void {
    const limit = this.#maxPayloadBytes;
    if (payload.length * (typeof payload === 'string' ? 3 : 1) <= limit) return;
    const bytes = Buffer.byteLength(payload);
    if (bytes <= limit) return;
    const advice = compactAdvice(payload, limit);
    throw invalidNotification(
      notification,
      'payload',
      `must be at most ${limit} bytes, got ${bytes}${advice}`,
    );
  }
}
