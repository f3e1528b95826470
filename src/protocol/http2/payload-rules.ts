/**
 * The rules that a payload is held to on HTTP/2. APNs looks at its size alone; what it says is judged on the
 * device, which is silent about what it drops. These are therefore warnings, all but the size.
 */
import { nearestName } from '../../nearest-name.js';
import { type Notification, shownName } from '../../notification.js';
import { APS_KEYS, apsValueProblem, isObject, isUnixSeconds } from './aps-value.js';
import { maxPayloadBytes, pushTypeOfTopic } from './push-type.js';
import type { Http2Rule, Http2RuleContext } from './rule.js';
import { BACKGROUND, LIVE_ACTIVITIES, PAYLOAD, SENDING, WIDGETS } from './rule-sources.js';

/** Push types whose payload the system reads itself, and not the app alone. */
const READS_APS: ReadonlySet<string> = new Set([
  'alert',
  'background',
  'liveactivity',
  'widgets',
  'controls',
]);

const SHOWN = ['alert', 'badge', 'sound'];
const LIVE_ACTIVITY_EVENTS: readonly unknown[] = ['start', 'update', 'end'];

export const PAYLOAD_RULES: readonly Http2Rule[] = [
  {
    id: 'payload-size',
    field: 'payload',
    severity: 'error',
    requirement: 'The payload has at most 4096 bytes of UTF-8, with push type voip and in a broadcast 5120.',
    source: PAYLOAD,
    payloadProblem: ({ bytes }, { pushType }) => payloadBytesProblem(bytes, pushType, false),
  },
  {
    id: 'payload-json',
    field: 'payload',
    severity: 'warning',
    requirement: 'The payload is the JSON text of an object.',
    source: PAYLOAD,
    payloadProblem: ({ object }) =>
      object === undefined ? 'is sent as it is, and is not the JSON text of an object' : undefined,
  },
  {
    id: 'aps-missing',
    field: 'payload',
    severity: 'warning',
    requirement: 'The payload has an `aps` dictionary, where the system is what reads it.',
    source: PAYLOAD,
    payloadProblem({ object, aps }, notification, context) {
      if (object === undefined || aps !== undefined) return undefined;
      const pushType = notification.pushType ?? pushTypeOf(notification, context) ?? 'alert';
      return READS_APS.has(pushType) ? 'has no aps dictionary' : undefined;
    },
  },
  {
    id: 'aps-key',
    field: 'payload',
    severity: 'warning',
    requirement: "The `aps` dictionary holds nothing but Apple's keys; the app's own stand beside it.",
    source: PAYLOAD,
    payloadProblem({ aps = {} }) {
      const unknown = Object.keys(aps).find((key) => !Object.hasOwn(APS_KEYS, key));
      if (unknown === undefined) return undefined;
      const nearest = nearestName(unknown, Object.keys(APS_KEYS));
      return `has "${shownName(unknown)}" in aps, ${
        nearest === undefined
          ? "which is none of Apple's keys; put your own beside aps"
          : `did you mean ${nearest}?`
      }`;
    },
  },
  {
    id: 'aps-value',
    field: 'payload',
    severity: 'warning',
    requirement: "The values of Apple's keys are of the type that Apple gives, and dates are UNIX seconds.",
    source: PAYLOAD,
    payloadProblem({ aps = {} }) {
      for (const [key, value] of Object.entries(aps)) {
        const problem = apsValueProblem(key, value);
        if (problem !== undefined) return `has an aps whose ${key} ${problem}`;
      }
      return undefined;
    },
  },
  {
    id: 'alert-content',
    field: 'payload',
    severity: 'warning',
    requirement: 'With push type alert there is an `alert`, a `badge` or a `sound`.',
    source: SENDING,
    payloadProblem: ({ aps }, { pushType }) =>
      pushType === 'alert' && aps !== undefined && !SHOWN.some((key) => key in aps)
        ? 'has neither alert, badge nor sound, so there is nothing to show with push type alert'
        : undefined,
  },
  {
    id: 'background-content',
    field: 'payload',
    severity: 'warning',
    requirement: 'With push type background `content-available` is 1.',
    source: BACKGROUND,
    payloadProblem: ({ aps }, { pushType }) =>
      pushType === 'background' && aps !== undefined && aps['content-available'] !== 1
        ? 'needs content-available: 1 in aps with push type background'
        : undefined,
  },
  {
    id: 'background-shown',
    field: 'payload',
    severity: 'warning',
    requirement: 'With push type background there is no `alert`, no `badge` and no `sound`.',
    source: BACKGROUND,
    payloadProblem({ aps = {} }, { pushType }) {
      const shown = pushType === 'background' ? SHOWN.find((key) => key in aps) : undefined;
      return shown === undefined
        ? undefined
        : `has ${shown} in aps, which push type background must not have`;
    },
  },
  {
    id: 'live-activity-event',
    field: 'payload',
    severity: 'warning',
    requirement: 'With push type liveactivity `event` is start, update or end.',
    source: LIVE_ACTIVITIES,
    payloadProblem: ({ aps }, { pushType }) =>
      pushType === 'liveactivity' && aps !== undefined && !LIVE_ACTIVITY_EVENTS.includes(aps['event'])
        ? 'needs an event in aps with push type liveactivity: start, update or end'
        : undefined,
  },
  {
    id: 'live-activity-timestamp',
    field: 'payload',
    severity: 'warning',
    requirement: 'With push type liveactivity `timestamp` is the UNIX second of the sending.',
    source: LIVE_ACTIVITIES,
    payloadProblem: ({ aps }, { pushType }) =>
      pushType === 'liveactivity' && aps !== undefined && !isUnixSeconds(aps['timestamp'])
        ? 'needs a timestamp in aps with push type liveactivity: the current time in UNIX seconds'
        : undefined,
  },
  {
    id: 'live-activity-state',
    field: 'payload',
    severity: 'warning',
    requirement: 'What starts or updates a Live Activity has its `content-state`.',
    source: LIVE_ACTIVITIES,
    payloadProblem: ({ aps = {} }, { pushType }) =>
      pushType === 'liveactivity' &&
      (aps['event'] === 'start' || aps['event'] === 'update') &&
      !isObject(aps['content-state'])
        ? `needs a content-state in aps to ${aps['event']} a Live Activity`
        : undefined,
  },
  {
    id: 'live-activity-start',
    field: 'payload',
    severity: 'warning',
    requirement: 'What starts a Live Activity has `attributes-type`, `attributes` and an `alert`.',
    source: LIVE_ACTIVITIES,
    payloadProblem({ aps = {} }, { pushType }) {
      if (pushType !== 'liveactivity' || aps['event'] !== 'start') return undefined;
      const missing = ['attributes-type', 'attributes', 'alert'].filter((key) => !(key in aps));
      return missing.length > 0 ? `needs ${missing.join(', ')} in aps to start a Live Activity` : undefined;
    },
  },
  {
    id: 'live-activity-push-type',
    field: 'pushType',
    severity: 'warning',
    requirement: 'A payload with an `event` and a `content-state` is sent with push type liveactivity.',
    source: LIVE_ACTIVITIES,
    payloadProblem: ({ aps = {} }, { pushType }) =>
      pushType !== 'liveactivity' && 'event' in aps && 'content-state' in aps
        ? 'should be liveactivity: the payload is that of a Live Activity'
        : undefined,
  },
  {
    id: 'widgets-content',
    field: 'payload',
    severity: 'warning',
    requirement: 'With push types widgets and controls `content-changed` is true.',
    source: WIDGETS,
    payloadProblem: ({ aps }, { pushType }) =>
      (pushType === 'widgets' || pushType === 'controls') &&
      aps !== undefined &&
      aps['content-changed'] !== true
        ? `needs content-changed: true in aps with push type ${pushType}`
        : undefined,
  },
];

/** What is wrong with the size of a payload, or `undefined`. */
export function payloadBytesProblem(
  bytes: number,
  pushType: string | undefined,
  broadcast: boolean,
): string | undefined {
  const max = maxPayloadBytes(pushType, broadcast);
  return bytes > max
    ? `must be at most ${max} bytes${broadcast ? ' in a broadcast' : ''}, got ${bytes}`
    : undefined;
}

function pushTypeOf({ topic }: Notification, { defaultTopic }: Http2RuleContext): string | undefined {
  const known = topic ?? defaultTopic;
  return known === undefined ? undefined : pushTypeOfTopic(known);
}
