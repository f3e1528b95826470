/**
 * Measures the memory that a notification holds beyond the bytes that are sent.
 *
 * A sender keeps each notification until its outcome is read, and `context` can be anything. A window that counts
 * frames only would hold gigabytes of it.
 */
import { lineBytesOf } from './source-line.js';

/** How many values of a `context` are visited. Larger ones are rare, and the visit takes time for each notification. */
const MAX_VISITS = 256;

/** The bytes of an object, array or map without its entries, and the bytes of each entry. */
const OBJECT_BYTES = 32;
const ENTRY_BYTES = 16;

/**
 * The bytes that a notification holds: the length of its NDJSON line if a parser made it from one, or an estimate of
 * its `context` if that is more. It is 0 for a notification without either.
 *
 * @param context the value of the notification's field, which is not read again
 */
export function heldBytes(notification: unknown, context: unknown): number {
  const lineBytes = lineBytesOf(notification);
  return context === undefined ? lineBytes : Math.max(lineBytes, estimateBytes(context));
}

/** An estimate from the first {@link MAX_VISITS} values. It runs no getters, and stops at an exception. */
function estimateBytes(context: unknown): number {
  if (typeof context !== 'object' || context === null) return leafBytes(context);
  const seen = new Set<object>();
  const pending: object[] = [context];
  let bytes = 0;
  try {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      bytes += shallowBytes(next, pending, MAX_VISITS - seen.size);
    }
  } catch {
    // Every operation on a proxy can throw.
  }
  return bytes;
}

/** The bytes of one object and the plain values in it. At most `room` objects are pending afterwards. */
function shallowBytes(value: object, pending: object[], room: number): number {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return OBJECT_BYTES + value.byteLength;
  const entries: readonly unknown[] = Array.isArray(value) ? value : valuesOf(value);
  let bytes = OBJECT_BYTES + ENTRY_BYTES * entries.length;
  for (let i = 0; i < entries.length && i < MAX_VISITS; i++) {
    const entry = entries[i];
    if (typeof entry !== 'object' || entry === null) bytes += leafBytes(entry);
    else if (pending.length < room) pending.push(entry);
  }
  return bytes;
}

function valuesOf(value: object): unknown[] {
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  if (value instanceof Set) return [...value];
  return Object.values(Object.getOwnPropertyDescriptors(value)).map((descriptor) => descriptor.value);
}

/** The bytes of a value beyond its slot in the container. */
function leafBytes(value: unknown): number {
  return typeof value === 'string' ? value.length : 0;
}
