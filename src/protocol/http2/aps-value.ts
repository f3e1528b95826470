/** The keys of the `aps` dictionary and what each may hold: the types of `aps.ts`, at run time. */
import type { Aps, LiveActivityEndAps, LiveActivityStartAps } from '../../aps.js';
import { describe } from '../../errors.js';

/** What is wrong with a value, as text that follows the key's name, or `undefined`. */
type ValueCheck = (value: unknown) => string | undefined;

/** From here on UNIX seconds are milliseconds: the year 5138. */
const FIRST_IMPLAUSIBLE_SECOND = 1e11;

const text: ValueCheck = check('a string', (value) => typeof value === 'string');
const number: ValueCheck = check('a number', (value) => typeof value === 'number');
const object: ValueCheck = check('an object', isObject);
const textOrObject: ValueCheck = check(
  'a string or an object',
  (value) => typeof value === 'string' || isObject(value),
);
const flag: ValueCheck = check('1 or 0', (value) => value === 1 || value === 0);
const seconds: ValueCheck = (value) =>
  typeof value === 'number' && value >= FIRST_IMPLAUSIBLE_SECOND
    ? 'must be UNIX seconds; this looks like milliseconds, divide by 1000'
    : check('UNIX seconds', isUnixSeconds)(value);

type ApsKey = keyof Aps | keyof LiveActivityStartAps | keyof LiveActivityEndAps;

/** Every key that Apple defines. */
export const APS_KEYS: Readonly<Record<ApsKey, ValueCheck>> = {
  alert: textOrObject,
  badge: check('a whole number', (value) => Number.isInteger(value)),
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
  'input-push-token': check('1', (value) => value === 1),
  'input-push-channel': text,
};

/** What is wrong with the value of an Apple key; `undefined` also for a key that is none. */
export function apsValueProblem(key: string, value: unknown): string | undefined {
  return Object.hasOwn(APS_KEYS, key) ? APS_KEYS[key as ApsKey](value) : undefined;
}

/** Whether it is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether it is a time in UNIX seconds, and not in milliseconds. */
export function isUnixSeconds(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < FIRST_IMPLAUSIBLE_SECOND;
}

function check(wanted: string, holds: (value: unknown) => boolean): ValueCheck {
  return (value) => (holds(value) ? undefined : `must be ${wanted}, got ${describe(value)}`);
}

function oneOf(...choices: readonly string[]): ValueCheck {
  return (value) =>
    choices.includes(value as string)
      ? undefined
      : `must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}, got ${describe(value)}`;
}
