/**
 * The rules for a payload on HTTP/2. APNs checks only the size. The device checks the content, and does not report
 * what it drops, so every rule except the size is a warning.
 */

import { nearestName } from '../core/nearest-name.js';
import { redactName } from '../core/redact.js';
import { maxPayloadBytes } from '../protocol/apns/push-type.js';
import { compactAdvice } from '../protocol/json/compact-advice.js';
import { APS_KEYS, type KeyChecks, valueProblems } from './aps-value.js';
import type { Http2Rule, JsonObject } from './rule.js';
import { BACKGROUND, PAYLOAD, WIDGETS } from './rule-sources.js';
import { goesWithoutAps, impliedPushType, isBroadcast, pushTypeOf } from './rule-subject.js';

/** Push types whose payload the system reads itself, and not the app alone. */
const READS_APS: ReadonlySet<string> = new Set([
  'alert',
  'background',
  'liveactivity',
  'widgets',
  'controls',
]);

/** The keys with an effect that a person notices. */
export const SHOWN: readonly string[] = ['alert', 'badge', 'sound'];

export const PAYLOAD_RULES: readonly Http2Rule[] = [
  {
    id: 'payload-size',
    field: 'payload',
    severity: 'error',
    requirement: 'The payload has at most 4096 bytes of UTF-8, with push type voip and in a broadcast 5120.',
    source: PAYLOAD,
    payloadProblem: ({ json }, notification) =>
      payloadBytesProblem(
        json.length,
        notification.pushType,
        isBroadcast(notification),
        notification.payload,
      ),
  },
  {
    id: 'payload-json',
    field: 'payload',
    severity: 'warning',
    requirement: 'The payload is the JSON text of an object.',
    source: PAYLOAD,
    payloadProblem: ({ object }) =>
      object === undefined ? 'is sent unchanged, but is not the JSON text of an object' : undefined,
  },
  {
    id: 'aps-missing',
    field: 'payload',
    severity: 'warning',
    requirement:
      'The payload has an `aps` dictionary if the system reads it; Wallet and device management need none.',
    source: PAYLOAD,
    payloadProblem({ object, aps }, notification, context) {
      if (object === undefined || aps !== undefined || goesWithoutAps(notification, context))
        return undefined;
      return READS_APS.has(impliedPushType(notification, context) ?? 'alert')
        ? 'has no aps dictionary'
        : undefined;
    },
  },
  {
    id: 'aps-key',
    field: 'payload',
    severity: 'warning',
    requirement: "The `aps` dictionary contains only Apple's keys; the app's own keys are beside it.",
    source: PAYLOAD,
    payloadProblem: ({ aps = {} }) => unknownKeyProblems(aps, APS_KEYS, 'aps'),
  },
  {
    id: 'aps-value',
    field: 'payload',
    severity: 'warning',
    requirement: "The values of Apple's keys are of the type that Apple gives, and dates are UNIX seconds.",
    source: PAYLOAD,
    payloadProblem: ({ aps = {} }) => wrongValueProblems(aps, APS_KEYS, 'aps'),
  },
  {
    id: 'relevance-score',
    field: 'payload',
    severity: 'warning',
    requirement: '`relevance-score` is a number from 0 to 1; in Live Activities any number.',
    source: PAYLOAD,
    payloadProblem({ aps = {} }, notification) {
      const score = aps['relevance-score'];
      // The rule about values reports other types.
      if (typeof score !== 'number' || (score >= 0 && score <= 1)) return undefined;
      return pushTypeOf(notification) === 'liveactivity' || 'event' in aps
        ? undefined
        : `has an aps whose relevance-score must be from 0 to 1, got ${score}; only Live Activities may have another`;
    },
  },
  {
    id: 'background-content',
    field: 'payload',
    severity: 'warning',
    requirement: 'With push type background `content-available` is 1.',
    source: BACKGROUND,
    payloadProblem: ({ aps }, notification, context) =>
      notification.pushType === 'background' &&
      aps !== undefined &&
      aps['content-available'] !== 1 &&
      !goesWithoutAps(notification, context)
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

/** The problem with the size of a payload, or `undefined`. */
export function payloadBytesProblem(
  bytes: number,
  pushType: string | undefined,
  broadcast: boolean,
  payload: unknown,
): string | undefined {
  const max = maxPayloadBytes(pushType, broadcast);
  return bytes > max
    ? `must be at most ${max} bytes${broadcast ? ' in a broadcast' : ''}, got ${bytes}${compactAdvice(payload, max)}`
    : undefined;
}

/** A payload of any size has no more findings of one rule than this. Apple defines fewer keys. */
const MAX_FINDINGS = 100;

/** The keys that Apple does not define in this dictionary of the payload, each as text that follows "payload". */
export function unknownKeyProblems(
  dictionary: JsonObject,
  checks: KeyChecks,
  name: string,
): readonly string[] {
  const unknown = Object.keys(dictionary).filter((key) => !Object.hasOwn(checks, key));
  return unknown.slice(0, MAX_FINDINGS).map((key) => {
    const nearest = nearestName(key, Object.keys(checks));
    const advice =
      nearest === undefined
        ? "which is not one of Apple's keys; put your own keys beside aps"
        : `did you mean ${nearest}?`;
    return `has "${redactName(key)}" in ${name}, ${advice}`;
  });
}

/** The values in this dictionary of the payload that are not of their type, each as text that follows "payload". */
export function wrongValueProblems(
  dictionary: JsonObject,
  checks: KeyChecks,
  name: string,
): readonly string[] {
  return valueProblems(checks, dictionary).map(
    ({ key, problem }) => `has an ${name} whose ${key} ${problem}`,
  );
}
