/** The data of a notification that is kept until its outcome is read. */
import { type CheckedNotification, type Notification, NotificationRecord } from '../../core/notification.js';
import type { OutcomeSubject } from '../../core/outcome.js';

/** The fields of a notification that its outcome repeats, as they were when it was encoded. */
export class FramedNotification implements OutcomeSubject {
  /** The object that was written. */
  readonly given: NotificationRecord['given'];
  readonly deviceToken: string | undefined;
  readonly identifier: number | undefined;
  readonly apnsId: string | undefined;
  readonly context: unknown;

  constructor({ given, deviceToken, identifier, apnsId, context }: NotificationRecord) {
    this.given = given;
    this.deviceToken = deviceToken;
    this.identifier = identifier;
    this.apnsId = apnsId;
    this.context = context;
  }
}

/**
 * The data to keep of a notification. A notification from a parser has no getters, so the object itself is kept: a
 * record for each would cost about 5 % of the CPU time of sending, and 56 bytes.
 */
export function keepForOutcome(checked: CheckedNotification): FramedNotification | Notification {
  return checked instanceof NotificationRecord ? new FramedNotification(checked) : (checked as Notification);
}
