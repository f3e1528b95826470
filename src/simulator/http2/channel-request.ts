/**
 * Broadcasts, and the management of their channels.
 *
 *     POST   /4/broadcasts/apps/<bundleId>       sends to a channel
 *     POST   /1/apps/<bundleId>/channels         makes a channel: 201
 *     GET    /1/apps/<bundleId>/channels         reads one
 *     DELETE /1/apps/<bundleId>/channels         deletes one: 204
 *     GET    /1/apps/<bundleId>/all-channels     lists them
 *
 * Sources: Apple, "Sending broadcast push notification requests to APNs" and "Sending channel management
 * requests to APNs". Apple uses separate hosts for the two; here they share a port.
 */
import type { IncomingHttpHeaders } from 'node:http2';
import type { RecordFields } from '../accepted-record.js';
import type { ChannelRegistry, MessageStoragePolicy } from '../channel-registry.js';
import { type Rejection, rejection } from '../rejection.js';
import {
  expirationReason,
  hasDuplicates,
  payloadRejection,
  priorityReason,
  textOf,
} from './notification-head.js';
import type { TopicPolicy } from './topic-policy.js';

/** A complete request. */
export interface WholeRequest {
  readonly headers: IncomingHttpHeaders;
  /** The names of the headers as they came, repetitions included. */
  readonly names: Iterable<string>;
  readonly body: Buffer;
}

/** The response to a valid management request. */
export interface ChannelAnswer {
  readonly statusCode: number;
  readonly channelId?: string;
  readonly body?: object;
}

/** The body of a request that creates a channel. Apple requires both attributes and documents no other. */
interface ChannelConfig {
  readonly 'message-storage-policy'?: unknown;
  readonly 'push-type'?: unknown;
  readonly [attribute: string]: unknown;
}

const BROADCAST_PATH = /^\/4\/broadcasts\/apps\/([^/?]{1,255})$/;
const CHANNELS_PATH = /^\/1\/apps\/([^/?]{1,255})\/(channels|all-channels)$/;
const BASE64 = /^[A-Za-z0-9+/]{2,128}={0,2}$/;

/** Whether a path is one of broadcasts. */
export function isBroadcastPath(path: string): boolean {
  return BROADCAST_PATH.test(path);
}

/** Whether a path is one of channel management. */
export function isChannelsPath(path: string): boolean {
  return CHANNELS_PATH.test(path);
}

/** The broadcast of a request, or the reason why it is refused. */
export function readBroadcast(
  { headers, names, body }: WholeRequest,
  channels: ChannelRegistry,
  topics: TopicPolicy,
): RecordFields | Rejection {
  if (headers[':method'] !== 'POST') return rejection('MethodNotAllowed');
  if (hasDuplicates(names)) return rejection('DuplicateHeaders');
  const [, bundleId = ''] = BROADCAST_PATH.exec(String(headers[':path'])) ?? [];
  if (!topics.allows(bundleId)) return rejection('TopicMismatch');
  const found = readChannel(headers, bundleId, channels);
  if ('reason' in found) return found;
  const pushType = textOf(headers, 'apns-push-type');
  const priority = textOf(headers, 'apns-priority');
  const expiration = textOf(headers, 'apns-expiration');
  const reason =
    (pushType === undefined && 'MissingPushType') ||
    (pushType !== 'liveactivity' && 'InvalidPushType') ||
    (priority === undefined && 'BadPriority') ||
    priorityReason(priority, pushType) ||
    (expiration === undefined && 'BadExpirationDate') ||
    expirationReason(expiration) ||
    // Without storage, a broadcast cannot have an expiration.
    (found.policy === 0 && Number(expiration) !== 0 && 'BadExpirationDate');
  if (reason) return rejection(reason);
  return (
    payloadRejection(body.length, pushType, true) ?? {
      deviceToken: '',
      payload: body,
      topic: bundleId,
      channelId: found.channelId,
      pushType: 'liveactivity',
      expiration: Number(expiration),
      priority: Number(priority),
    }
  );
}

/** Executes a management request, or returns the reason why it is refused. */
export function manageChannels(
  { headers, names, body }: WholeRequest,
  channels: ChannelRegistry,
  topics: TopicPolicy,
): ChannelAnswer | Rejection {
  const method = headers[':method'];
  const [, bundleId = '', resource] = CHANNELS_PATH.exec(String(headers[':path'])) ?? [];
  if (hasDuplicates(names)) return rejection('DuplicateHeaders');
  if (!topics.allows(bundleId)) return rejection('TopicMismatch');
  if (resource === 'all-channels') {
    if (method !== 'GET') return rejection('MethodNotAllowed');
    return { statusCode: 200, body: { channels: channels.list(bundleId) } };
  }
  if (method === 'POST') return createChannel(bundleId, body, channels);
  if (method !== 'GET' && method !== 'DELETE') return rejection('MethodNotAllowed');
  const found = readChannel(headers, bundleId, channels);
  if ('reason' in found) return found;
  if (method === 'GET') {
    return { statusCode: 200, body: { 'message-storage-policy': found.policy, 'push-type': 'LiveActivity' } };
  }
  channels.delete(bundleId, found.channelId);
  return { statusCode: 204 };
}

function createChannel(bundleId: string, body: Buffer, channels: ChannelRegistry): ChannelAnswer | Rejection {
  let wanted: unknown;
  try {
    wanted = JSON.parse(body.toString());
  } catch {
    return rejection('BadRequestPayload');
  }
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted))
    return rejection('BadRequestPayload');
  const { 'message-storage-policy': policy, 'push-type': pushType, ...others } = wanted as ChannelConfig;
  if (Object.keys(others).length > 0) return rejection('BadRequestParams');
  if (pushType === undefined) return rejection('MissingPushType');
  if (String(pushType).toLowerCase() !== 'liveactivity') return rejection('InvalidPushType');
  if (policy !== 0 && policy !== 1) return rejection('BadRequestPayload');
  const channelId = channels.create(bundleId, policy);
  return channelId === undefined ? rejection('CannotCreateChannelConfig') : { statusCode: 201, channelId };
}

function readChannel(
  headers: IncomingHttpHeaders,
  bundleId: string,
  channels: ChannelRegistry,
): { readonly channelId: string; readonly policy: MessageStoragePolicy } | Rejection {
  const channelId = textOf(headers, 'apns-channel-id');
  if (channelId === undefined) return rejection('MissingChannelId');
  if (!BASE64.test(channelId)) return rejection('BadChannelId');
  const policy = channels.policyOf(bundleId, channelId);
  return policy === undefined ? rejection('ChannelNotRegistered') : { channelId, policy };
}
