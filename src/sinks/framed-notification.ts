/** What is kept of a notification until its outcome is read. */
import type { NotificationRecord } from '../notification.js';
import type { OutcomeSubject } from '../outcome.js';

/** The fields of a notification that its outcome repeats, as they were when its frame was made. */
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
