/**
 * A batch: consecutive whole frames in one buffer that have the same history.
 *
 * The binary protocol never acknowledges frames, so a sender must be able to report and resend what it wrote. A record
 * per frame would need more memory than the frame. So a batch records only where its frames are in their slab, and
 * visits them only when a gateway names one.
 */
import type { Notification } from '../../core/notification.js';
import type { Settlement } from '../../core/outcome.js';
import { FRAME_FORMAT } from '../../protocol/binary/frame.js';
import type { FramedNotification } from './framed-notification.js';

/** Consecutive whole frames. A batch is immutable: splitting and sending create new batches over the same bytes. */
export interface FrameBatch {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** The number of frames between `start` and `end`. */
  readonly count: number;
  /** In a delivery: the notification of each frame. */
  readonly notifications?: readonly (FramedNotification | Notification)[];
  /** The memory, in bytes, that these notifications hold in addition to the frames; 0 without notifications. */
  readonly extraBytes: number;
  /** When the window took the frames, in milliseconds of the monotonic clock; their deadline counts from here. 0 before. */
  readonly since: number;
  /** How often the frames have been written. */
  readonly attempts: number;
  /** When the frames were last written, by the same clock; 0 before. */
  readonly writtenAt: number;
  /** The settlement of the frames if they are not written again: `unsent`, unless an attempt had another result. */
  readonly fallback?: Settlement;
}

/** The bytes that a batch holds in memory. */
export function bytesHeldBy({ start, end, extraBytes }: FrameBatch): number {
  return end - start + extraBytes;
}

/** The frames in these batches. */
export function countFrames(batches: readonly FrameBatch[]): number {
  let frames = 0;
  for (const { count } of batches) frames += count;
  return frames;
}

/** One frame of a batch, and its position. */
export interface FrameBounds {
  readonly start: number;
  readonly end: number;
  readonly index: number;
}

/** Visits the frames of a batch in order until `visit` returns true; returns that frame. */
export function findFrame(
  batch: FrameBatch,
  visit: (start: number, end: number, index: number) => boolean,
): FrameBounds | undefined {
  let start = batch.start;
  for (let index = 0; index < batch.count; index++) {
    const end = start + FRAME_FORMAT.measure(batch.bytes, start, batch.end);
    if (visit(start, end, index)) return { start, end, index };
    start = end;
  }
  return undefined;
}

/** A frame among several batches: which batch, and which of its frames. */
export interface FrameLocation extends FrameBounds {
  readonly batch: number;
}

/** Splits before the frame at `place`. */
export function cutBefore(
  batches: readonly FrameBatch[],
  place: FrameLocation,
): [FrameBatch[], FrameBatch[]] {
  return cut(batches, place.batch, place.start, place.index);
}

/** Splits after the frame at `place`. */
export function cutAfter(batches: readonly FrameBatch[], place: FrameLocation): [FrameBatch[], FrameBatch[]] {
  return cut(batches, place.batch, place.end, place.index + 1);
}

/**
 * Cuts a batch where it exceeds `maxFrames` or `maxBytes`, but never before its first frame unless
 * `maxFrames` is 0.
 *
 * @param extraBytes the bytes that the batch counts in addition to its frames, divided equally among the frames
 */
export function splitBatch(
  batch: FrameBatch,
  maxFrames: number,
  maxBytes: number,
  extraBytes = 0,
): readonly [FrameBatch | undefined, FrameBatch | undefined] {
  if (maxFrames <= 0) return [undefined, batch];
  if (batch.count <= maxFrames && batch.end - batch.start + extraBytes <= maxBytes) return [batch, undefined];
  const share = extraBytes / batch.count;
  const place = findFrame(
    batch,
    (_start, end, index) =>
      index === maxFrames || (index > 0 && end - batch.start + share * (index + 1) > maxBytes),
  );
  if (place === undefined) return [batch, undefined];
  const [[head], [tail]] = cutBefore([batch], { ...place, batch: 0 });
  return [head, tail];
}

function cut(
  batches: readonly FrameBatch[],
  at: number,
  offset: number,
  index: number,
): [FrameBatch[], FrameBatch[]] {
  const batch = batches[at]!;
  const head = part(batch, batch.start, offset, 0, index);
  const tail = part(batch, offset, batch.end, index, batch.count);
  return [
    [...batches.slice(0, at), ...head],
    [...tail, ...batches.slice(at + 1)],
  ];
}

/** The frames from index `first` to before index `last`, which lie from `start` to `end`: one batch or none. */
function part(batch: FrameBatch, start: number, end: number, first: number, last: number): FrameBatch[] {
  if (first === last) return [];
  const notifications = batch.notifications?.slice(first, last);
  const extraBytes = extraBefore(batch, last) - extraBefore(batch, first);
  return [{ ...batch, start, end, count: last - first, extraBytes, ...(notifications && { notifications }) }];
}

/** The share of the frames before `index`, as an integer, so that the parts of a batch add up to the batch. */
function extraBefore({ extraBytes, count }: FrameBatch, index: number): number {
  return Math.floor((extraBytes * index) / count);
}
