/** The rules for the parts that a person sees or hears: `alert`, `badge` and `sound`. */
import { ALERT_KEYS, isObject, type KeyChecks, LIVE_ACTIVITY_ALERT_KEYS, SOUND_KEYS } from './aps-value.js';
import { SHOWN, unknownKeyProblems, wrongValueProblems } from './payload-rules.js';
import type { Http2Rule, JsonObject } from './rule.js';
import { PAYLOAD, SENDING, SERVICE_EXTENSION } from './rule-sources.js';
import { goesWithoutAps, pushTypeOf } from './rule-subject.js';

export const ALERT_RULES: readonly Http2Rule[] = [
  {
    id: 'alert-content',
    field: 'payload',
    severity: 'warning',
    requirement: 'With push type alert there is an `alert`, a `badge` or a `sound`.',
    source: SENDING,
    payloadProblem: ({ aps }, notification, context) =>
      notification.pushType === 'alert' &&
      aps !== undefined &&
      !SHOWN.some((key) => key in aps) &&
      !goesWithoutAps(notification, context)
        ? 'has no alert, badge or sound, so there is nothing to show with push type alert'
        : undefined,
  },
  {
    id: 'alert-empty',
    field: 'payload',
    severity: 'warning',
    requirement: 'An `alert` is neither an empty string nor an empty dictionary, which shows nothing.',
    source: PAYLOAD,
    payloadProblem({ aps = {} }) {
      const { alert } = aps;
      const isEmpty = alert === '' || (isObject(alert) && Object.keys(alert).length === 0);
      return isEmpty
        ? `has an alert in aps that is an empty ${alert === '' ? 'string' : 'object'}, so the device shows nothing: give a text or remove alert`
        : undefined;
    },
  },
  {
    id: 'alert-key',
    field: 'payload',
    severity: 'warning',
    requirement: "An `alert` that is a dictionary contains only Apple's keys.",
    source: PAYLOAD,
    payloadProblem: ({ aps = {} }, notification) =>
      unknownKeyProblems(dictionary(aps['alert']), alertKeys(aps, pushTypeOf(notification)), 'aps.alert'),
  },
  {
    id: 'alert-value',
    field: 'payload',
    severity: 'warning',
    requirement: 'The values in `alert` are strings; those of its `…-args` keys are arrays of strings.',
    source: PAYLOAD,
    payloadProblem: ({ aps = {} }, notification) =>
      wrongValueProblems(dictionary(aps['alert']), alertKeys(aps, pushTypeOf(notification)), 'aps.alert'),
  },
  {
    id: 'sound-key',
    field: 'payload',
    severity: 'warning',
    requirement: 'A `sound` that is a dictionary contains only `critical`, `name` and `volume`.',
    source: PAYLOAD,
    payloadProblem: ({ aps = {} }) => unknownKeyProblems(dictionary(aps['sound']), SOUND_KEYS, 'aps.sound'),
  },
  {
    id: 'sound-value',
    field: 'payload',
    severity: 'warning',
    requirement: 'In `sound`, `critical` is 1 or 0, `name` is a string and `volume` is a number from 0 to 1.',
    source: PAYLOAD,
    payloadProblem: ({ aps = {} }) => wrongValueProblems(dictionary(aps['sound']), SOUND_KEYS, 'aps.sound'),
  },
  {
    id: 'mutable-content-alert',
    field: 'payload',
    severity: 'warning',
    requirement:
      'With `mutable-content` there is an `alert`, because the service extension runs only for alerts.',
    source: SERVICE_EXTENSION,
    payloadProblem: ({ aps = {} }) =>
      aps['mutable-content'] === 1 && !('alert' in aps)
        ? "has mutable-content in aps and no alert, so the app's service extension does not run"
        : undefined,
  },
];

function dictionary(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function alertKeys(aps: JsonObject, pushType: string | undefined): KeyChecks {
  return pushType === 'liveactivity' || 'event' in aps ? LIVE_ACTIVITY_ALERT_KEYS : ALERT_KEYS;
}
