import { expect, it } from 'vitest';
import type { LineFilter } from '../../../src/cli/input/notification-reader.js';
import { StartLimit } from '../../../src/cli/send/start-limit.js';

it('lets 1,000 be under way until it ends, then asks the next gate only', () => {
  let isHeld = false;
  let releaseNext: () => void = () => {};
  const next: LineFilter = {
    admitInvalid: (line) => line !== 1,
    admit: (line) => line !== 2,
    hold: (release) => {
      releaseNext = release;
      return isHeld;
    },
  };
  const probation = new StartLimit(next);
  expect([1, 2].map((line) => probation.admitInvalid(line))).toEqual([false, true]);
  expect(probation.admit(2)).toBe(false);
  for (let line = 3; line < 1002; line++) expect(probation.admit(line)).toBe(true);
  let released = 0;
  const hold = (): boolean => probation.hold(() => released++);
  expect(hold()).toBe(false);
  probation.admit(1002);
  expect(hold()).toBe(true);
  probation.settle();
  expect(released).toBe(1);
  probation.admit(1003);
  expect(hold()).toBe(true);
  isHeld = true;
  probation.end();
  expect(released).toBe(1);
  releaseNext();
  expect(released).toBe(2);
  isHeld = false;
  for (let line = 2000; line < 9000; line++) probation.admit(line);
  expect(hold()).toBe(false);
});

it('needs no next gate', () => {
  const probation = new StartLimit(undefined);
  expect(probation.admitInvalid(1)).toBe(true);
  let released = 0;
  for (let line = 1; line <= 1000; line++) probation.admit(line);
  expect(probation.hold(() => released++)).toBe(true);
  probation.end();
  expect(released).toBe(1);
});
