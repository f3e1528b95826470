import { describe, expect, it } from 'vitest';
import { decodeRetryAfter, encodeRetryAfter, parseHttpDate } from '../../../src/protocol/apns/retry-after.js';

// RFC 9110, section 5.6.7: the same instant in the three forms.
const INSTANT = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('retry-after', () => {
  it.each([
    ['seconds', '120', 120_000],
    ['no seconds', '0', 0],
    ['seconds with spaces around', ' 2 ', 2000],
    ['a date', 'Sun, 06 Nov 1994 08:49:37 GMT', 30_000],
    ['a date of old', 'Sunday, 06-Nov-94 08:49:37 GMT', 30_000],
    ['a date of C', 'Sun Nov  6 08:49:37 1994', 30_000],
    ['a date of C with two digits for the day', 'Tue Dec 13 08:49:37 1994', 37 * 86_400_000 + 30_000],
    ['a date that has passed', 'Sun, 06 Nov 1994 08:00:00 GMT', 0],
    ['nothing', '', undefined],
    ['a negative number', '-1', undefined],
    ['a fraction', '1.5', undefined],
    ['a number without end', '9'.repeat(400), undefined],
    ['a word', 'soon', undefined],
    ['a day that does not exist', 'Sun, 99 Nov 1994 08:49:37 GMT', undefined],
    ['a date behind a word', 'on Sun, 06 Nov 1994 08:49:37 GMT', undefined],
    ['a date with another zone', 'Sun, 06 Nov 1994 08:49:37 GMT-0100', undefined],
    ['a date of C behind a word', 'on Sun Nov  6 08:49:37 1994', undefined],
    ['a date of C with a zone', 'Sun Nov  6 08:49:37 1994 -0100', undefined],
    ['a local time', 'Sun, 06 Nov 1994 08:49:37', undefined],
  ])('may be %s', (_what, value, delayMs) => {
    expect(decodeRetryAfter(value, INSTANT - 30_000)).toBe(delayMs);
  });

  it('returns from its value, in whole seconds', () => {
    expect(decodeRetryAfter(encodeRetryAfter(1500), 0)).toBe(2000);
  });
});

it('an HTTP date is read as UTC wherever this runs', () => {
  expect(parseHttpDate(new Date(INSTANT).toUTCString())).toBe(INSTANT);
  expect(parseHttpDate('1994-11-06T08:49:37Z')).toBeUndefined();
});
