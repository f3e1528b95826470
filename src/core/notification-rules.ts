/** The rules for each field of a notification. They hold on every wire. */
import { deviceTokenAdvice } from './device-token-advice.js';
import { describe, describeWord } from './errors.js';
import { redactToken } from './redact.js';

/** Apple's "Binary Provider API": the device token is of variable length, at most 100 bytes. */
export const MAX_DEVICE_TOKEN_BYTES = 100;

/** The largest value of the wire's unsigned 32-bit fields. */
export const MAX_UINT32 = 0xffff_ffff;

const HEX_DIGITS = Uint8Array.from({ length: 128 }, (_, unit) =>
  /[0-9a-fA-F]/.test(String.fromCharCode(unit)) ? 1 : 0,
);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** The problem with a device token, or `undefined`. The text follows the field's name in a message. */
export function deviceTokenProblem(value: unknown): string | undefined {
  if (value instanceof Uint8Array)
    return "must be a string of hex digits, got bytes: use Buffer's toString('hex')";
  if (typeof value !== 'string') return `must be a string of hex digits, got ${describe(value)}`;
  if (value.length === 0) return 'must not be empty';
  if (!isHex(value)) return deviceTokenAdvice(value);
  if (value.length % 2 !== 0) return `must have an even number of hex digits, got ${value.length}`;
  if (value.length > 2 * MAX_DEVICE_TOKEN_BYTES) {
    return `must be at most ${MAX_DEVICE_TOKEN_BYTES} bytes, got ${value.length / 2} (${redactToken(value)})`;
  }
  return undefined;
}

/** The problem with an identifier, or `undefined`. */
export function identifierProblem(value: unknown): string | undefined {
  return isUint32(value)
    ? undefined
    : `must be a whole number from 0 to ${MAX_UINT32}, got ${describeWord(value, true)}`;
}

/** The problem with an expiration, or `undefined`. */
export function expirationProblem(value: unknown): string | undefined {
  const seconds = value instanceof Date ? secondsOf(value) : value;
  if (isUint32(seconds)) return undefined;
  if (value instanceof Date) return 'must be a valid date between 1970 and 2106';
  if (typeof seconds === 'number' && seconds > MAX_UINT32 && Number.isFinite(seconds)) {
    return `must be UNIX seconds below 2^32, got ${seconds}; this looks like milliseconds, divide by 1000`;
  }
  return `must be UNIX seconds as a whole number from 0 to ${MAX_UINT32}, or a Date, got ${describeWord(value, true)}`;
}

/** The problem with a priority, or `undefined`. Priority 1 exists on HTTP/2 only. */
export function priorityProblem(value: unknown, allowed: readonly number[] = [10, 5, 1]): string | undefined {
  return allowed.includes(value as number)
    ? undefined
    : `must be ${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}, got ${describeWord(value, true)}`;
}

/**
 * What is wrong with a field that becomes the value of an HTTP/2 header, or `undefined`. RFC 9113, section
 * 8.2.1: a value must not hold CR, LF or NUL, nor begin or end with white space.
 */
export function headerTextProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return `must be a string, got ${describe(value)}`;
  if (value.length === 0) return 'must not be empty';
  if (CONTROL.test(value)) return 'must not contain control characters or newlines';
  if (value.startsWith(' ') || value.endsWith(' ')) return 'must not begin or end with a space';
  return value.isWellFormed() ? undefined : 'contains a lone surrogate, which UTF-8 cannot encode';
}

/** Apple: "If the value exceeds 64 bytes, APNs returns BadCollapseId". */
export function collapseIdProblem(value: unknown): string | undefined {
  const problem = headerTextProblem(value);
  if (problem !== undefined) return problem;
  const bytes = Buffer.byteLength(value as string);
  return bytes > 64 ? `must be at most 64 bytes, got ${bytes}` : undefined;
}

/** The problem with a notification's `apnsId`, or `undefined`. */
export function apnsIdProblem(value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (UUID.test(value)) return undefined;
    if (UUID.test(value.toLowerCase()))
      return 'must be a lower-case UUID, got one with upper-case letters: use toLowerCase()';
  }
  return `must be a lower-case UUID (8-4-4-4-12 hex digits), got ${describe(value)}`;
}

/** The problem with the id of a broadcast channel, or `undefined`. */
export function channelIdProblem(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(value) && value.length <= 128
    ? undefined
    : `must be the base64 id that create() returned for the channel, got ${describe(value)}`;
}

/** The problem with the type of a payload, or `undefined`. Each protocol checks the size itself. */
export function payloadProblem(value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (value.length === 0) return 'must not be empty';
    return value.isWellFormed() ? undefined : 'contains a lone surrogate, which UTF-8 cannot encode';
  }
  if (value instanceof Uint8Array) return value.length === 0 ? 'must not be empty' : undefined;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return undefined;
  return `must be an object, a JSON string or JSON bytes, got ${describe(value)}`;
}

/** UNIX seconds of an expiration that {@link expirationProblem} has passed. */
export function expirationSeconds(expiration: number | Date): number {
  return typeof expiration === 'number' ? expiration : secondsOf(expiration);
}

/** Ignores a `getTime` of the date object itself, so that the value that is checked is the value that is sent. */
function secondsOf(date: Date): number {
  return Math.floor(Date.prototype.getTime.call(date) / 1000);
}

/** A loop, because it takes half of what a regular expression does, and every notification passes here. */
function isHex(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (HEX_DIGITS[text.charCodeAt(i)] !== 1) return false;
  return true;
}

function isUint32(value: unknown): value is number {
  return typeof value === 'number' && value >>> 0 === value;
}
