/** One notification on its way over HTTP/2, from when it is taken until it is settled. */
import { heldBytes } from '../held-bytes.js';
import {
  type CheckedNotification,
  channelOf,
  checkNotification,
  expirationSeconds,
  type Notification,
  NotificationRecord,
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

/** The connection on which a notification's stream is open. */
export interface StreamHolder {
  /**
   * The notification's deadline has passed: ends its stream. A response that has partly arrived still counts.
   *
   * @returns whether there was a response, which was then reported
   */
  timeOut(pending: PendingNotification): boolean;
}

/** Request and record in one object, since there is one for every notification. */
export class PendingNotification implements NotificationRequest {
  /** The object that was written. */
  readonly given: Notification;
  readonly deviceToken: string;
  readonly payload: string | Uint8Array;
  readonly topic: string | undefined;
  readonly pushType: string | undefined;
  readonly priority: number | undefined;
  readonly expiration: number | undefined;
  readonly collapseId: string | undefined;
  /** The same for every attempt, so that a duplicate can be traced. */
  apnsId: string;
  readonly identifier: number | undefined;
  readonly channelId: string | undefined;
  readonly context: unknown;
  /** The memory that it holds, in bytes; the window counts this. */
  readonly heldBytes: number;
  /** The request of a broadcast, but for its authorization; `undefined` for a notification to a device. */
  broadcast: GeneralRequest | undefined;
  authorization: string | undefined;
  /** Its place among all that were taken. */
  order = 0;
  /** Its neighbours in the {@link UnsettledList}. */
  previous: PendingNotification | undefined;
  next: PendingNotification | undefined;
  /** The connection that has a stream open for it. */
  connection: StreamHolder | undefined;
  /** When it is to be retried, in engine time. */
  dueAt = 0;
  /** When it was taken, in engine time; its deadline counts from here. */
  readonly enqueuedAt: number;
  /** How often its headers have been written. */
  attempts = 0;
  /** Whether a new provider token was fetched for it already. */
  isReauthorized = false;
  /** When it was written last, in engine time. */
  sentAt = 0;
  streamId = 0;
  /** How much DATA the peer allows on its stream beyond the initial window of every stream; falls as DATA is sent. */
  windowOffset = 0;
  /** What is left of its body, where the peer's windows did not take it whole. */
  rest: Buffer | undefined;
  /** DATA received on its stream. */
  receivedBytes = 0;
  /** What becomes of it if it is given up now (`unsent`, unless more or less is known), then what became of it. */
  settlement: Settlement | undefined;

  /** Reads `checked` before it makes text of the payload, which may run code that reads another notification. */
  constructor(
    given: Notification,
    checked: CheckedNotification,
    topic: string | undefined,
    apnsId: string,
    enqueuedAt: number,
  ) {
    const { expiration, pushType, context } = checked;
    this.given = given;
    this.deviceToken = checked.deviceToken;
    this.topic = checked.topic ?? topic;
    this.pushType = pushType;
    // Apple: "If you omit this header, APNs sets the notification priority to 10", and for background "always use
    // priority 5. Using priority 10 is an error."
    this.priority = checked.priority ?? (pushType === 'background' ? 5 : undefined);
    this.expiration = expiration === undefined ? undefined : expirationSeconds(expiration);
    this.collapseId = checked.collapseId;
    this.apnsId = apnsId;
    this.identifier = checked.identifier;
    this.channelId = channelOf(checked);
    this.context = context;
    const payload = payloadText(checked);
    // The writer may use its bytes again after the callback, long before they are sent.
    this.payload = typeof payload === 'string' ? payload : Buffer.from(payload);
    this.heldBytes = payload.length + heldBytes(given, context);
    this.enqueuedAt = enqueuedAt;
  }
}

/** Checks notifications by the rules of HTTP/2, and makes the records of them. */
export class NotificationPreparer {
  readonly #rules: Http2RuleContext;
  /** Those of a notification that kept every rule: most of those behind it have the same. */
  #passed: HeaderRuleFields | undefined;
  readonly #ids = new ApnsIdSource();
  /** The fields of the notification that is being prepared. */
  readonly #record = new NotificationRecord({} as Notification);

  /** @param rules what speaks for the provider, and the topic of notifications that name none */
  constructor(rules: Http2RuleContext) {
    this.#rules = rules;
  }

  /**
   * @param enqueuedAt when it was taken, in engine time
   * @throws {InvalidNotificationError} naming the first field that breaks a rule
   */
  prepare(notification: Notification, enqueuedAt: number): PendingNotification {
    const record = checkNotification(notification, this.#record);
    const isBroadcast = channelOf(record) !== undefined;
    if (!isBroadcast) this.#checkHeaders(record);
    const apnsId = record.apnsId ?? this.#ids.next();
    const { defaultTopic } = this.#rules;
    const broadcast = isBroadcast ? createBroadcastRequest(record, defaultTopic, apnsId) : undefined;
    const pending = new PendingNotification(notification, record, defaultTopic, apnsId, enqueuedAt);
    pending.broadcast = broadcast;
    // Only a payload that could be too long in UTF-8 is measured.
    if (pending.payload.length * 3 > MAX_PAYLOAD_BYTES)
      checkHttp2PayloadBytes(record, Buffer.byteLength(pending.payload), isBroadcast);
    return pending;
  }

  #checkHeaders(record: CheckedNotification): void {
    const { topic, pushType, priority } = record;
    const passed = this.#passed;
    if (topic === passed?.topic && pushType === passed?.pushType && priority === passed?.priority && passed)
      return;
    checkHttp2Headers(record, this.#rules);
    this.#passed = { topic: topic!, pushType: pushType!, priority: priority! };
  }
}
