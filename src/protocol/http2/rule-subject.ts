/** What a notification is, as far as rules depend on it and a field alone does not say it. */
import { channelOf, type Notification } from '../../notification.js';
import { pushTypeOfTopic } from './push-type.js';
import type { Http2RuleContext } from './rule.js';

/** What a broadcast is sent with when it names no push type, and the only one that it may name. */
export const BROADCAST_PUSH_TYPE = 'liveactivity';

/** What Wallet (the identifier of a pass type) and device management have as topic; their payloads need no `aps`. */
const TOPICS_WITHOUT_APS = /^(?:pass\.|com\.apple\.mgmt\.)/;

/** Whether the notification goes to a channel, and not to a device. */
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

/** The push type that the notification is for: where it is sent with none, the one that the topic names. */
export function impliedPushType(notification: Notification, context: Http2RuleContext): string | undefined {
  const pushType = pushTypeOf(notification);
  if (pushType !== undefined) return pushType;
  const topic = topicOf(notification, context);
  return topic === undefined ? undefined : pushTypeOfTopic(topic);
}

/**
 * Whether Wallet or device management takes the notification. Apple, "Adding a web service to update passes": the topic
 * is the pass type identifier, and the payload an empty JSON dictionary.
 */
export function goesWithoutAps(notification: Notification, context: Http2RuleContext): boolean {
  return TOPICS_WITHOUT_APS.test(topicOf(notification, context) ?? '');
}
