/** One notification on its way over HTTP/2, from when it is taken until it is settled. */
import {
  channelOf,
  checkNotification,
  expirationSeconds,
  type Notification,
  payloadText,
} from '../notification.js';
import type { Settlement } from '../outcome.js';
import type { GeneralRequest, NotificationRequest } from '../protocol/http2/request.js';
import type { Http2RuleContext } from '../protocol/http2/rule.js';
import { checkHttp2Headers, checkHttp2PayloadBytes, type HeaderRuleFields } from '../protocol/http2/rules.js';
import { ApnsIdSource } from './apns-id-source.js';
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
  broadcast: GeneralRequest | undefined;
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

  constructor(notification: Notification, topic: string | undefined, apnsId: string, since: number) {
    const { expiration, pushType } = notification;
    this.notification = notification;
    this.deviceToken = notification.deviceToken;
    const payload = payloadText(notification);
    // Whoever wrote it has the bytes back with the callback, long before they are sent.
    this.payload = typeof payload === 'string' ? payload : Buffer.from(payload);
    this.topic = notification.topic ?? topic;
    this.pushType = pushType;
    // Apple: "If you omit this header, APNs sets the notification priority to 10", and for background "always use
    // priority 5. Using priority 10 is an error."
    this.priority = notification.priority ?? (pushType === 'background' ? 5 : undefined);
    this.expiration = expiration === undefined ? undefined : expirationSeconds(expiration);
    this.collapseId = notification.collapseId;
    this.apnsId = apnsId;
    this.since = since;
  }
}

/** Checks notifications by the rules of HTTP/2, and makes the records of them. */
export class NotificationPreparer {
  readonly #rules: Http2RuleContext;
  /** Those of a notification that kept every rule: most of those behind it have the same. */
  #passed: HeaderRuleFields | undefined;
  readonly #ids = new ApnsIdSource();

  /** @param rules what speaks for the provider, and the topic of notifications that name none */
  constructor(rules: Http2RuleContext) {
    this.#rules = rules;
  }

  /**
   * @param since when it was taken, in whole milliseconds of the monotonic clock
   * @throws {InvalidNotificationError} naming the first field that breaks a rule
   */
  prepare(notification: Notification, since: number): PendingNotification {
    checkNotification(notification);
    if (channelOf(notification) !== undefined) return this.#prepareBroadcast(notification, since);
    this.#checkHeaders(notification);
    const pending = this.#record(notification, since);
    // Only a payload that could be too long in UTF-8 is measured.
    if (pending.payload.length * 3 > MAX_PAYLOAD_BYTES) {
      checkHttp2PayloadBytes(notification, Buffer.byteLength(pending.payload));
    }
    return pending;
  }

  #prepareBroadcast(notification: Notification, since: number): PendingNotification {
    const request = createBroadcastRequest(notification, this.#rules.defaultTopic);
    const pending = this.#record(notification, since);
    pending.broadcast = request;
    checkHttp2PayloadBytes(notification, Buffer.byteLength(pending.payload), true);
    return pending;
  }

  #record(notification: Notification, since: number): PendingNotification {
    const apnsId = notification.apnsId ?? this.#ids.next();
    return new PendingNotification(notification, this.#rules.defaultTopic, apnsId, since);
  }

  #checkHeaders(notification: Notification): void {
    const { topic, pushType, priority } = notification;
    const passed = this.#passed;
    if (topic === passed?.topic && pushType === passed?.pushType && priority === passed?.priority && passed)
      return;
    checkHttp2Headers(notification, this.#rules);
    this.#passed = { topic: topic!, pushType: pushType!, priority: priority! };
  }
}
