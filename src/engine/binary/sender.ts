/** Notifications in, frames to a gateway: the binary wire as a NotificationSender. */
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
 * Frames notifications in slabs and hands them to a FrameSender at the end of the turn, or when a slab is
 * full.
 *
 * The wire carries the identifier a notification asks for as long as these rise; a repeated or earlier one
 * is replaced on the wire, where nobody but the gateway sees it, so that an answer always names one frame.
 */
export class BinarySender implements NotificationSender {
  readonly #sender: FrameSender;
  readonly #slab: FrameSlab;
  readonly #flush: () => void;
  /** The fields of the notification that is being framed. */
  readonly #record = new NotificationRecord();
  /** The notifications whose frames are in the slab. */
  #notifications: (FramedNotification | Notification)[] = [];
  /** The memory, in bytes, that these hold beyond the frames. */
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
      // A slab that filled up within the turn has held the next notification back until now.
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
    // A sender that is over settles what it is given.
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
