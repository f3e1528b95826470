/** Checks times that should be UNIX seconds, and recognises the other units that senders use by mistake. */

/** 9 September 2001. No notification refers to an earlier time. */
export const FIRST_PLAUSIBLE_SECOND = 1_000_000_000;

/** The year 5138. A larger number of seconds is a time in milliseconds. */
export const FIRST_IMPLAUSIBLE_SECOND = 1e11;

/** November 2016 in seconds since 2001, and November 1985 in UNIX seconds. */
const FIRST_REFERENCE_SECOND = 500_000_000;

/** Whether the value is a time in UNIX seconds and not in milliseconds. */
export function isUnixSeconds(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < FIRST_IMPLAUSIBLE_SECOND;
}

/** Whether the value counts from 2001, as Swift's `Date` does in its default encoding. */
export function isReferenceTime(value: unknown): value is number {
  return typeof value === 'number' && value >= FIRST_REFERENCE_SECOND && value < FIRST_PLAUSIBLE_SECOND;
}

/** The problem of a time before {@link FIRST_PLAUSIBLE_SECOND}, as text that follows the name of the key. */
export function earlySecondsProblem(seconds: number): string {
  const year = new Date(seconds * 1000).getUTCFullYear();
  const advice = isReferenceTime(seconds)
    ? "seconds since 2001, as Swift's Date is encoded: use timeIntervalSince1970"
    : 'a time from now: add the current time';
  return `is ${seconds} UNIX seconds, which is in ${year}; this looks like ${advice}`;
}
