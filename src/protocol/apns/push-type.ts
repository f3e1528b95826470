/**
 * Push types, and what each demands of topic and payload. Source: Apple, "Sending notification requests to
 * APNs", under `apns-push-type`. Apple adds to them, so the sink also sends one that is not here.
 * The simulator and lint reject it like APNs, with InvalidPushType.
 */
import type { PushType } from '../../core/notification.js';

/** The requirements of a push type. */
interface PushTypeDemands {
  /** The suffix of the topic, after the app's bundle identifier. */
  readonly topicSuffix?: string;
  /** The maximum size of a payload, if it is not {@link MAX_PAYLOAD_BYTES}. */
  readonly maxPayloadBytes?: number;
}

/** Apple, "Generating a remote notification": 4 KB, and 5 KB for VoIP and for broadcasts. */
const MAX_PAYLOAD_BYTES = 4096;
const MAX_LARGE_PAYLOAD_BYTES = 5120;

/** Apple's current and archived pages contradict each other about this suffix. */
export const DISPUTED_SUFFIX = '.complication';

const DEMANDS: Readonly<Record<PushType, PushTypeDemands>> = {
  alert: {},
  background: {},
  complication: { topicSuffix: DISPUTED_SUFFIX },
  controls: { topicSuffix: '.push-type.controls' },
  fileprovider: { topicSuffix: '.pushkit.fileprovider' },
  liveactivity: { topicSuffix: '.push-type.liveactivity' },
  location: { topicSuffix: '.location-query' },
  /** Its topic is the UID in the subject of the MDM certificate. */
  mdm: {},
  pushtotalk: { topicSuffix: '.voip-ptt' },
  voip: { topicSuffix: '.voip', maxPayloadBytes: MAX_LARGE_PAYLOAD_BYTES },
  widgets: { topicSuffix: '.push-type.widgets' },
};

const BY_NAME: ReadonlyMap<string, PushTypeDemands> = new Map(Object.entries(DEMANDS));

/** Every documented push type. */
export const PUSH_TYPES: readonly PushType[] = Object.keys(DEMANDS) as PushType[];

/** Whether Apple documents it. */
export function isKnownPushType(pushType: string): pushType is PushType {
  return BY_NAME.has(pushType);
}

/** The suffix of topics for this push type; `undefined` if it has none or is not known. */
export function topicSuffix(pushType: string): string | undefined {
  return BY_NAME.get(pushType)?.topicSuffix;
}

/** The push type that the suffix of a topic implies. */
export function pushTypeOfTopic(topic: string): PushType | undefined {
  return PUSH_TYPES.find((type) => {
    const suffix = topicSuffix(type);
    return suffix !== undefined && topic.endsWith(suffix);
  });
}

/** The largest payload, in bytes, that APNs takes for this push type, or for any broadcast. */
export function maxPayloadBytes(pushType: string | undefined, broadcast: boolean): number {
  if (broadcast) return MAX_LARGE_PAYLOAD_BYTES;
  return (pushType && BY_NAME.get(pushType)?.maxPayloadBytes) || MAX_PAYLOAD_BYTES;
}
