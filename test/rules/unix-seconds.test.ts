import { expect, it } from 'vitest';
import { APS_KEYS, valueProblem } from '../../src/rules/aps-value.js';
import { earlySecondsProblem, isReferenceTime, isUnixSeconds } from '../../src/rules/unix-seconds.js';

it.each([
  [0, true],
  [1_800_000_000, true],
  [99_999_999_999.9, true],
  [100_000_000_000, false],
  [-1, false],
  ['1800000000', false],
  [null, false],
])('tells whether %j is a time in UNIX seconds', (value, expected) => {
  expect(isUnixSeconds(value)).toBe(expected);
});

it.each([
  [499_999_999, false],
  [500_000_000, true],
  [821_692_800, true],
  [999_999_999, true],
  [1_000_000_000, false],
  ['821692800', false],
  [null, false],
])("tells whether %j counts from 2001, as Swift's Date does", (value, expected) => {
  expect(isReferenceTime(value)).toBe(expected);
});

it('tells a time that counts from 2001 from one that counts from now, and names the year', () => {
  expect(earlySecondsProblem(821_692_800)).toMatch(/^is 821692800 UNIX seconds, which is in 1996; .*Swift/);
  expect(earlySecondsProblem(3600)).toMatch(/^is 3600 UNIX seconds, which is in 1970; .*from now/);
});

it('says so of a timestamp in a payload', () => {
  expect(valueProblem(APS_KEYS, { timestamp: 821_692_800 })?.problem).toContain('Swift');
});
