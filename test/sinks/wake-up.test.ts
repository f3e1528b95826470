import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WakeUp } from '../../src/sinks/wake-up.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('wakes once, at the earliest time it was asked for', () => {
  const wake = vi.fn();
  const wakeUp = new WakeUp(wake);
  wakeUp.at(1500, 1000);
  wakeUp.at(1100, 1000);
  wakeUp.at(1900, 1000);
  vi.advanceTimersByTime(99);
  expect(wake).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(wake).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(5000);
  expect(wake).toHaveBeenCalledTimes(1);
});

it('wakes at once for what is overdue, and can be asked from within', () => {
  const wakeUp = new WakeUp(() => wakes.push(wakes.length < 2 ? wakeUp.at(2000, 1000) : undefined));
  const wakes: unknown[] = [];
  wakeUp.at(500, 1000);
  vi.advanceTimersByTime(0);
  expect(wakes.length).toBe(1);
  vi.advanceTimersByTime(2000);
  expect(wakes.length).toBe(3);
});

it('does not wake once it was cancelled', () => {
  const wake = vi.fn();
  const wakeUp = new WakeUp(wake);
  wakeUp.at(1100, 1000);
  wakeUp.cancel();
  vi.advanceTimersByTime(5000);
  expect(wake).not.toHaveBeenCalled();
});

it('keeps to what a timer can hold', () => {
  const wake = vi.fn();
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  vi.useRealTimers();
  const wakeUp = new WakeUp(wake);
  // As a fraction that is rounded away leaves it, of the longest option there is.
  wakeUp.at(1000.5 + 2 ** 31, 1000.5);
  wakeUp.cancel();
  expect(warned).not.toHaveBeenCalled();
  warned.mockRestore();
});
