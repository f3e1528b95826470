/** One notification on its way over HTTP/2, from when it is taken until it is settled. */
import { randomUUID } from 'node:crypto';
import { channelOf, expirationSeconds, type Notification, payloadText } from '../notification.js';
import type { Settlement } from '../outcome.js';
import type { GeneralRequest, NotificationRequest } from '../protocol/http2/request.js';
import type { Http2RuleContext } from '../protocol/http2/rule.js';
import { checkHttp2Notification, checkHttp2PayloadBytes } from '../protocol/http2/rules.js';
import { createBroadcastRequest } from './broadcast-request.js';

/** The limit that most push types have. */
const MAX_PAYLOAD_BYTES = 4096;

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
  /** Its place among all that were taken. */
  order = 0;
  /** When it is to be retried, by the clock of `since`. */
  dueAt = 0;
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

/**
 * Checks a notification by the rules of HTTP/2, and makes the record of it.
 *
 * @param rules what speaks for the provider, and the topic of notifications that name none
 * @param since when it was taken, in milliseconds of the monotonic clock
 * @throws {InvalidNotificationError} naming the first field that breaks a rule
 */
export function prepareNotification(
  notification: Notification,
  rules: Http2RuleContext,
  since: number,
): PendingNotification {
  const { defaultTopic } = rules;
  if (channelOf(notification) !== undefined) {
    const broadcast = createBroadcastRequest(notification, defaultTopic);
    const pending = new PendingNotification(notification, defaultTopic, since, broadcast);
    checkHttp2PayloadBytes(notification, Buffer.byteLength(pending.payload), true);
    return pending;
  }
  checkHttp2Notification(notification, rules);
  const pending = new PendingNotification(notification, defaultTopic, since);
  // Only a payload that could be too long in UTF-8 is measured.
  if (pending.payload.length * 3 > MAX_PAYLOAD_BYTES) {
    checkHttp2PayloadBytes(notification, Buffer.byteLength(pending.payload));
  }
  return pending;
}
