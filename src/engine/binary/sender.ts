/** A NotificationSender that sends notifications as frames to a binary gateway. */
import type { ApnsError } from '../../core/errors.js';
import { heldBytes } from '../../core/held-bytes.js';
import { checkNotification, type Notification, NotificationRecord } from '../../core/notification.js';
import type { OutcomeCounts, Settlement } from '../../core/outcome.js';
import type { FrameCommand } from '../../protocol/binary/frame.js';
import { type ByteRange, FrameSlab, SLAB_BYTES } from '../../protocol/binary/frame-slab.js';
import { IdentifierSequence } from '../../protocol/binary/identifier.js';
import type { NotificationSender } from '../notification-sender.js';
import { FrameSender, type FrameSenderEvents } from './frame-sender.js';
import { type FramedNotification, keepForOutcome } from './framed-notification.js';
import type { ResolvedBinaryOptions } from './options.js';
import type { OutcomeQueue } from './outcome-queue.js';

/**
 * Encodes notifications into slabs, and passes them to a FrameSender at the end of the tick, or when a slab is full.
 *
 * A frame has the identifier of its notification if that is higher than all earlier ones. Otherwise the sender replaces
 * the identifier in the frame, so that an error response always names one frame. Outcomes keep the original.
 */
export class BinarySender implements NotificationSender {
  readonly #sender: FrameSender;
  readonly #slab: FrameSlab;
  readonly #flush: () => void;
  /** The fields of the notification that is being encoded. */
  readonly #record = new NotificationRecord();
  /** The notifications whose frames are in the slab. */
  #notifications: (FramedNotification | Notification)[] = [];
  /** The memory, in bytes, that these notifications hold in addition to their frames. */
  #extraBytes = 0;
  #isFlushScheduled = false;

  constructor(
    options: ResolvedBinaryOptions,
    framing: { readonly command: FrameCommand; readonly maxPayloadBytes: number },
    events: FrameSenderEvents,
  ) {
    this.#sender = new FrameSender(options, {
      ...events,
      onRoom: () => {
        if (this.#hasRoom) events.onRoom();
      },
    });
    const identifiers = new IdentifierSequence();
    this.#slab = new FrameSlab({ ...framing, identify: (wanted) => identifiers.nextUnique(wanted) });
    this.#flush = () => {
      this.#isFlushScheduled = false;
      this.#collect(this.#slab.take());
      // A slab that became full within the tick has delayed the next notification until now.
      if (this.#hasRoom) events.onRoom();
    };
  }

  get counts(): OutcomeCounts {
    return this.#sender.counts;
  }

  get outcomes(): OutcomeQueue {
    return this.#sender.outcomes;
  }

  send(notification: Notification): boolean {
    if (!this.#hasRoom) return false;
    // Getters and toJSON can run code that destroys the sending, so they run before the frame is written.
    const record = checkNotification(notification, this.#record);
    const extraBytes = heldBytes(notification, record.context);
    this.#collect(this.#slab.appendChecked(record));
    this.#notifications.push(keepForOutcome(record));
    this.#extraBytes += extraBytes;
    if (this.#extraBytes >= SLAB_BYTES) this.#collect(this.#slab.take());
    if (!this.#isFlushScheduled) {
      this.#isFlushScheduled = true;
      process.nextTick(this.#flush);
    }
    return true;
  }

  settle(notification: Notification, settlement: Settlement): void {
    this.outcomes.settleUnframed(notification, settlement);
  }

  onRead(): void {
    this.#sender.onRead();
  }

  end(callback: (error?: ApnsError) => void): void {
    this.#flush();
    this.#sender.end(callback);
  }

  destroy(reason: string): void {
    this.#sender.destroy(reason);
    // After its end, the FrameSender settles everything that it receives.
    this.#flush();
  }

  /** The window may be exceeded by one notification, because the size of a frame is known only when it is written. */
  get #hasRoom(): boolean {
    if (this.#slab.bytes + this.#extraBytes >= this.#sender.roomBytes) return false;
    return this.#notifications.length < this.#sender.roomFrames;
  }

  #collect(span: ByteRange | undefined): void {
    if (span === undefined) return;
    const notifications = this.#notifications;
    const extraBytes = this.#extraBytes;
    this.#notifications = [];
    this.#extraBytes = 0;
    this.#sender.take({
      ...span,
      count: notifications.length,
      notifications,
      extraBytes,
      since: 0,
      attempts: 0,
      writtenAt: 0,
    });
  }
}
