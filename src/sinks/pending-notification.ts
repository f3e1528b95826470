/** One notification on its way over HTTP/2, from when it is taken until it is settled. */
import { randomUUID } from 'node:crypto';
import { expirationSeconds, type Notification, payloadText } from '../notification.js';
import type { Settlement } from '../outcome.js';
import type { GeneralRequest, NotificationRequest } from '../protocol/http2/request.js';

/** Request and record in one object, since there is one for every notification. */
export class PendingNotification implements NotificationRequest {
  readonly notification: Notification;
  readonly deviceToken: string;
  readonly payload: string | Uint8Array;
  readonly topic: string | undefined;
  readonly pushType: string | undefined;
  readonly priority: number | undefined;
  readonly expiration: number | undefined;
  readonly collapseId: string | undefined;
  /** The same for every attempt, so that a duplicate can be traced. */
  readonly apnsId: string;
  /** The request of a broadcast, but for its authorization; `undefined` for a notification to a device. */
  readonly broadcast: GeneralRequest | undefined;
  authorization: string | undefined;
  /** When it was taken, in milliseconds of the monotonic clock; its deadline counts from here. */
  readonly since: number;
  /** How often its headers have been written. */
  attempts = 0;
  /** Whether a new provider token was fetched for it already. */
  isReauthorized = false;
  /** When it was written last, by the same clock. */
  sentAt = 0;
  streamId = 0;
  /** How much DATA the peer allows on its stream. */
  sendWindow = 0;
  /** What is left of its body, where the peer's windows did not take it whole. */
  rest: Buffer | undefined;
  /** DATA received on its stream. */
  receivedBytes = 0;
  /** What becomes of it if it is given up now: `unsent`, unless more is known or less. */
  fallback: Settlement | undefined;

  constructor(
    notification: Notification,
    defaultTopic: string | undefined,
    since: number,
    broadcast?: GeneralRequest,
  ) {
    const { expiration } = notification;
    this.notification = notification;
    this.deviceToken = notification.deviceToken;
    this.payload = payloadText(notification);
    this.topic = notification.topic ?? defaultTopic;
    this.pushType = notification.pushType;
    this.priority = notification.priority;
    this.expiration = expiration === undefined ? undefined : expirationSeconds(expiration);
    this.collapseId = notification.collapseId;
    this.apnsId = notification.apnsId ?? randomUUID();
    this.since = since;
    this.broadcast = broadcast;
  }
}
