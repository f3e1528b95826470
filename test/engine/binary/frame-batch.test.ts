import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NotificationRecord } from '../../../src/core/notification.js';
import {
  bytesHeldBy,
  countFrames,
  cutAfter,
  cutBefore,
  type FrameBatch,
  findFrame,
  splitBatch,
} from '../../../src/engine/binary/frame-batch.js';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import { batchOf, frames, TOKEN } from '../../support/frames.js';

/** Frames of different lengths, in any command. */
const parts = fc.array(
  fc.record({ command: fc.constantFrom(2 as const, 1 as const, 0 as const), length: fc.nat(40) }),
  { minLength: 1, maxLength: 12 },
);

function build(it: { command: 2 | 1 | 0; length: number }[]): FrameBatch {
  const batch = batchOf(
    ...it.map(({ command, length }) =>
      encodeFrame({ deviceToken: TOKEN, payload: 'x'.repeat(length), identifier: 1 }, command),
    ),
  );
  const notifications = it.map((_, i) =>
    new NotificationRecord().read({ deviceToken: `${i}`, payload: 'x' }),
  );
  return { ...batch, notifications };
}

test('splits where frames or bytes are exceeded, and nowhere else', () => {
  fc.assert(
    fc.property(parts, fc.nat(14), fc.nat(600), (it, maxFrames, maxBytes) => {
      const batch = build(it);
      const [head, tail] = splitBatch(batch, maxFrames, maxBytes);
      const both = [head, tail].filter((part) => part !== undefined);
      expect(both.reduce((sum, { count }) => sum + count, 0)).toBe(batch.count);
      expect(Buffer.concat(both.map(({ bytes, start, end }) => bytes.subarray(start, end)))).toEqual(
        batch.bytes,
      );
      expect(both.flatMap(({ notifications }) => notifications)).toEqual(batch.notifications);
      if (head === undefined) {
        expect(maxFrames).toBe(0);
        return;
      }
      expect(head.count).toBeLessThanOrEqual(maxFrames);
      if (head.count > 1) expect(head.end - head.start).toBeLessThanOrEqual(maxBytes);
      if (tail === undefined) return;
      // One frame more would have been too many, or too long.
      const next = findFrame(tail, () => true)!;
      expect(head.count === maxFrames || next.end - head.start > maxBytes).toBe(true);
    }),
  );
});

test('never splits before a first frame that is longer than the limit', () => {
  const batch = batchOf(...frames(3));
  expect(splitBatch(batch, 9, 1).map((part) => part?.count)).toEqual([1, 2]);
  expect(splitBatch(batchOf(...frames(1)), 9, 1).map((part) => part?.count)).toEqual([1, undefined]);
});

test('takes nothing where no frame is wanted', () => {
  const batch = batchOf(...frames(3));
  const [head, tail] = splitBatch(batch, 0, 1000);
  expect([head, tail === batch]).toEqual([undefined, true]);
});

/** A run of three frames, the first of which is that of another run in the same bytes. */
function laterRun(extraBytes = 0): FrameBatch {
  const all = batchOf(...frames(4));
  return { ...all, start: all.end / 4, count: 3, extraBytes };
}

test('visits each frame once, in order, until it is told to stop', () => {
  const { start, end, ...batch } = laterRun();
  const length = (end - start) / 3;
  const visited: number[][] = [];
  const visit = (...place: number[]): boolean => visited.push(place) > 9;
  expect(findFrame({ ...batch, start, end }, visit)).toBeUndefined();
  expect(visited).toEqual([0, 1, 2].map((i) => [start + i * length, start + (i + 1) * length, i]));
  const found = findFrame({ ...batch, start, end }, (_start, _end, index) => index === 1);
  expect(found).toEqual({ start: start + length, end: start + 2 * length, index: 1 });
});

test('holds its frames and what their notifications hold beside them', () => {
  const batch = laterRun(7);
  expect(bytesHeldBy(batch)).toBe(batch.end - batch.start + 7);
  expect(countFrames([batch, laterRun(), batchOf(...frames(2))])).toBe(8);
  expect(countFrames([])).toBe(0);
});

test.each([
  { maxBytesOf: 3, extraOf: 0, cut: [3] },
  { maxBytesOf: 2.99, extraOf: 0, cut: [2, 1] },
  { maxBytesOf: 2, extraOf: 0, cut: [2, 1] },
  { maxBytesOf: 1.99, extraOf: 0, cut: [1, 2] },
  { maxBytesOf: 6, extraOf: 3, cut: [3] },
  { maxBytesOf: 5.99, extraOf: 3, cut: [2, 1] },
  { maxBytesOf: 4, extraOf: 3, cut: [2, 1] },
  { maxBytesOf: 3.99, extraOf: 3, cut: [1, 2] },
])(
  'is cut where $maxBytesOf frames fit, and all three hold as much as $extraOf frames beside themselves',
  ({ maxBytesOf, extraOf, cut }) => {
    const { start, end } = laterRun();
    const length = (end - start) / 3;
    const batch = laterRun(extraOf * length);
    const parts = splitBatch(batch, 3, maxBytesOf * length, batch.extraBytes).filter(
      (part) => part !== undefined,
    );
    expect(parts.map(({ count }) => count)).toEqual(cut);
    if (cut.length === 1) expect(parts[0]).toBe(batch);
  },
);

test('gives each part its share in whole numbers, which add up', () => {
  const batch = { ...laterRun(100), since: 5 };
  const [head, tail] = splitBatch(batch, 1, 1e9);
  expect([head!.extraBytes, tail!.extraBytes]).toEqual([33, 67]);
  expect(splitBatch(tail!, 1, 1e9).map((part) => part!.extraBytes)).toEqual([33, 34]);
  expect([head!.since, tail!.since]).toEqual([5, 5]);
});

test('is cut before and after any frame of several runs', () => {
  const batches = [
    batchOf(...frames(2)),
    batchOf(...frames(3, 3)),
    batchOf(...frames(1, 6)),
    batchOf(...frames(1, 7)),
  ];
  const counts = (cut: readonly FrameBatch[][]): number[][] =>
    cut.map((part) => part.map(({ count }) => count));
  const placeOf = (batch: number, index: number) => ({
    ...findFrame(batches[batch]!, (_s, _e, i) => i === index)!,
    batch,
  });
  expect(counts(cutBefore(batches, placeOf(1, 0)))).toEqual([[2], [3, 1, 1]]);
  expect(counts(cutBefore(batches, placeOf(1, 2)))).toEqual([
    [2, 2],
    [1, 1, 1],
  ]);
  expect(counts(cutAfter(batches, placeOf(1, 0)))).toEqual([
    [2, 1],
    [2, 1, 1],
  ]);
  expect(counts(cutAfter(batches, placeOf(1, 2)))).toEqual([
    [2, 3],
    [1, 1],
  ]);
  expect(counts(cutBefore(batches, placeOf(0, 0)))).toEqual([[], [2, 3, 1, 1]]);
  expect(counts(cutAfter(batches, placeOf(3, 0)))).toEqual([[2, 3, 1, 1], []]);
});
