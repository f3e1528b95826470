/** The `retry-after` header: RFC 9110, section 10.2.3. */

const SECONDS = /^\d{1,10}$/;

/** RFC 9110, section 5.6.7: the form to send, the two forms of old, and the last of them without a zone. */
const GMT_DATE = /^[A-Z][a-z]{2,8}, \d{2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** The `retry-after` value for a delay, in whole seconds. */
export function encodeRetryAfter(delayMs: number): string {
  return String(Math.ceil(delayMs / 1000));
}

/**
 * The delay of a `retry-after` header.
 *
 * @param value seconds, or an HTTP date
 * @param nowMs the time that a date is compared with, UNIX milliseconds
 * @returns milliseconds, 0 for a date in the past, `undefined` for anything that is neither
 */
export function decodeRetryAfter(value: string, nowMs: number): number | undefined {
  const text = value.trim();
  if (SECONDS.test(text)) return Number(text) * 1000;
  const dateMs = parseHttpDate(text);
  return dateMs === undefined ? undefined : Math.max(0, dateMs - nowMs);
}

/** UNIX milliseconds of an HTTP date (`date`, `retry-after`), `undefined` if it is none. */
export function parseHttpDate(text: string): number | undefined {
  const zoned = GMT_DATE.test(text) ? text : ASCTIME_DATE.test(text) ? `${text} GMT` : undefined;
  if (zoned === undefined) return undefined;
  const dateMs = Date.parse(zoned);
  return Number.isNaN(dateMs) ? undefined : dateMs;
}
