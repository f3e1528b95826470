/**
 * A broadcast: one notification to all subscribers of a channel (iOS 18).
 *
 *     POST /4/broadcasts/apps/<bundle id>     apns-channel-id, apns-push-type: liveactivity, apns-expiration, …
 *
 * Source: Apple, "Sending broadcast push notification requests to APNs".
 */
import { type CheckedNotification, invalidNotification } from '../../core/notification.js';
import { expirationSeconds } from '../../core/notification-rules.js';
import type { GeneralRequest } from '../../protocol/apns/request.js';

const PUSH_TYPE = 'liveactivity';

/** Apple requires a priority in every broadcast; this is the default priority of a notification to a device. */
const PRIORITY = 10;

/** The topic of a Live Activity; the path of a broadcast names the bundle identifier before it. */
const TOPIC_SUFFIX = '.push-type.liveactivity';

/**
 * The request of a notification with a channel, which `checkNotification` has found valid.
 *
 * @param bundleId the topic of notifications without one
 * @param requestId the id by which the service identifies the broadcast
 * @throws {InvalidNotificationError} if it breaks a rule of broadcasts
 */
export function createBroadcastRequest(
  notification: CheckedNotification,
  bundleId: string | undefined,
  requestId: string,
): GeneralRequest {
  const { topic = bundleId, pushType = PUSH_TYPE, expiration, priority = PRIORITY, channelId } = notification;
  if (topic === undefined) {
    throw invalidNotification(
      notification,
      'topic',
      "must be the app's bundle identifier, which the path of a broadcast names",
    );
  }
  if (pushType !== PUSH_TYPE) {
    throw invalidNotification(notification, 'pushType', `of a broadcast must be ${PUSH_TYPE}`);
  }
  const app = topic.endsWith(TOPIC_SUFFIX) ? topic.slice(0, -TOPIC_SUFFIX.length) : topic;
  const headers: [string, string][] = [
    ['apns-push-type', pushType],
    ['apns-channel-id', channelId!],
    // Apple requires an expiration, which is 0 for a channel that does not store messages.
    ['apns-expiration', `${expiration === undefined ? 0 : expirationSeconds(expiration)}`],
  ];
  headers.push(['apns-priority', `${priority}`], ['apns-request-id', requestId]);
  return { method: 'POST', path: `/4/broadcasts/apps/${encodeURIComponent(app)}`, headers };
}
