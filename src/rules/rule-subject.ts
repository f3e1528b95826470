/** Properties of a notification that rules need and that depend on several fields. */
import { channelOf, type Notification } from '../core/notification.js';
import { pushTypeOfTopic } from '../protocol/apns/push-type.js';
import type { Http2RuleContext } from './rule.js';

/** The push type of a broadcast: the default, and the only valid one. */
export const BROADCAST_PUSH_TYPE = 'liveactivity';

/** The prefixes of topics of Wallet (pass type identifiers) and device management; their payloads need no `aps`. */
const TOPICS_WITHOUT_APS = /^(?:pass\.|com\.apple\.mgmt\.)/;

/** Whether the notification is for a channel and not for a device. */
export function isBroadcast(notification: Notification): boolean {
  return channelOf(notification) !== undefined;
}

/** The topic that the notification is sent with. */
export function topicOf({ topic }: Notification, { defaultTopic }: Http2RuleContext): string | undefined {
  return topic ?? defaultTopic;
}

/** The push type that the notification is sent with; `undefined` for none. */
export function pushTypeOf(notification: Notification): string | undefined {
  return notification.pushType ?? (isBroadcast(notification) ? BROADCAST_PUSH_TYPE : undefined);
}

/** The effective push type: if the notification has none, the one that the topic's suffix names. */
export function impliedPushType(notification: Notification, context: Http2RuleContext): string | undefined {
  const pushType = pushTypeOf(notification);
  if (pushType !== undefined) return pushType;
  const topic = topicOf(notification, context);
  return topic === undefined ? undefined : pushTypeOfTopic(topic);
}

/**
 * Whether the notification is for Wallet or device management. Apple, "Adding a web service to update passes": the
 * topic is the pass type identifier, and the payload is an empty JSON dictionary.
 */
export function goesWithoutAps(notification: Notification, context: Http2RuleContext): boolean {
  return TOPICS_WITHOUT_APS.test(topicOf(notification, context) ?? '');
}
