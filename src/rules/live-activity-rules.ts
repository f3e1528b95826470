/** The rules for `aps` dictionaries of Live Activities. The device silently drops a notification that breaks one. */
import { isObject } from './aps-value.js';
import type { Http2Rule } from './rule.js';
import { BROADCASTS, LIVE_ACTIVITIES } from './rule-sources.js';
import { isBroadcast, pushTypeOf } from './rule-subject.js';
import {
  earlySecondsProblem,
  FIRST_PLAUSIBLE_SECOND,
  isReferenceTime,
  isUnixSeconds,
} from './unix-seconds.js';

const EVENTS: readonly unknown[] = ['start', 'update', 'end'];

/** Apple: an ended Live Activity stays on the Lock Screen for at most 4 hours, even with a later `dismissal-date`. */
const MAX_DISMISSAL_SECONDS = 4 * 60 * 60;

export const LIVE_ACTIVITY_RULES: readonly Http2Rule[] = [
  {
    id: 'live-activity-event',
    field: 'payload',
    severity: 'warning',
    requirement: 'With push type liveactivity `event` is start, update or end.',
    source: LIVE_ACTIVITIES,
    payloadProblem: ({ aps }, notification) =>
      pushTypeOf(notification) === 'liveactivity' && aps !== undefined && !EVENTS.includes(aps['event'])
        ? 'needs an event in aps with push type liveactivity: start, update or end'
        : undefined,
  },
  {
    id: 'live-activity-timestamp',
    field: 'payload',
    severity: 'warning',
    requirement: 'With push type liveactivity `timestamp` is the UNIX second of the sending.',
    source: LIVE_ACTIVITIES,
    payloadProblem({ aps }, notification) {
      if (pushTypeOf(notification) !== 'liveactivity' || aps === undefined) return undefined;
      const { timestamp } = aps;
      if (!isUnixSeconds(timestamp)) {
        return 'needs a timestamp in aps with push type liveactivity: the current time in UNIX seconds';
      }
      // The rule about values reports timestamps that count from 2001.
      return timestamp < FIRST_PLAUSIBLE_SECOND && !isReferenceTime(timestamp)
        ? `has an aps whose timestamp ${earlySecondsProblem(timestamp)}`
        : undefined;
    },
  },
  {
    id: 'live-activity-state',
    field: 'payload',
    severity: 'warning',
    requirement: 'A payload that starts or updates a Live Activity has its `content-state`.',
    source: LIVE_ACTIVITIES,
    payloadProblem: ({ aps = {} }, notification) =>
      pushTypeOf(notification) === 'liveactivity' &&
      (aps['event'] === 'start' || aps['event'] === 'update') &&
      !isObject(aps['content-state'])
        ? `needs a content-state in aps to ${aps['event']} a Live Activity`
        : undefined,
  },
  {
    id: 'live-activity-start',
    field: 'payload',
    severity: 'warning',
    requirement: 'A payload that starts a Live Activity has `attributes-type`, `attributes` and an `alert`.',
    source: LIVE_ACTIVITIES,
    payloadProblem({ aps = {} }, notification) {
      if (pushTypeOf(notification) !== 'liveactivity' || aps['event'] !== 'start') return undefined;
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
    payloadProblem: ({ aps = {} }, notification) =>
      pushTypeOf(notification) !== 'liveactivity' && 'event' in aps && 'content-state' in aps
        ? 'should be liveactivity: the payload is that of a Live Activity'
        : undefined,
  },
  {
    id: 'live-activity-dismissal',
    field: 'payload',
    severity: 'warning',
    requirement: 'The `dismissal-date` of a Live Activity is at most 4 hours after its `timestamp`.',
    source: LIVE_ACTIVITIES,
    payloadProblem({ aps = {} }) {
      const { timestamp, 'dismissal-date': dismissal } = aps;
      if (!isUnixSeconds(dismissal) || !isUnixSeconds(timestamp) || timestamp < FIRST_PLAUSIBLE_SECOND) {
        return undefined;
      }
      const seconds = dismissal - timestamp;
      return seconds > MAX_DISMISSAL_SECONDS
        ? `has a dismissal-date in aps that is ${seconds} s after its timestamp, but the system removes a Live Activity at most ${MAX_DISMISSAL_SECONDS} s after its end: give an earlier date`
        : undefined;
    },
  },
  {
    id: 'live-activity-input-push',
    field: 'payload',
    severity: 'warning',
    requirement:
      'A payload that starts a Live Activity has either `input-push-token` or `input-push-channel`.',
    source: LIVE_ACTIVITIES,
    payloadProblem: ({ aps = {} }) =>
      'input-push-token' in aps && 'input-push-channel' in aps
        ? 'has both input-push-token and input-push-channel in aps: keep the one that you will use for updates'
        : undefined,
  },
  {
    id: 'broadcast-event',
    field: 'payload',
    severity: 'warning',
    requirement: 'A broadcast updates or ends Live Activities; it cannot start one.',
    source: BROADCASTS,
    payloadProblem: ({ aps = {} }, notification) =>
      aps['event'] === 'start' && isBroadcast(notification)
        ? 'has event start in aps, but a broadcast can only update or end Live Activities: to start one, send to its device token, with input-push-channel'
        : undefined,
  },
];
