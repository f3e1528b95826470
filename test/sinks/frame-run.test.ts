import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NotificationRecord } from '../../src/notification.js';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import { type FrameRun, findFrame, splitRun } from '../../src/sinks/frame-run.js';
import { frames, runOf, TOKEN } from '../support/frames.js';

/** Frames of different lengths, in any command. */
const parts = fc.array(
  fc.record({ command: fc.constantFrom(2 as const, 1 as const, 0 as const), length: fc.nat(40) }),
  { minLength: 1, maxLength: 12 },
);

function build(it: { command: 2 | 1 | 0; length: number }[]): FrameRun {
  const run = runOf(
    ...it.map(({ command, length }) =>
      encodeFrame({ deviceToken: TOKEN, payload: 'x'.repeat(length), identifier: 1 }, command),
    ),
  );
  const notifications = it.map((_, i) => new NotificationRecord({ deviceToken: `${i}`, payload: 'x' }));
  return { ...run, notifications };
}

test('splits where frames or bytes are exceeded, and nowhere else', () => {
  fc.assert(
    fc.property(parts, fc.nat(14), fc.nat(600), (it, maxFrames, maxBytes) => {
      const run = build(it);
      const [head, tail] = splitRun(run, maxFrames, maxBytes);
      const both = [head, tail].filter((part) => part !== undefined);
      expect(both.reduce((sum, { count }) => sum + count, 0)).toBe(run.count);
      expect(Buffer.concat(both.map(({ bytes, start, end }) => bytes.subarray(start, end)))).toEqual(
        run.bytes,
      );
      expect(both.flatMap(({ notifications }) => notifications)).toEqual(run.notifications);
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
  const run = runOf(...frames(3));
  expect(splitRun(run, 9, 1).map((part) => part?.count)).toEqual([1, 2]);
  expect(splitRun(runOf(...frames(1)), 9, 1).map((part) => part?.count)).toEqual([1, undefined]);
});

test('takes nothing where no frame is wanted', () => {
  const run = runOf(...frames(3));
  expect(splitRun(run, 0, 1000)).toEqual([undefined, run]);
});
