/**
 * Everything APNs demands of a notification before its payload: path, method and headers.
 * Source: Apple, "Sending notification requests to APNs" and "Handling notification responses from APNs".
 */
import type { IncomingHttpHeaders } from 'node:http2';
import { deviceTokenProblem, MAX_UINT32 } from '../../core/notification-rules.js';
import type { ApnsReason } from '../../core/reason.js';
import {
  DISPUTED_SUFFIX,
  isKnownPushType,
  maxPayloadBytes,
  topicSuffix,
} from '../../protocol/apns/push-type.js';
import type { RecordFields } from '../accepted-record.js';
import { type Rejection, rejection } from '../rejection.js';
import type { TopicPolicy } from './topic-policy.js';

/** A notification whose payload has not arrived yet. */
export type NotificationHead = Omit<RecordFields, 'identifier' | 'payload'>;

const DEVICE_PATH = '/3/device/';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const TOPIC = /^[A-Za-z0-9._-]{1,255}$/;
const DIGITS = /^\d{1,10}$/;
const MAX_COLLAPSE_ID_BYTES = 64;

/** Headers that a request has once. */
const SINGLE = /^(?:authorization|apns-.*)$/;

/** Whether a path is for notifications, valid or not. */
export function isDevicePath(path: string): boolean {
  return path.startsWith(DEVICE_PATH) || `${path}/` === DEVICE_PATH;
}

/** The device token in a path, lower case, whatever it is. */
export function deviceTokenOf(path: string): string {
  return path.slice(DEVICE_PATH.length).toLowerCase();
}

/**
 * The notification that a request's headers speak of, or why there is none.
 *
 * @param names the names of the headers as they came, repetitions included
 */
export function readNotificationHead(
  headers: IncomingHttpHeaders,
  names: Iterable<string>,
  topics: TopicPolicy,
): NotificationHead | Rejection {
  if (headers[':method'] !== 'POST') return rejection('MethodNotAllowed');
  if (hasDuplicates(names)) return rejection('DuplicateHeaders');
  const deviceToken = deviceTokenOf(String(headers[':path']));
  if (deviceToken === '') return rejection('MissingDeviceToken');
  if (deviceTokenProblem(deviceToken) !== undefined) return rejection('BadDeviceToken');
  const apnsId = textOf(headers, 'apns-id');
  const pushType = textOf(headers, 'apns-push-type');
  const collapseId = textOf(headers, 'apns-collapse-id');
  const topic = textOf(headers, 'apns-topic') ?? topics.implied;
  const expiration = textOf(headers, 'apns-expiration');
  const priority = textOf(headers, 'apns-priority');
  const reason =
    (apnsId !== undefined && !isApnsId(apnsId) && 'BadMessageId') ||
    topicReason(topic, topics) ||
    pushTypeReason(pushType, topic as string) ||
    priorityReason(priority, pushType) ||
    expirationReason(expiration) ||
    (collapseId !== undefined && collapseId.length > MAX_COLLAPSE_ID_BYTES && 'BadCollapseId');
  if (reason) return rejection(reason);
  return {
    deviceToken,
    topic: topic as string,
    ...(apnsId === undefined ? {} : { apnsId }),
    ...(pushType === undefined ? {} : { pushType }),
    ...(collapseId === undefined ? {} : { collapseId }),
    ...(expiration === undefined ? {} : { expiration: Number(expiration) }),
    ...(priority === undefined ? {} : { priority: Number(priority) }),
  };
}

/** The rejection of a payload of this size, or `undefined`. */
export function payloadRejection(
  bytes: number,
  pushType: string | undefined,
  broadcast: boolean,
): Rejection | undefined {
  if (bytes === 0) return rejection('PayloadEmpty');
  return bytes > maxPayloadBytes(pushType, broadcast) ? rejection('PayloadTooLarge') : undefined;
}

/** Whether a text can be an `apns-id`. */
export function isApnsId(text: string): boolean {
  return UUID.test(text);
}

/** The reason to refuse a priority, or `undefined`. */
export function priorityReason(
  priority: string | undefined,
  pushType: string | undefined,
): ApnsReason | undefined {
  if (priority === undefined) return undefined;
  if (priority !== '10' && priority !== '5' && priority !== '1') return 'BadPriority';
  return pushType === 'background' && priority !== '5' ? 'BadPriority' : undefined;
}

/** The reason to refuse an expiration, or `undefined`. */
export function expirationReason(expiration: string | undefined): ApnsReason | undefined {
  if (expiration === undefined) return undefined;
  return DIGITS.test(expiration) && Number(expiration) <= MAX_UINT32 ? undefined : 'BadExpirationDate';
}

/** The value of a header, as Latin-1: one character for each byte. */
export function textOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join() : value;
}

/** Whether a header that may occur only once is repeated. */
export function hasDuplicates(names: Iterable<string>): boolean {
  const seen = new Set<string>();
  for (const name of names) {
    if (!SINGLE.test(name)) continue;
    if (seen.has(name)) return true;
    seen.add(name);
  }
  return false;
}

function topicReason(topic: string | undefined, topics: TopicPolicy): ApnsReason | undefined {
  if (topic === undefined) return 'MissingTopic';
  if (!TOPIC.test(topic)) return 'BadTopic';
  return topics.allows(topic) ? undefined : 'TopicDisallowed';
}

function pushTypeReason(pushType: string | undefined, topic: string): ApnsReason | undefined {
  if (pushType === undefined) return undefined;
  if (!isKnownPushType(pushType)) return 'InvalidPushType';
  const suffix = topicSuffix(pushType);
  return suffix === undefined || suffix === DISPUTED_SUFFIX || topic.endsWith(suffix)
    ? undefined
    : 'TopicDisallowed';
}
