/**
 * A run: some whole frames in a row, in one buffer, that have shared everything so far.
 *
 * The binary protocol never acknowledges, so a sender must be able to say what it wrote and to write it
 * again. A record per frame would cost more than the frame; here the frames are their own record. A run
 * remembers where in its slab they lie, and only when a gateway names one are they walked through.
 */
import type { Notification } from '../../core/notification.js';
import type { Settlement } from '../../core/outcome.js';
import { FRAME_FORMAT } from '../../protocol/binary/frame.js';
import type { FramedNotification } from './framed-notification.js';

/** Some whole frames in a row. Immutable: splitting and sending make new runs over the same bytes. */
export interface FrameRun {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** How many frames lie between `start` and `end`. */
  readonly count: number;
  /** In a delivery: the notifications, frame by frame. */
  readonly notifications?: readonly (FramedNotification | Notification)[];
  /** The memory, in bytes, that these hold beyond the frames; 0 without them. */
  readonly extraBytes: number;
  /** When the window took the frames, in milliseconds of the monotonic clock; their deadline counts from here. 0 before. */
  readonly since: number;
  /** How often the frames have been written. */
  readonly attempts: number;
  /** When they were written last, by the same clock; 0 before. */
  readonly writtenAt: number;
  /** What becomes of the frames if they are given up now: `unsent`, unless more is known or less. */
  readonly fallback?: Settlement;
}

/** The bytes that a run holds in memory. */
export function bytesHeldBy({ start, end, extraBytes }: FrameRun): number {
  return end - start + extraBytes;
}

/** The frames in these runs. */
export function countFrames(runs: readonly FrameRun[]): number {
  let frames = 0;
  for (const { count } of runs) frames += count;
  return frames;
}

/** One frame of a run, and where it stands in it. */
export interface FramePosition {
  readonly start: number;
  readonly end: number;
  readonly index: number;
}

/** Visits the frames of a run in order until `visit` returns true; returns that frame. */
export function findFrame(
  run: FrameRun,
  visit: (start: number, end: number, index: number) => boolean,
): FramePosition | undefined {
  let start = run.start;
  for (let index = 0; index < run.count; index++) {
    const end = start + FRAME_FORMAT.measure(run.bytes, start, run.end);
    if (visit(start, end, index)) return { start, end, index };
    start = end;
  }
  return undefined;
}

/** A frame among several runs: which run, and which of its frames. */
export interface FramePlace extends FramePosition {
  readonly run: number;
}

/** The frames before the one at `place`, and those from it on. */
export function cutBefore(runs: readonly FrameRun[], place: FramePlace): [FrameRun[], FrameRun[]] {
  return cut(runs, place.run, place.start, place.index);
}

/** The frames up to and with the one at `place`, and those behind it. */
export function cutAfter(runs: readonly FrameRun[], place: FramePlace): [FrameRun[], FrameRun[]] {
  return cut(runs, place.run, place.end, place.index + 1);
}

/**
 * Cuts a run where it exceeds `maxFrames` or `maxBytes`, but never before its first frame unless
 * `maxFrames` is 0.
 *
 * @param extraBytes the bytes that the run counts in addition to its frames, divided equally among the frames
 */
export function splitRun(
  run: FrameRun,
  maxFrames: number,
  maxBytes: number,
  extraBytes = 0,
): readonly [FrameRun | undefined, FrameRun | undefined] {
  if (maxFrames <= 0) return [undefined, run];
  if (run.count <= maxFrames && run.end - run.start + extraBytes <= maxBytes) return [run, undefined];
  const share = extraBytes / run.count;
  const place = findFrame(
    run,
    (_start, end, index) =>
      index === maxFrames || (index > 0 && end - run.start + share * (index + 1) > maxBytes),
  );
  if (place === undefined) return [run, undefined];
  const [[head], [tail]] = cutBefore([run], { ...place, run: 0 });
  return [head, tail];
}

function cut(runs: readonly FrameRun[], at: number, offset: number, index: number): [FrameRun[], FrameRun[]] {
  const run = runs[at]!;
  const head = part(run, run.start, offset, 0, index);
  const tail = part(run, offset, run.end, index, run.count);
  return [
    [...runs.slice(0, at), ...head],
    [...tail, ...runs.slice(at + 1)],
  ];
}

/** The frames from index `first` to before index `last`, which lie from `start` to `end`: one run or none. */
function part(run: FrameRun, start: number, end: number, first: number, last: number): FrameRun[] {
  if (first === last) return [];
  const notifications = run.notifications?.slice(first, last);
  const extraBytes = extraBefore(run, last) - extraBefore(run, first);
  return [{ ...run, start, end, count: last - first, extraBytes, ...(notifications && { notifications }) }];
}

/** The share of the frames before `index`, as an integer, so that the parts of a run add up to the run. */
function extraBefore({ extraBytes, count }: FrameRun, index: number): number {
  return Math.floor((extraBytes * index) / count);
}
