import { expect, test } from 'vitest';
import { isInRange, widenRange } from '../../../src/engine/binary/identifier-range.js';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import { batchOf, frames, TOKEN } from '../../support/frames.js';

test('reaches from the lowest to the highest identifier of all frames', () => {
  expect(widenRange(undefined, [batchOf(...frames(1, 7))])).toEqual({ lowest: 7, highest: 7 });
  const range = widenRange(undefined, [batchOf(...frames(2, 7)), batchOf(...frames(1, 3), ...frames(1, 5))]);
  expect(range).toEqual({ lowest: 3, highest: 8 });
  expect(widenRange(range, [batchOf(...frames(1, 9))])).toEqual({ lowest: 3, highest: 9 });
  expect(widenRange(range, [batchOf(...frames(1, 4))])).toEqual({ lowest: 3, highest: 8 });
  expect(widenRange(range, [])).toEqual(range);
});

test('is none where no frame has an identifier, and begins at 0 where one has that', () => {
  const bare = encodeFrame({ deviceToken: TOKEN, payload: '{}' });
  expect(widenRange(undefined, [])).toBeUndefined();
  expect(widenRange(undefined, [batchOf(bare)])).toBeUndefined();
  expect(widenRange(undefined, [batchOf(bare, ...frames(1, 0), bare)])).toEqual({ lowest: 0, highest: 0 });
});

test('has its ends in it, and nothing beyond', () => {
  const range = { lowest: 3, highest: 8 };
  expect([2, 3, 5, 8, 9].map((identifier) => isInRange(range, identifier))).toEqual([
    false,
    true,
    true,
    true,
    false,
  ]);
  expect(isInRange(undefined, 3)).toBe(false);
});
