import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchQueue } from '../../../src/engine/binary/batch-queue.js';
import { type FrameBatch, findFrame } from '../../../src/engine/binary/frame-batch.js';
import { readIdentifier } from '../../../src/protocol/binary/frame.js';
import { batchOf, frames } from '../../support/frames.js';

function identifiers(batches: readonly FrameBatch[]): number[] {
  const found: number[] = [];
  for (const batch of batches) {
    findFrame(batch, (start, end) => {
      found.push(readIdentifier(batch.bytes, start, end)!);
      return false;
    });
  }
  return found;
}

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('push' as const), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constant('put back' as const), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('take where' as const), count: fc.integer({ min: 2, max: 4 }) }),
  ),
  { maxLength: 60 },
);

test('keeps order and totals, whatever is added, taken and put back', () => {
  fc.assert(
    fc.property(steps, (todo) => {
      const queue = new BatchQueue();
      let expected: number[] = [];
      const taken: FrameBatch[] = [];
      let next = 1;
      for (const { kind, count } of todo) {
        if (kind === 'push') {
          const batch = batchOf(...frames(count, next));
          queue.push(batch);
          expected.push(...identifiers([batch]));
          next += count;
        } else if (kind === 'take') {
          const batch = queue.take(count, 1_000_000);
          if (batch === undefined) continue;
          expect(identifiers([batch])).toEqual(expected.splice(0, batch.count));
          taken.push(batch);
        } else if (kind === 'put back') {
          const back = taken.splice(-count);
          queue.unshift(back);
          expected.unshift(...identifiers(back));
        } else {
          const gone = new Set(
            identifiers(queue.takeWhere((batch) => identifiers([batch])[0]! % count === 0)),
          );
          expected = expected.filter((identifier) => !gone.has(identifier));
        }
        expect(identifiers(queue.batches())).toEqual(expected);
        expect(queue.frames).toBe(expected.length);
        expect(queue.bytes).toBe(expected.length * frames(1)[0]!.length);
        expect(queue.first === undefined).toBe(expected.length === 0);
      }
    }),
  );
});

test('takes no more bytes than asked for, but always a frame', () => {
  const queue = new BatchQueue();
  const { length } = frames(1)[0]!;
  queue.push(batchOf(...frames(5)));
  expect(identifiers([queue.take(5, 2 * length)!])).toEqual([1, 2]);
  expect(identifiers([queue.take(5, 1)!])).toEqual([3]);
  expect(identifiers(queue.batches())).toEqual([4, 5]);
});

test('holds its order over thousands of runs', () => {
  const queue = new BatchQueue();
  for (let i = 1; i <= 5000; i++) queue.push(batchOf(...frames(1, i)));
  const taken = Array.from({ length: 5000 }, () => queue.take(1, 1_000_000)!);
  expect(identifiers(taken)).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
  expect([queue.frames, queue.bytes, queue.first]).toEqual([0, 0, undefined]);
});

test('looks at no run behind the first that is not taken', () => {
  const queue = new BatchQueue();
  for (let i = 1; i <= 5000; i++) queue.push(batchOf(...frames(1, i)));
  const looked: number[] = [];
  const isTaken = (batch: FrameBatch): boolean => looked.push(identifiers([batch])[0]!) < 3;
  expect(identifiers(queue.takeWhile(isTaken))).toEqual([1, 2]);
  expect(looked).toEqual([1, 2, 3]);
  expect([queue.frames, identifiers([queue.first!])]).toEqual([4998, [3]]);
  expect(queue.takeWhile(() => true)).toHaveLength(4998);
  expect([queue.frames, queue.bytes, queue.first]).toEqual([0, 0, undefined]);
});

/** Runs of one frame each that were taken at these times, and hold as much beside their frames. */
function timedRuns(...times: readonly number[]): FrameBatch[] {
  return times.map((since, i) => ({ ...batchOf(...frames(1, i + 1)), since, extraBytes: since }));
}

test('knows when its oldest frame was taken, or an earlier time', () => {
  const queue = new BatchQueue();
  expect(queue.earliestAt).toBe(Number.POSITIVE_INFINITY);
  for (const batch of timedRuns(50, 20, 80)) queue.push(batch);
  expect(queue.earliestAt).toBe(20);
  // Taking from the front leaves it as it is; taking by time corrects it.
  expect(queue.take(1, 1_000_000)!.since).toBe(50);
  expect(queue.earliestAt).toBe(20);
  queue.unshift(timedRuns(60, 30));
  expect(queue.earliestAt).toBe(20);
  expect(queue.takeWhere(({ since }) => since === 20)).toHaveLength(1);
  expect(queue.earliestAt).toBe(30);
  expect(queue.takeAll().map(({ since }) => since)).toEqual([60, 30, 80]);
  expect([queue.earliestAt, queue.frames, queue.first]).toEqual([Number.POSITIVE_INFINITY, 0, undefined]);
  queue.push(timedRuns(70)[0]!);
  expect(queue.earliestAt).toBe(70);
  queue.take(1, 1_000_000);
  expect(queue.earliestAt).toBe(Number.POSITIVE_INFINITY);
});

test('knows what its notifications hold beyond their frames', () => {
  const queue = new BatchQueue();
  const { length } = frames(1)[0]!;
  for (const batch of timedRuns(50, 20)) queue.push(batch);
  expect([queue.bytes, queue.heldBytes]).toEqual([2 * length, 2 * length + 70]);
  queue.take(1, 1_000_000);
  expect([queue.bytes, queue.heldBytes]).toEqual([length, length + 20]);
  queue.unshift(timedRuns(50));
  expect(queue.heldBytes).toBe(2 * length + 70);
  queue.takeAll();
  expect([queue.bytes, queue.heldBytes]).toEqual([0, 0]);
});

test('takes nothing where no frame is wanted', () => {
  const queue = new BatchQueue();
  for (const batch of timedRuns(1, 2)) queue.push(batch);
  expect(queue.take(0, 1_000_000)).toBeUndefined();
  queue.unshift([]);
  expect([queue.frames, identifiers(queue.batches())]).toEqual([2, [1, 2]]);
});
