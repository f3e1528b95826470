/** Reads the options of factories. An invalid option throws immediately, with its path and the received value. */
import { ApnsError, describeWord, invalidOption } from './errors.js';
import { nearestName } from './nearest-name.js';

/** @throws {ApnsError} APNS_ERR_INVALID_OPTION if `options` is not an object or has a name that is not `known` */
export function checkOptionNames(path: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidOption(path, 'an object', options);
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new ApnsError(
      'APNS_ERR_INVALID_OPTION',
      `${path}.${nameForMessage(name)} is not an option; use one of ${known.join(', ')}`,
    );
  }
}

/** The name of an option is a word; any other text may be a value in the wrong place. */
function nameForMessage(name: string): string {
  return /^\w{1,40}$/.test(name) ? name : `(a name of ${name.length} characters)`;
}

/** A whole number within bounds, or its default when absent. */
export function integerOption(
  path: string,
  value: number | undefined,
  bounds: { readonly default: number; readonly min?: number; readonly max?: number },
): number {
  if (value === undefined) return bounds.default;
  const { min = 1, max = Number.MAX_SAFE_INTEGER } = bounds;
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw badOption(path, `must be a whole number ${range}, got ${describeWord(value, true)}`);
}

/** The longest delay that a Node timer can hold; a longer one fires at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** A delay in whole milliseconds, from 1 to {@link MAX_TIMER_MS}, or its default when absent. */
export function millisecondsOption(path: string, value: number | undefined, fallback: number): number {
  return integerOption(path, value, { default: fallback, max: MAX_TIMER_MS });
}

/** One of a closed set of values, or its default when absent. */
export function choiceOption<const T extends string | number>(
  path: string,
  value: T | undefined,
  choices: readonly T[],
  fallback: T,
): T {
  if (value === undefined) return fallback;
  if (choices.includes(value)) return value;
  const nearest = typeof value === 'string' ? nearestName(value, choices.map(String)) : undefined;
  const advice = nearest === undefined ? '' : `: did you mean ${nearest}?`;
  throw badOption(path, `must be one of ${choices.join(', ')}, got ${describeWord(value)}${advice}`);
}

function badOption(path: string, problem: string): ApnsError {
  return new ApnsError('APNS_ERR_INVALID_OPTION', `${path} ${problem}`);
}

/**
 * `highWaterMark` and `signal`, checked, as Node's streams take them; what is absent stays absent.
 *
 * @param name what Node calls the highWaterMark of the side that is meant
 */
export function streamOptions<const Name extends string>(
  options: { readonly highWaterMark?: number; readonly signal?: AbortSignal },
  name: Name,
): { [_ in Name]?: number } & { signal?: AbortSignal } {
  const { highWaterMark, signal } = options;
  if (signal !== undefined && (typeof signal !== 'object' || signal === null || !('aborted' in signal))) {
    throw invalidOption('signal', 'an AbortSignal', signal);
  }
  return {
    ...(highWaterMark !== undefined && {
      [name]: integerOption('highWaterMark', highWaterMark, { default: 0, min: 0 }),
    }),
    ...(signal !== undefined && { signal }),
  } as { [_ in Name]?: number } & { signal?: AbortSignal };
}

/** A function, or nothing. */
export function callbackOption<T>(path: string, value: T | undefined): T | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw invalidOption(path, 'a function', value);
}
