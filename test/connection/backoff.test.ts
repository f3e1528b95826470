import { describe, expect, it } from 'vitest';
import { Backoff } from '../../src/connection/backoff.js';

describe('Backoff', () => {
  it('doubles the bound with every failure, up to the longest delay, then gives up', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 500, attempts: 5 }, () => 1);
    expect(Array.from({ length: 6 }, () => backoff.next())).toEqual([100, 200, 400, 500, 500, undefined]);
    expect(backoff.failures).toBe(5);
  });

  it('draws each delay from nothing to the bound', () => {
    const drawn = [0, 0.5, 0.25];
    const backoff = new Backoff({ initialMs: 100 }, () => drawn.shift()!);
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([0, 100, 100]);
  });

  it('starts again after a success', () => {
    const backoff = new Backoff({ attempts: 1 }, () => 1);
    expect([backoff.next(), backoff.next()]).toEqual([100, undefined]);
    backoff.reset();
    expect(backoff.failures).toBe(0);
    expect(backoff.next()).toBe(100);
  });

  it('tries eight times within ten seconds each by default, and stays within them for ever', () => {
    const backoff = new Backoff({}, () => 1);
    expect(Array.from({ length: 9 }, () => backoff.next())).toEqual([
      100,
      200,
      400,
      800,
      1600,
      3200,
      6400,
      10_000,
      undefined,
    ]);
    const patient = new Backoff({ attempts: 5000 }, () => 1);
    const delays = Array.from({ length: 5000 }, () => patient.next());
    expect(delays.at(-1)).toBe(10_000);
  });

  it('never tries again with no attempts', () => {
    expect(new Backoff({ attempts: 0 }).next()).toBeUndefined();
  });

  it.each<[string, object]>([
    ['backoff.initialMs', { initialMs: 0 }],
    ['backoff.maxMs', { maxMs: Number.NaN }],
    ['backoff.maxMs', { maxMs: 2 ** 31 }],
    ['backoff.attempts', { attempts: -1 }],
    ['backoff.delay', { delay: 1 }],
  ])('refuses %s by its name in %o', (path, options) => {
    expect(() => new Backoff(options)).toThrow(
      expect.objectContaining({
        code: 'APNS_ERR_INVALID_OPTION',
        message: expect.stringMatching(`^${path} `),
      }),
    );
  });
});
