/** Checks for the kinds of options that only faults have. */
import { invalidOption } from '../core/errors.js';

/** Checks a flag; an absent flag keeps its value. */
export function flagFault<T>(path: string, value: boolean | undefined, current: T): boolean | T {
  if (value === undefined) return current;
  if (typeof value === 'boolean') return value;
  throw invalidOption(path, 'true or false', value);
}

/** Checks optional bytes. */
export function bytesFault(path: string, value: Uint8Array | undefined): Uint8Array | undefined {
  if (value === undefined || value instanceof Uint8Array) return value;
  throw invalidOption(path, 'a Uint8Array', value);
}
