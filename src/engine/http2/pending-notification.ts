/** One notification over HTTP/2, from when the engine takes it until it is settled. */
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

/** The payload limit of most push types. */
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
 * The fields of a notification, its request and its state, in one object to save memory. Until {@link complete} has
 * run, `payload` and `expiration` are as in the notification.
 */
export class PendingNotification extends NotificationRecord implements NotificationRequest {
  declare payload: string | Uint8Array;
  declare expiration: number | undefined;
  /** The id is the same for every attempt, so that duplicates can be identified. */
  declare apnsId: string;
  /** The memory that the notification holds, in bytes, which counts against the window. */
  heldBytes = 0;
  /** The request of a broadcast, without its authorization; `undefined` for a notification to a device. */
  broadcast: GeneralRequest | undefined;
  authorization: string | undefined;
  /** Its number among all notifications of the sender. */
  order = 0;
  /** Its neighbours in the {@link UnsettledList}. */
  previous: PendingNotification | undefined;
  next: PendingNotification | undefined;
  /** The connection with an open stream for the notification. */
  connection: StreamHolder | undefined;
  /** When to retry it, in engine time. */
  dueAt = 0;
  /** When it was taken, in engine time. Its deadline counts from here. */
  readonly enqueuedAt: number;
  /** How often its headers have been written. */
  attempts = 0;
  /** Whether a new provider token was already requested for it. */
  isReauthorized = false;
  /** When it was last written, in engine time. */
  sentAt = 0;
  streamId = 0;
  /** How much DATA the peer allows on its stream beyond the initial window of every stream; falls as DATA is sent. */
  windowOffset = 0;
  /** The rest of its body, if the peer's windows did not have room for all of it. */
  rest: Buffer | undefined;
  /** The bytes of DATA received on its stream. */
  receivedBytes = 0;
  /** Its settlement. Before it is settled: the one to use if it is not sent again. */
  settlement: Settlement | undefined;

  constructor(enqueuedAt: number) {
    super();
    this.enqueuedAt = enqueuedAt;
  }

  /** Converts the checked fields into those of the request. May run the payload's `toJSON`. */
  complete(defaultTopic: string | undefined, apnsId: string): void {
    const expiration = this.expiration as Notification['expiration'];
    this.topic ??= defaultTopic;
    // Apple: "If you omit this header, APNs sets the notification priority to 10", and for background "always use
    // priority 5. Using priority 10 is an error."
    if (this.pushType === 'background') this.priority ??= 5;
    if (expiration !== undefined) this.expiration = expirationSeconds(expiration);
    this.apnsId = apnsId;
    const payload = payloadText(this);
    // Copy the bytes, because the writer may reuse them after the callback, long before they are sent.
    this.payload = typeof payload === 'string' ? payload : Buffer.from(payload);
    this.heldBytes = payload.length + heldBytes(this.given, this.context);
  }
}

/** Checks notifications by the rules of HTTP/2, and creates their records. */
export class RequestPreparer {
  readonly #rules: Http2RuleContext;
  /** The headers of a valid notification, because most later notifications have the same. */
  #passed: HeaderRuleFields | undefined;
  readonly #ids = new ApnsIdSource();

  /** @param rules how the provider authenticates, and the topic of notifications without one */
  constructor(rules: Http2RuleContext) {
    this.#rules = rules;
  }

  /**
   * @param enqueuedAt when it was taken, in engine time
   * @throws {InvalidNotificationError} naming the first field that breaks a rule
   */
  prepare(notification: Notification, enqueuedAt: number): PendingNotification {
    const pending = new PendingNotification(enqueuedAt);
    // A notification from a parser has no getters, so the object itself was checked.
    if (checkNotification(notification, pending) !== pending) pending.read(notification);
    const isBroadcast = pending.channelId !== undefined;
    if (!isBroadcast) this.#checkHeaders(pending);
    const apnsId = pending.apnsId ?? this.#ids.next();
    const { defaultTopic } = this.#rules;
    if (isBroadcast) pending.broadcast = createBroadcastRequest(pending, defaultTopic, apnsId);
    pending.complete(defaultTopic, apnsId);
    // Measure only a payload that could be too long in UTF-8.
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
