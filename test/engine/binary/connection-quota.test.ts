import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConnectionQuota, MIN_QUOTA_FRAMES } from '../../../src/engine/binary/connection-quota.js';

/** What becomes of each connection: how many of its frames are proved before one is named, or all of them. */
const connections = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('named' as const),
      at: fc.oneof(fc.constant(0), fc.nat(50), fc.nat(40_000)),
    }),
    fc.record({ kind: fc.constant('lost' as const), at: fc.constant(0) }),
    fc.record({ kind: fc.constant('checkpoint' as const), at: fc.constant(0) }),
  ),
  { maxLength: 300 },
);

describe('ConnectionQuota', () => {
  test('keeps the bound in its file comment, whatever the gateway does', () => {
    fc.assert(
      fc.property(connections, fc.integer({ min: 1, max: 40_000 }), (plan, max) => {
        const quota = new ConnectionQuota(max);
        let resent = 0;
        let settled = 0;
        let rejections = 0;
        for (const { kind, at } of plan) {
          const held = quota.frames;
          // The named frame is settled, and those before it.
          const proved = kind === 'checkpoint' ? held : kind === 'lost' ? 0 : Math.min(at + 1, held);
          quota.note(proved, held - proved);
          settled += proved;
          resent += held - proved;
          if (kind !== 'checkpoint') rejections++;
          expect(quota.frames).toBeLessThanOrEqual(max);
          expect(quota.frames).toBeGreaterThanOrEqual(Math.min(max, MIN_QUOTA_FRAMES));
        }
        expect(resent).toBeLessThanOrEqual(2 * max + 4 * settled + MIN_QUOTA_FRAMES * rejections);
      }),
    );
  });

  test('halves where frames were lost, and doubles with proof', () => {
    const quota = new ConnectionQuota(32_768);
    const framesAfter = (proved: number, lost: number): number => {
      quota.note(proved, lost);
      return quota.frames;
    };
    expect(framesAfter(1, 32_767)).toBe(16_384);
    expect(framesAfter(1, 999)).toBe(500);
    expect(framesAfter(200, 300)).toBe(400);
    expect(framesAfter(0, 0)).toBe(400);
    expect(framesAfter(1, 0)).toBe(400);
    expect(framesAfter(400, 0)).toBe(800);
    expect(framesAfter(0, 3)).toBe(8);
    expect(framesAfter(8, 0)).toBe(16);
    expect(framesAfter(32_768, 0)).toBe(32_768);
  });
});
