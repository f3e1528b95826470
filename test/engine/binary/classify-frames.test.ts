import { describe, expect, test } from 'vitest';
import { classifyFrames, type FrameClassification } from '../../../src/engine/binary/classify-frames.js';
import { type FrameBatch, findFrame } from '../../../src/engine/binary/frame-batch.js';
import { encodeFrame, readIdentifier } from '../../../src/protocol/binary/frame.js';
import { decodeStatusCode } from '../../../src/protocol/binary/status-code.js';
import { batchOf, frames, TOKEN } from '../../support/frames.js';

function answer(statusCode: number, identifier: number) {
  return { statusCode, reason: decodeStatusCode(statusCode), identifier };
}

function identifiers(batches: readonly FrameBatch[]): (number | undefined)[] {
  const found: (number | undefined)[] = [];
  for (const batch of batches) {
    expect(batch.count).toBeGreaterThan(0);
    findFrame(batch, (start, end) => {
      found.push(readIdentifier(batch.bytes, start, end));
      return false;
    });
  }
  return found;
}

function brief({ accepted, rejected, retried, discarded, unknown, isConfirmed }: FrameClassification) {
  return {
    accepted: identifiers(accepted),
    rejected: identifiers(rejected),
    retried: identifiers(retried),
    discarded: identifiers(discarded),
    unknown: identifiers(unknown),
    isConfirmed,
  };
}

const NOTHING = { accepted: [], rejected: [], retried: [], discarded: [], unknown: [], isConfirmed: true };

/** Frames 1 to 5 in two runs, cut between 2 and 3. */
const RUNS = [batchOf(...frames(2)), batchOf(...frames(3, 3))];

describe('an answer that names frame 3 of 5', () => {
  test.each([2, 3, 4, 5, 6, 7, 8, 9, 11, 77, 127, 128, 129, 254, 255])(
    'rejects it with status %i, accepts those before it, and discards those behind',
    (statusCode) => {
      const classification = classifyFrames(RUNS, answer(statusCode, 3));
      expect(brief(classification)).toEqual({
        ...NOTHING,
        accepted: [1, 2],
        rejected: [3],
        discarded: [4, 5],
      });
      expect(classification.settlement).toEqual({
        status: 'rejected',
        statusCode,
        reason: decodeStatusCode(statusCode),
      });
    },
  );

  test.each([0, 10])('accepts it with status %i as the last one', (statusCode) => {
    expect(brief(classifyFrames(RUNS, answer(statusCode, 3)))).toEqual({
      ...NOTHING,
      accepted: [1, 2, 3],
      discarded: [4, 5],
    });
  });

  test('has it tried again after a ProcessingError', () => {
    expect(brief(classifyFrames(RUNS, answer(1, 3)))).toEqual({
      ...NOTHING,
      accepted: [1, 2],
      retried: [3],
      discarded: [4, 5],
    });
  });
});

test.each([
  { at: 1, accepted: [], discarded: [2, 3, 4, 5] },
  { at: 2, accepted: [1], discarded: [3, 4, 5] },
  { at: 5, accepted: [1, 2, 3, 4], discarded: [] },
])('cuts at the edge of a run (frame $at)', ({ at, accepted, discarded }) => {
  expect(brief(classifyFrames(RUNS, answer(8, at)))).toEqual({
    ...NOTHING,
    accepted,
    rejected: [at],
    discarded,
  });
});

test.each([0, 6, 0xffff_ffff])(
  'takes identifier %i, which nothing carries, as proof of nothing',
  (identifier) => {
    for (const statusCode of [0, 1, 8, 10, 128, 255]) {
      expect(brief(classifyFrames(RUNS, answer(statusCode, identifier)))).toEqual({
        ...NOTHING,
        unknown: [1, 2, 3, 4, 5],
        isConfirmed: false,
      });
    }
  },
);

test('takes identifier 0 as proof of nothing even where frames carry it', () => {
  expect(brief(classifyFrames([batchOf(...frames(3, 0))], answer(10, 0)))).toEqual({
    ...NOTHING,
    unknown: [0, 1, 2],
    isConfirmed: false,
  });
});

test('finds nothing in a connection on which nothing was written', () => {
  expect(brief(classifyFrames([], answer(8, 1)))).toEqual({ ...NOTHING, isConfirmed: false });
});

test.each([0, 1, 2, 8, 10, 128, 255])(
  'accepts everything before a checkpoint, whatever its status (%i)',
  (statusCode) => {
    expect(brief(classifyFrames(RUNS, answer(statusCode, 99), 99))).toEqual({
      ...NOTHING,
      accepted: [1, 2, 3, 4, 5],
    });
  },
);

test('still hears of a frame before the checkpoint', () => {
  expect(brief(classifyFrames(RUNS, answer(8, 4), 99))).toEqual({
    ...NOTHING,
    accepted: [1, 2, 3],
    rejected: [4],
    discarded: [5],
  });
});

test.each([8, 10, 1])(
  'cannot say which one is meant where an identifier is repeated (status %i)',
  (statusCode) => {
    const batches = [batchOf(...frames(3), ...frames(1, 2)), batchOf(...frames(1, 2), ...frames(1, 9))];
    expect(brief(classifyFrames(batches, answer(statusCode, 2)))).toEqual({
      ...NOTHING,
      accepted: [1],
      unknown: [2, 3, 2, 2],
      discarded: [9],
    });
  },
);

test('reads frames without an identifier as frames that are never named', () => {
  const bare = encodeFrame({ deviceToken: TOKEN, payload: '{}' });
  expect(brief(classifyFrames([batchOf(bare, ...frames(1), bare)], answer(8, 1)))).toEqual({
    ...NOTHING,
    accepted: [undefined],
    rejected: [1],
    discarded: [undefined],
  });
});

test('takes an answer that may mean a frame no longer remembered as proof of nothing', () => {
  const presumed = { lowest: 3, highest: 8 };
  for (const identifier of [3, 5]) {
    expect(brief(classifyFrames(RUNS, answer(8, identifier), undefined, presumed))).toEqual({
      ...NOTHING,
      unknown: [1, 2, 3, 4, 5],
      isConfirmed: false,
    });
  }
  expect(classifyFrames(RUNS, answer(2, 8), 8, presumed).isConfirmed).toBe(false);
  expect(classifyFrames(RUNS, answer(8, 2), undefined, presumed).isConfirmed).toBe(true);
});
