/**
 * Determines what an error response proves about the frames of its connection. It has no side effects.
 *
 * The gateway accepted everything before the named notification, and discarded everything after it, so those frames
 * must be sent again on a new connection. An error response that names none of the frames proves nothing.
 */
import type { Settlement } from '../../core/outcome.js';
import type { ErrorResponse } from '../../protocol/binary/error-response.js';
import { readIdentifier } from '../../protocol/binary/frame.js';
import { StatusCode } from '../../protocol/binary/status-code.js';
import { cutAfter, cutBefore, type FrameBatch, type FrameLocation, findFrame } from './frame-batch.js';
import { type IdentifierRange, isInRange } from './identifier-range.js';

/** The frames of one connection, by their result. Each frame is in exactly one of the lists. */
export interface FrameClassification {
  /** Frames before the named one, and the named one if the status code says that it was accepted. */
  readonly accepted: readonly FrameBatch[];
  /** The named frame, if its rejection is final. */
  readonly rejected: readonly FrameBatch[];
  /** The named frame, if it may be retried. */
  readonly retried: readonly FrameBatch[];
  /** Frames after the named one, which the gateway has not processed. */
  readonly discarded: readonly FrameBatch[];
  /** Frames about which the response proves nothing. */
  readonly unknown: readonly FrameBatch[];
  /** The settlement of the named frame if it is not retried. */
  readonly settlement: Settlement;
  /** Whether the response named a written frame, which proves that the gateway reads and parses frames. */
  readonly isConfirmed: boolean;
}

/**
 * Classifies the frames of one connection by the gateway's error response.
 *
 * @param batches the unsettled frames of the connection in order, without the checkpoint
 * @param checkpoint the identifier of the checkpoint frame, if one was written after them
 * @param forgotten earlier frames that have their outcome; a response that names one of these proves nothing
 */
export function classifyFrames(
  batches: readonly FrameBatch[],
  response: ErrorResponse,
  checkpoint?: number,
  forgotten?: IdentifierRange,
): FrameClassification {
  const { statusCode, reason, identifier } = response;
  const settlement: Settlement = { status: 'rejected', statusCode, reason };
  const none = { accepted: [], rejected: [], retried: [], discarded: [], unknown: [], settlement };
  if (isInRange(forgotten, identifier)) return { ...none, unknown: batches, isConfirmed: false };
  if (identifier === checkpoint) return { ...none, accepted: batches, isConfirmed: true };
  const parts = partition(batches, identifier);
  if (parts === undefined) return { ...none, unknown: batches, isConfirmed: false };
  const { before, named, ambiguous, after } = parts;
  const known = { ...none, accepted: before, unknown: ambiguous, discarded: after, isConfirmed: true };
  switch (statusCode) {
    case StatusCode.NoError:
    case StatusCode.Shutdown:
      return { ...known, accepted: [...before, ...named] };
    case StatusCode.ProcessingError:
      return { ...known, retried: named };
    default:
      return { ...known, rejected: named };
  }
}

interface Partition {
  readonly before: FrameBatch[];
  readonly named: FrameBatch[];
  readonly ambiguous: FrameBatch[];
  readonly after: FrameBatch[];
}

/**
 * The frames before, at and after the one with this identifier. If several frames of the input have it, the response
 * is ambiguous for all frames from the first to the last of them.
 */
function partition(batches: readonly FrameBatch[], identifier: number): Partition | undefined {
  // A gateway sends 0 if it does not know the identifier, so 0 never names a frame.
  if (identifier === 0) return undefined;
  let first: FrameLocation | undefined;
  let last: FrameLocation | undefined;
  for (const [batch, { bytes }] of batches.entries()) {
    findFrame(batches[batch]!, (start, end, index) => {
      if (readIdentifier(bytes, start, end) === identifier) {
        last = { batch, start, end, index };
        first ??= last;
      }
      return false;
    });
  }
  if (first === undefined || last === undefined) return undefined;
  const [upToLast, after] = cutAfter(batches, last);
  const [before, fromFirst] = cutBefore(upToLast, first);
  return first === last
    ? { before, named: fromFirst, ambiguous: [], after }
    : { before, named: [], ambiguous: fromFirst, after };
}
