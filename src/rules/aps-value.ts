/** The keys of `aps` and of the dictionaries inside it, with the types of their values: `aps.ts` at run time. */
import type {
  Aps,
  ApsAlert,
  ApsSound,
  LiveActivityAlert,
  LiveActivityEndAps,
  LiveActivityStartAps,
  LocalizedText,
} from '../core/aps.js';
import { describe, describeWord } from '../core/errors.js';
import {
  earlySecondsProblem,
  FIRST_IMPLAUSIBLE_SECOND,
  isReferenceTime,
  isUnixSeconds,
} from './unix-seconds.js';

/** The problem with a value, as text that follows the key's name, or `undefined`. */
type ValueCheck = (value: unknown) => string | undefined;

/** The keys that a dictionary may have. */
export type KeyChecks<Key extends string = string> = Readonly<Record<Key, ValueCheck>>;

const text: ValueCheck = check('a string', (value) => typeof value === 'string');
const number: ValueCheck = numeric('a number', (value) => typeof value === 'number');
const object: ValueCheck = check('an object', isObject);
const textOrObject: ValueCheck = check(
  'a string or an object',
  (value) => typeof value === 'string' || isObject(value),
);
const flag: ValueCheck = numeric('1 or 0', (value) => value === 1 || value === 0);
const seconds: ValueCheck = (value) => {
  if (typeof value === 'number' && value >= FIRST_IMPLAUSIBLE_SECOND) {
    return 'must be UNIX seconds; this looks like milliseconds, divide by 1000';
  }
  if (isReferenceTime(value)) return earlySecondsProblem(value);
  return numeric('UNIX seconds', isUnixSeconds)(value);
};
const texts: ValueCheck = check(
  'an array of strings',
  (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
);
const localizedText: ValueCheck = (value) => {
  if (typeof value === 'string') return undefined;
  if (!isObject(value)) return `must be a string or an object with loc-key, got ${describe(value)}`;
  const found = valueProblem(LOCALIZED_TEXT_KEYS, value);
  return found === undefined ? undefined : `has a ${found.key} that ${found.problem}`;
};

type ApsKey = keyof Aps | keyof LiveActivityStartAps | keyof LiveActivityEndAps;

/** Every key that Apple defines. */
export const APS_KEYS: KeyChecks<ApsKey> = {
  alert: textOrObject,
  badge: numeric(
    'a whole number of at least 0 (0 removes the badge)',
    (value) => Number.isInteger(value) && (value as number) >= 0,
  ),
  sound: textOrObject,
  'thread-id': text,
  category: text,
  'content-available': flag,
  'mutable-content': flag,
  'target-content-id': text,
  'interruption-level': oneOf('passive', 'active', 'time-sensitive', 'critical'),
  'relevance-score': number,
  'filter-criteria': text,
  'content-changed': check('true or false', (value) => typeof value === 'boolean'),
  'url-args': check('an array', Array.isArray),
  event: oneOf('start', 'update', 'end'),
  timestamp: seconds,
  'content-state': object,
  'stale-date': seconds,
  'dismissal-date': seconds,
  'attributes-type': text,
  attributes: object,
  'input-push-token': numeric('1', (value) => value === 1),
  'input-push-channel': text,
};

/** Every key of an `alert` that is a dictionary. */
export const ALERT_KEYS: KeyChecks<keyof ApsAlert> = {
  title: text,
  subtitle: text,
  body: text,
  'launch-image': text,
  'title-loc-key': text,
  'title-loc-args': texts,
  'subtitle-loc-key': text,
  'subtitle-loc-args': texts,
  'loc-key': text,
  'loc-args': texts,
  'action-loc-key': text,
  action: text,
  'summary-arg': text,
  'summary-arg-count': number,
};

/** Every key of the `alert` that comes with an event of a Live Activity. */
export const LIVE_ACTIVITY_ALERT_KEYS: KeyChecks<keyof LiveActivityAlert> = {
  title: localizedText,
  body: localizedText,
  sound: text,
};

const LOCALIZED_TEXT_KEYS: KeyChecks<keyof LocalizedText> = { 'loc-key': text, 'loc-args': texts };

/** Every key of a `sound` that is a dictionary. */
export const SOUND_KEYS: KeyChecks<keyof ApsSound> = {
  critical: flag,
  name: text,
  volume: numeric('a number from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1),
};

/** A known key whose value has the wrong type, and the problem as text that follows the key. */
export interface ValueProblem {
  readonly key: string;
  readonly problem: string;
}

/** Every known key whose value has the wrong type. */
export function valueProblems(
  checks: KeyChecks,
  dictionary: Readonly<Record<string, unknown>>,
): readonly ValueProblem[] {
  return Object.entries(dictionary).flatMap(([key, value]) => {
    const problem = Object.hasOwn(checks, key) ? checks[key]!(value) : undefined;
    return problem === undefined ? [] : [{ key, problem }];
  });
}

/** The first of {@link valueProblems}. */
export function valueProblem(
  checks: KeyChecks,
  dictionary: Readonly<Record<string, unknown>>,
): ValueProblem | undefined {
  return valueProblems(checks, dictionary)[0];
}

/** Whether it is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function check(wanted: string, holds: (value: unknown) => boolean): ValueCheck {
  return (value) => (holds(value) ? undefined : `must be ${wanted}, got ${describe(value)}`);
}

/** The same where a number is wanted, so that the text of one has quotes by mistake. */
function numeric(wanted: string, holds: (value: unknown) => boolean): ValueCheck {
  return (value) => (holds(value) ? undefined : `must be ${wanted}, got ${describeWord(value, true)}`);
}

function oneOf(...choices: readonly string[]): ValueCheck {
  return (value) =>
    choices.includes(value as string)
      ? undefined
      : `must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}, got ${describeWord(value)}`;
}
