/**
 * The notification: its fields, their rules, and the line it came from.
 *
 * The rules here hold on every wire. What differs between wires (payload size, allowed priorities) is
 * checked where the notification is encoded for one.
 */
import type { ApsPayload } from './aps.js';
import { describe, InvalidNotificationError } from './errors.js';
import { nearestName } from './nearest-name.js';
import {
  apnsIdProblem,
  channelIdProblem,
  collapseIdProblem,
  deviceTokenProblem,
  expirationProblem,
  headerTextProblem,
  identifierProblem,
  payloadProblem,
  priorityProblem,
} from './notification-rules.js';
import { redactName } from './redact.js';
import { checkedTokenOf, getSourceLine } from './source-line.js';

/** A push type that Apple documents. */
export type PushType =
  | 'alert'
  | 'background'
  | 'complication'
  | 'controls'
  | 'fileprovider'
  | 'liveactivity'
  | 'location'
  | 'mdm'
  | 'pushtotalk'
  | 'voip'
  | 'widgets';

/** The fields that notifications to devices and broadcasts share. `C` is the type of `context`. */
interface NotificationBase<C> {
  /**
   * What is delivered: an object, or JSON text as a string or as UTF-8 bytes. Text and bytes are passed
   * through byte for byte. Limits: 256 bytes for commands 0 and 1, 2048 for command 2, 4096 on HTTP/2, and
   * 5120 there with push type `voip` and in broadcasts. Its type fits every object whose `aps`, if it has one, is Apple's.
   */
  readonly payload: ApsPayload | string | Uint8Array;
  /** UNIX seconds, or a `Date`. 0 means "try once, do not store", which differs from absent. */
  readonly expiration?: number | Date;
  /**
   * 10 sends at once (the default), 5 considers the device's power, 1 (HTTP/2 only) puts power first. With push type
   * `background` it is 5; if it is absent, the sink sends 5.
   */
  readonly priority?: 10 | 5 | 1;
  /** HTTP/2: the app's bundle identifier, with a suffix for some push types. Not on the binary wire. */
  readonly topic?: string;
  /** HTTP/2: one of Apple's push types, or one that this version does not know. Not on the binary wire. */
  readonly pushType?: PushType | (string & {});
  /** HTTP/2: a lower-case UUID that names this notification; assigned when absent. */
  readonly apnsId?: string;
  /** Anything; handed back untouched with the outcome. */
  readonly context?: C;
}

/**
 * A push notification. Only `deviceToken` and `payload` are required. One NDJSON line holds one of these.
 * `C` is the type of `context`.
 */
export interface Notification<C = unknown> extends NotificationBase<C> {
  /** The device's token as hex digits, 1 to 100 bytes (so 2 to 200 digits), either case. */
  readonly deviceToken: string;
  /**
   * Unsigned 32-bit number that the binary gateway echoes when it rejects this notification. Assigned
   * from 1 when absent. 0 is legal on the wire, but a gateway also answers 0 when it does not know.
   */
  readonly identifier?: number;
  /** HTTP/2: notifications with the same id replace each other on the device; at most 64 bytes. */
  readonly collapseId?: string;
  /** A notification to a channel is a {@link BroadcastNotification}. */
  readonly channelId?: never;
}

/**
 * A notification to everybody who listens to a channel (iOS 18, Live Activities), over HTTP/2 only: `topic`
 * is the app's bundle identifier, and `apnsId` goes out as `apns-request-id`. `C` is the type of `context`.
 */
export interface BroadcastNotification<C = unknown> extends NotificationBase<C> {
  /** The channel, base64, in place of a device token. */
  readonly channelId: string;
  /** A notification to a device is a {@link Notification}. */
  readonly deviceToken?: never;
  readonly identifier?: never;
  readonly collapseId?: never;
}

/** The names a notification may have, in the order they are documented. */
export const NOTIFICATION_FIELDS: readonly (keyof Notification)[] = [
  'deviceToken',
  'payload',
  'identifier',
  'expiration',
  'priority',
  'topic',
  'pushType',
  'collapseId',
  'apnsId',
  'context',
  'channelId',
];

/** The advice for a program that writes the lines of a file to a stream of notifications. */
const PARSE_FIRST = ': put createNdjsonParser() before this stream';

/** A notification goes to a device or to a channel. */
export const CHANNEL_AND_TOKEN = 'and deviceToken exclude each other: give only one of them';

const KNOWN: ReadonlySet<string> = new Set(NOTIFICATION_FIELDS);

/** The problem with an unknown field, with the name of the most similar known field. */
export function unknownFieldProblem(name: string): string {
  if (name === 'aps') return 'is not a notification field; put it inside payload';
  const nearest = nearestName(name, NOTIFICATION_FIELDS);
  return nearest === undefined
    ? `is not a notification field: use one of ${NOTIFICATION_FIELDS.join(', ')}, or put your own data in context`
    : `is not a notification field: did you mean ${nearest}?`;
}

/** The channel of a broadcast; `undefined` for a notification to a device. */
export function channelOf(notification: CheckedNotification | BroadcastNotification): string | undefined {
  return (notification as BroadcastNotification).channelId;
}

/** The fields of a notification that {@link checkNotification} has passed. */
export interface CheckedNotification {
  readonly deviceToken: string;
  readonly payload: Notification['payload'];
  readonly identifier?: number | undefined;
  readonly expiration?: number | Date | undefined;
  readonly priority?: Notification['priority'] | undefined;
  readonly topic?: string | undefined;
  readonly pushType?: string | undefined;
  readonly collapseId?: string | undefined;
  readonly apnsId?: string | undefined;
  readonly context?: unknown;
  readonly channelId?: string | undefined;
}

/**
 * The fields of a notification, each read once. What a getter or a proxy returns may change between two reads, and
 * reading may run code that aborts the sending; so what is checked here is exactly what is sent.
 */
export class NotificationRecord implements CheckedNotification {
  /** The object that was written. */
  given!: Notification;
  deviceToken!: string;
  payload!: Notification['payload'];
  identifier: number | undefined;
  expiration: number | Date | undefined;
  priority: Notification['priority'] | undefined;
  topic: string | undefined;
  pushType: string | undefined;
  collapseId: string | undefined;
  apnsId: string | undefined;
  context: unknown;
  channelId: string | undefined;

  /** Reads every field once. A record can be used again for another notification. */
  read(notification: Notification): this {
    this.given = notification;
    this.deviceToken = notification.deviceToken;
    this.payload = notification.payload;
    this.identifier = notification.identifier;
    this.expiration = notification.expiration;
    this.priority = notification.priority;
    this.topic = notification.topic;
    this.pushType = notification.pushType;
    this.collapseId = notification.collapseId;
    this.apnsId = notification.apnsId;
    this.context = notification.context;
    this.channelId = channelOf(notification);
    return this;
  }
}

/**
 * Checks every rule that holds on all wires.
 *
 * @param record where the fields are read into; the caller has finished with it before its next notification
 * @returns the fields, each read once; the notification itself where a parser made it, which has no getters
 * @throws {InvalidNotificationError} naming the first field that breaks one, and the line if it is known
 */
export function checkNotification(
  notification: Notification,
  record?: NotificationRecord,
): CheckedNotification {
  try {
    return checkFields(notification, record);
  } catch (cause) {
    if (cause instanceof InvalidNotificationError) throw cause;
    // The object is a proxy or has getters that throw, and callers expect only InvalidNotificationError.
    const line = getSourceLine(notification);
    const problem = 'a property of the notification threw an error when it was read';
    throw new InvalidNotificationError(problem, { line, notification, cause });
  }
}

function checkFields(notification: Notification, record?: NotificationRecord): CheckedNotification {
  if (typeof notification !== 'object' || notification === null || Array.isArray(notification)) {
    throw new InvalidNotificationError(
      `a notification must be an object, got ${describe(notification)}${
        typeof notification === 'string' ? PARSE_FIRST : ''
      }`,
    );
  }
  if ((notification as unknown) instanceof Uint8Array) {
    throw new InvalidNotificationError(`a notification must be an object, got bytes${PARSE_FIRST}`);
  }
  for (const name in notification) {
    if (!KNOWN.has(name))
      throw invalidNotification(notification, redactName(name), unknownFieldProblem(name));
  }
  const checkedToken = checkedTokenOf(notification);
  const n = checkedToken === undefined ? readFields(notification, record) : notification;
  const { deviceToken } = n;
  const channelId = channelOf(n);
  if (channelId === undefined) {
    if (deviceToken === undefined || deviceToken !== checkedToken)
      check(n, 'deviceToken', deviceTokenProblem(deviceToken));
  } else check(n, 'channelId', deviceToken === undefined ? channelIdProblem(channelId) : CHANNEL_AND_TOKEN);
  check(n, 'payload', payloadProblem(n.payload));
  if (n.identifier !== undefined) check(n, 'identifier', identifierProblem(n.identifier));
  if (n.expiration !== undefined) check(n, 'expiration', expirationProblem(n.expiration));
  if (n.priority !== undefined) check(n, 'priority', priorityProblem(n.priority));
  if (n.topic !== undefined) check(n, 'topic', headerTextProblem(n.topic));
  if (n.pushType !== undefined) check(n, 'pushType', headerTextProblem(n.pushType));
  if (n.collapseId !== undefined) check(n, 'collapseId', collapseIdProblem(n.collapseId));
  if (n.apnsId !== undefined) check(n, 'apnsId', apnsIdProblem(n.apnsId));
  return n;
}

function readFields(notification: Notification, record: NotificationRecord | undefined): NotificationRecord {
  return (record ?? new NotificationRecord()).read(notification);
}

/** The object that was written. */
export function givenOf(checked: CheckedNotification): Notification {
  return checked instanceof NotificationRecord ? checked.given : (checked as Notification);
}

/** The error for one field of a notification, with the line the notification came from. */
export function invalidNotification(
  from: CheckedNotification,
  field: string,
  problem: string,
  cause?: unknown,
): InvalidNotificationError {
  const notification = givenOf(from);
  return new InvalidNotificationError(problem, {
    field,
    line: getSourceLine(notification),
    notification,
    cause,
  });
}

/**
 * A payload as the JSON text that is sent, or as the bytes that were given.
 *
 * @throws {InvalidNotificationError} when the object cannot be expressed as JSON (a cycle, a BigInt, too deep)
 */
export function payloadText(notification: CheckedNotification): string | Uint8Array {
  const { payload } = notification;
  if (typeof payload === 'string' || payload instanceof Uint8Array) return payload;
  let text: string | undefined;
  try {
    text = JSON.stringify(payload);
  } catch (cause) {
    throw invalidNotification(notification, 'payload', 'cannot be converted to JSON', cause);
  }
  // toJSON() may have returned another type, or undefined.
  if (text === undefined || text.charCodeAt(0) !== 0x7b) {
    throw invalidNotification(
      notification,
      'payload',
      'must become a JSON object, but its toJSON() returns another type',
    );
  }
  return text;
}

function check(notification: CheckedNotification, field: string, problem: string | undefined): void {
  if (problem !== undefined) throw invalidNotification(notification, field, problem);
}
