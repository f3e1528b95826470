/**
 * Settled frames whose outcomes are not read yet.
 *
 * The queue creates each outcome when it is read, because a checkpoint can settle tens of thousands of frames at once,
 * and their outcomes would need much memory. Without a reader it keeps only counts.
 */
import { heldBytes } from '../../core/held-bytes.js';
import { type Notification, NotificationRecord } from '../../core/notification.js';
import { createOutcome, type Outcome, type OutcomeCounts, type Settlement } from '../../core/outcome.js';
import { decodeFrame, FRAME_FORMAT, type Frame, readIdentifier } from '../../protocol/binary/frame.js';
import { Fifo } from '../fifo.js';
import { bytesHeldBy, type FrameBatch } from './frame-batch.js';
import { FramedNotification } from './framed-notification.js';

const UNFRAMED: FrameBatch = {
  bytes: Buffer.alloc(0),
  start: 0,
  end: 0,
  count: 1,
  extraBytes: 0,
  since: 0,
  attempts: 0,
  writtenAt: 0,
};

interface SettledBatch {
  readonly batch: FrameBatch;
  readonly settlement: Settlement;
}

/** Counts settled frames, and keeps them until their outcomes are read. */
export class OutcomeQueue {
  readonly counts: OutcomeCounts;
  #onSettled: (() => void) | undefined;
  readonly #settled = new Fifo<SettledBatch>();
  #unread = 0;
  #unreadBytes = 0;
  /** The offset of the next outcome's frame in the first settled batch. */
  #offset = -1;
  #index = 0;

  constructor(counts: OutcomeCounts) {
    this.counts = counts;
  }

  /** Outcomes that wait to be read. They count against the window, so a slow reader slows the sending. */
  get unread(): number {
    return this.#unread;
  }

  /** The memory that unread outcomes hold, in bytes. A batch counts until its last outcome is read. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** From now on outcomes are kept until they are read. */
  startReading(onSettled: () => void): void {
    this.#onSettled = onSettled;
  }

  /** From now on only counts are kept. */
  stopReading(): void {
    this.#onSettled = undefined;
    this.#settled.takeAll();
    this.#unread = 0;
    this.#unreadBytes = 0;
    this.#offset = -1;
    this.#index = 0;
  }

  /** Settles frames: counts them, and keeps them for the reader if there is one. */
  settle(batch: FrameBatch, settlement: Settlement): void {
    this.counts[settlement.status] += batch.count;
    if (this.#onSettled === undefined) return;
    this.#settled.push({ batch, settlement });
    this.#unread += batch.count;
    this.#unreadBytes += bytesHeldBy(batch);
    this.#onSettled();
  }

  /** Settles a notification that was never framed. */
  settleUnframed(notification: Notification, settlement: Settlement): void {
    if (this.#onSettled === undefined) {
      this.counts[settlement.status]++;
      return;
    }
    // Read the fields now and not with the outcome, because reading a field can run code that aborts the sending.
    const record = readFields(notification);
    const extraBytes = heldBytes(notification, record.context);
    this.settle({ ...UNFRAMED, notifications: [record], extraBytes }, settlement);
  }

  /** The next outcome, or `undefined` when all have been read. */
  shift(): Outcome | undefined {
    const { first } = this.#settled;
    if (first === undefined) return undefined;
    const { batch, settlement } = first;
    if (this.#offset < 0) this.#offset = batch.start;
    const start = this.#offset;
    // A notification that was never framed has no bytes: it begins and ends at the same offset.
    const end = start + FRAME_FORMAT.measure(batch.bytes, start, batch.end);
    const outcome = describeFrame(batch, settlement, start, end, this.#index);
    // A getter of the notification may have ended the reading.
    if (this.#settled.first !== first) return undefined;
    this.#offset = end;
    this.#unread--;
    if (++this.#index === batch.count) this.#drop(batch);
    return outcome;
  }

  #drop(batch: FrameBatch): void {
    this.#unreadBytes -= bytesHeldBy(batch);
    this.#offset = -1;
    this.#index = 0;
    this.#settled.shift();
  }
}

function describeFrame(
  batch: FrameBatch,
  settlement: Settlement,
  start: number,
  end: number,
  index: number,
): Outcome {
  const { bytes, attempts, notifications } = batch;
  if (notifications !== undefined) {
    const identifier = readIdentifier(bytes, start, end);
    const kept = notifications[index]!;
    const given =
      kept instanceof FramedNotification || kept instanceof NotificationRecord ? kept.given : kept;
    return createOutcome(kept, settlement, { identifier, attempts }, given);
  }
  const { deviceToken = '', payload = UNFRAMED.bytes, identifier } = readFrame(bytes, start, end);
  return createOutcome({ deviceToken, payload }, settlement, { identifier, attempts });
}

/** The fields of a notification, or none of them if reading one throws. */
function readFields(notification: Notification): NotificationRecord {
  try {
    return new NotificationRecord().read(notification);
  } catch {
    const record = new NotificationRecord();
    record.given = notification;
    return record;
  }
}

/** Decodes the fields of a frame; only its identifier if its contents are invalid, which only a gateway decides. */
function readFrame(bytes: Buffer, start: number, end: number): Omit<Frame, 'command'> {
  try {
    return decodeFrame(bytes, start, end);
  } catch {
    const identifier = readIdentifier(bytes, start, end);
    return identifier === undefined ? {} : { identifier };
  }
}
