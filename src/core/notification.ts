/**
 * The notification: its fields, their rules, and the line it came from.
 *
 * The rules here hold on every wire. What differs between wires (payload size, allowed priorities) is
 * checked where the notification is encoded for one.
 */
import type { ApsPayload } from './aps.js';
import { deviceTokenAdvice } from './device-token-advice.js';
import { describe, InvalidNotificationError, shortToken, withoutTokens } from './errors.js';
import { nearestName } from './nearest-name.js';
import { printable } from './printable.js';
import { checkedTokenOf, lineOf } from './source-line.js';

/** A push notification. Only `deviceToken` and `payload` are required. One NDJSON line holds one of these. */
export interface Notification {
  /** The device's token as hex digits, 1 to 100 bytes (so 2 to 200 digits), either case. */
  deviceToken: string;
  /**
   * What is delivered: an object, or JSON text as a string or as UTF-8 bytes. Text and bytes are passed
   * through byte for byte. Limits: 256 bytes for commands 0 and 1, 2048 for command 2, 4096 on HTTP/2, and
   * 5120 there with push type `voip` and in broadcasts. Its type fits every object whose `aps`, if it has one, is Apple's.
   */
  payload: ApsPayload | string | Uint8Array;
  /**
   * Unsigned 32-bit number that the binary gateway echoes when it rejects this notification. Assigned
   * from 1 when absent. 0 is legal on the wire, but a gateway also answers 0 when it does not know.
   */
  identifier?: number;
  /** UNIX seconds, or a `Date`. 0 means "try once, do not store", which differs from absent. */
  expiration?: number | Date;
  /**
   * 10 sends at once (the default), 5 considers the device's power, 1 (HTTP/2 only) puts power first. With push type
   * `background` it is 5; if it is absent, the sink sends 5.
   */
  priority?: 10 | 5 | 1;
  /** HTTP/2: the app's bundle identifier, with a suffix for some push types. Not on the binary wire. */
  topic?: string;
  /** HTTP/2: `alert`, `background`, `voip`, … Not on the binary wire. */
  pushType?: string;
  /** HTTP/2: notifications with the same id replace each other on the device; at most 64 bytes. */
  collapseId?: string;
  /** HTTP/2: a lower-case UUID that names this notification; assigned when absent. */
  apnsId?: string;
  /** Anything; handed back untouched with the outcome. */
  context?: unknown;
}

/**
 * A notification to everybody who listens to a channel (iOS 18, Live Activities), over HTTP/2 only: `topic`
 * is the app's bundle identifier, and `apnsId` goes out as `apns-request-id`.
 */
export interface BroadcastNotification
  extends Omit<Notification, 'deviceToken' | 'identifier' | 'collapseId'> {
  /** The channel, base64, in place of a device token. */
  channelId: string;
}

/** The names a notification may have, in the order they are documented. */
export const NOTIFICATION_FIELDS: readonly (keyof Notification | 'channelId')[] = [
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

/** Apple's "Binary Provider API": the device token is of variable length, at most 100 bytes. */
export const MAX_DEVICE_TOKEN_BYTES = 100;

/** The largest value of the wire's unsigned 32-bit fields. */
export const MAX_UINT32 = 0xffff_ffff;

/** What somebody needs who writes the lines of a file to where notifications are taken. */
const PARSE_FIRST = ': put createNdjsonParser() before this stream';

/** A notification goes to a device or to a channel. */
export const CHANNEL_AND_TOKEN = 'and deviceToken exclude each other: give the one that is meant';

const KNOWN: ReadonlySet<string> = new Set(NOTIFICATION_FIELDS);
const HEX_DIGITS = Uint8Array.from({ length: 128 }, (_, unit) =>
  /[0-9a-fA-F]/.test(String.fromCharCode(unit)) ? 1 : 0,
);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** What is wrong with a device token, or `undefined`. The text follows the field's name in a message. */
export function deviceTokenProblem(value: unknown): string | undefined {
  if (value instanceof Uint8Array)
    return "must be a string of hex digits, got bytes: use Buffer's toString('hex')";
  if (typeof value !== 'string') return `must be a string of hex digits, got ${describe(value)}`;
  if (value.length === 0) return 'must not be empty';
  if (!isHex(value)) return deviceTokenAdvice(value);
  if (value.length % 2 !== 0) return `must have an even number of hex digits, got ${value.length}`;
  if (value.length > 2 * MAX_DEVICE_TOKEN_BYTES) {
    return `must be at most ${MAX_DEVICE_TOKEN_BYTES} bytes, got ${value.length / 2} (${shortToken(value)})`;
  }
  return undefined;
}

/** What is wrong with an identifier, or `undefined`. */
export function identifierProblem(value: unknown): string | undefined {
  return isUint32(value)
    ? undefined
    : `must be a whole number from 0 to ${MAX_UINT32}, got ${describe(value)}`;
}

/** What is wrong with an expiration, or `undefined`. */
export function expirationProblem(value: unknown): string | undefined {
  const seconds = value instanceof Date ? secondsOf(value) : value;
  if (isUint32(seconds)) return undefined;
  if (value instanceof Date) return 'must be a valid date between 1970 and 2106';
  if (typeof seconds === 'number' && seconds > MAX_UINT32 && Number.isFinite(seconds)) {
    return `must be UNIX seconds below 2^32, got ${seconds}; this looks like milliseconds, divide by 1000`;
  }
  return `must be UNIX seconds as a whole number from 0 to ${MAX_UINT32}, or a Date, got ${describe(value)}`;
}

/** What is wrong with a priority, or `undefined`. Priority 1 exists on HTTP/2 only. */
export function priorityProblem(value: unknown, allowed: readonly number[] = [10, 5, 1]): string | undefined {
  return allowed.includes(value as number)
    ? undefined
    : `must be ${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}, got ${describe(value)}`;
}

/**
 * What is wrong with a field that becomes the value of an HTTP/2 header, or `undefined`. RFC 9113, section
 * 8.2.1: a value must not hold CR, LF or NUL, nor begin or end with white space.
 */
export function headerTextProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return `must be a string, got ${describe(value)}`;
  if (value.length === 0) return 'must not be empty';
  if (CONTROL.test(value)) return 'must not contain control characters or newlines';
  if (value.startsWith(' ') || value.endsWith(' ')) return 'must not begin or end with a space';
  return value.isWellFormed() ? undefined : 'holds a lone surrogate, which UTF-8 cannot express';
}

/** Apple: "If the value exceeds 64 bytes, APNs returns BadCollapseId". */
export function collapseIdProblem(value: unknown): string | undefined {
  const problem = headerTextProblem(value);
  if (problem !== undefined) return problem;
  const bytes = Buffer.byteLength(value as string);
  return bytes > 64 ? `must be at most 64 bytes, got ${bytes}` : undefined;
}

/** What is wrong with a notification's own id, or `undefined`. */
export function apnsIdProblem(value: unknown): string | undefined {
  return typeof value === 'string' && UUID.test(value)
    ? undefined
    : `must be a lower-case UUID (8-4-4-4-12 hex digits), got ${describe(value)}`;
}

/** What is wrong with the id of a broadcast channel, or `undefined`. */
export function channelIdProblem(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(value) && value.length <= 128
    ? undefined
    : `must be the base64 text that created the channel, got ${describe(value)}`;
}

/** The channel of a broadcast; `undefined` for a notification to a device. */
export function channelOf(notification: CheckedNotification | BroadcastNotification): string | undefined {
  return (notification as BroadcastNotification).channelId;
}

/** What is wrong with a payload's kind, or `undefined`; its size is for the wire to judge. */
export function payloadProblem(value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (value.length === 0) return 'must not be empty';
    return value.isWellFormed() ? undefined : 'holds a lone surrogate, which UTF-8 cannot express';
  }
  if (value instanceof Uint8Array) return value.length === 0 ? 'must not be empty' : undefined;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return undefined;
  return `must be an object, a JSON string or JSON bytes, got ${describe(value)}`;
}

/** The complaint about an unknown field, with the known field it most resembles. */
export function unknownFieldProblem(name: string): string {
  if (name === 'aps') return 'is not a field of a notification, it belongs into payload';
  const nearest = nearestName(name, NOTIFICATION_FIELDS);
  return nearest === undefined
    ? `is not a field of a notification, which are ${NOTIFICATION_FIELDS.join(', ')}; context carries data of your own`
    : `is not a field of a notification, did you mean ${nearest}?`;
}

/** An unknown field's name as it may stand in an error: one line, and 8 digits of a device token at most. */
export function shownName(name: string): string {
  const shown = withoutTokens(name.slice(0, 200));
  return printable(JSON.stringify(shown.length > 40 ? `${shown.slice(0, 40)}…` : shown).slice(1, -1));
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
    // It has getters of its own, or is a proxy; whoever takes notifications expects no other error.
    const line = lineOf(notification);
    const problem = 'a notification must be readable, and this one throws';
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
    if (!KNOWN.has(name)) throw invalidNotification(notification, shownName(name), unknownFieldProblem(name));
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
  return new InvalidNotificationError(problem, { field, line: lineOf(notification), notification, cause });
}

/** UNIX seconds of an expiration that {@link expirationProblem} has passed. */
export function expirationSeconds(expiration: number | Date): number {
  return typeof expiration === 'number' ? expiration : secondsOf(expiration);
}

/** Ignores a `getTime` of the date object itself, so that the value that is checked is the value that is sent. */
function secondsOf(date: Date): number {
  return Math.floor(Date.prototype.getTime.call(date) / 1000);
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
    throw invalidNotification(notification, 'payload', 'cannot be expressed as JSON', cause);
  }
  // toJSON() may have turned the object into something else, or into nothing.
  if (text === undefined || text.charCodeAt(0) !== 0x7b) {
    throw invalidNotification(
      notification,
      'payload',
      'must become a JSON object, but its toJSON() does not',
    );
  }
  return text;
}

/** A loop, because it takes half of what a regular expression does, and every notification passes here. */
function isHex(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (HEX_DIGITS[text.charCodeAt(i)] !== 1) return false;
  return true;
}

function check(notification: CheckedNotification, field: string, problem: string | undefined): void {
  if (problem !== undefined) throw invalidNotification(notification, field, problem);
}

function isUint32(value: unknown): value is number {
  return typeof value === 'number' && value >>> 0 === value;
}
