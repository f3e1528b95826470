/** Checks for the kinds of options that only faults have. */
import { invalidOption } from '../core/errors.js';

/** True or false, or what it was. */
export function flagFault<T>(path: string, value: boolean | undefined, current: T): boolean | T {
  if (value === undefined) return current;
  if (typeof value === 'boolean') return value;
  throw invalidOption(path, 'true or false', value);
}

/** Bytes, or nothing. */
export function bytesFault(path: string, value: Uint8Array | undefined): Uint8Array | undefined {
  if (value === undefined || value instanceof Uint8Array) return value;
  throw invalidOption(path, 'a Uint8Array', value);
}
