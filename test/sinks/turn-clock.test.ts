import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { TurnClock } from '../../src/sinks/turn-clock.js';

afterEach(() => vi.restoreAllMocks());

it('looks once in a turn, and again in the next', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValueOnce(12.25).mockReturnValueOnce(99);
  const clock = new TurnClock();
  expect([clock.now, clock.now]).toEqual([13, 13]);
  await setImmediate();
  expect([clock.now, clock.now]).toEqual([99, 99]);
  expect(now).toHaveBeenCalledTimes(2);
});
