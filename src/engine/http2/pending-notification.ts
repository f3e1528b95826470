/** One notification on its way over HTTP/2, from when it is taken until it is settled. */
import { heldBytes } from '../../core/held-bytes.js';
import {
  type CheckedNotification,
  checkNotification,
  type Notification,
  NotificationRecord,
  payloadText,
} from '../../core/notification.js';
import { expirationSeconds } from '../../core/notification-rules.js';
import type { Settlement } from '../../core/outcome.js';
import type { GeneralRequest, NotificationRequest } from '../../protocol/apns/request.js';
import type { Http2RuleContext } from '../../rules/rule.js';
import { checkHttp2Headers, checkHttp2PayloadBytes, type HeaderRuleFields } from '../../rules/rules.js';
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

/**
 * The fields of a notification, the request that is made of them, and its state, in one object: there is one for each
 * notification. Until {@link complete} has run, `payload` and `expiration` are what was written.
 */
export class PendingNotification extends NotificationRecord implements NotificationRequest {
  declare payload: string | Uint8Array;
  declare expiration: number | undefined;
  /** The same for every attempt, so that a duplicate can be traced. */
  declare apnsId: string;
  /** The memory that it holds, in bytes; the window counts this. */
  heldBytes = 0;
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

  constructor(enqueuedAt: number) {
    super();
    this.enqueuedAt = enqueuedAt;
  }

  /** Turns the fields, which were read and checked, into those of the request. May run the payload's `toJSON`. */
  complete(defaultTopic: string | undefined, apnsId: string): void {
    const expiration = this.expiration as Notification['expiration'];
    this.topic ??= defaultTopic;
    // Apple: "If you omit this header, APNs sets the notification priority to 10", and for background "always use
    // priority 5. Using priority 10 is an error."
    if (this.pushType === 'background') this.priority ??= 5;
    if (expiration !== undefined) this.expiration = expirationSeconds(expiration);
    this.apnsId = apnsId;
    const payload = payloadText(this);
    // The writer may use its bytes again after the callback, long before they are sent.
    this.payload = typeof payload === 'string' ? payload : Buffer.from(payload);
    this.heldBytes = payload.length + heldBytes(this.given, this.context);
  }
}

/** Checks notifications by the rules of HTTP/2, and makes the records of them. */
export class RequestPreparer {
  readonly #rules: Http2RuleContext;
  /** Those of a notification that kept every rule: most of those behind it have the same. */
  #passed: HeaderRuleFields | undefined;
  readonly #ids = new ApnsIdSource();

  /** @param rules what speaks for the provider, and the topic of notifications that name none */
  constructor(rules: Http2RuleContext) {
    this.#rules = rules;
  }

  /**
   * @param enqueuedAt when it was taken, in engine time
   * @throws {InvalidNotificationError} naming the first field that breaks a rule
   */
  prepare(notification: Notification, enqueuedAt: number): PendingNotification {
    const pending = new PendingNotification(enqueuedAt);
    // One that a parser made has no getters, and was checked as it is.
    if (checkNotification(notification, pending) !== pending) pending.read(notification);
    const isBroadcast = pending.channelId !== undefined;
    if (!isBroadcast) this.#checkHeaders(pending);
    const apnsId = pending.apnsId ?? this.#ids.next();
    const { defaultTopic } = this.#rules;
    if (isBroadcast) pending.broadcast = createBroadcastRequest(pending, defaultTopic, apnsId);
    pending.complete(defaultTopic, apnsId);
    // Only a payload that could be too long in UTF-8 is measured.
    if (pending.payload.length * 3 > MAX_PAYLOAD_BYTES)
      checkHttp2PayloadBytes(pending, Buffer.byteLength(pending.payload), isBroadcast);
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
