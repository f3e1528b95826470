/** Times that should be UNIX seconds, and what they are when they are something else. */

/** 9 September 2001. No notification means a time before. */
export const FIRST_PLAUSIBLE_SECOND = 1_000_000_000;

/** The year 5138. From here on, UNIX seconds are milliseconds. */
export const FIRST_IMPLAUSIBLE_SECOND = 1e11;

/** November 2016 in seconds since 2001, and November 1985 in UNIX seconds. */
const FIRST_REFERENCE_SECOND = 500_000_000;

/** Whether it is a time in UNIX seconds, and not in milliseconds. */
export function isUnixSeconds(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < FIRST_IMPLAUSIBLE_SECOND;
}

/** Whether it counts from 2001, as Swift's `Date` does, and encodes itself unless told otherwise. */
export function isReferenceTime(value: unknown): value is number {
  return typeof value === 'number' && value >= FIRST_REFERENCE_SECOND && value < FIRST_PLAUSIBLE_SECOND;
}

/** What is wrong with a time before {@link FIRST_PLAUSIBLE_SECOND}, as text that follows the name of what has it. */
export function earlySecondsProblem(seconds: number): string {
  const year = new Date(seconds * 1000).getUTCFullYear();
  const advice = isReferenceTime(seconds)
    ? "seconds since 2001, as Swift's Date is encoded: use timeIntervalSince1970"
    : 'a time from now: add the current time';
  return `is ${seconds} UNIX seconds, which is in ${year}; this looks like ${advice}`;
}
