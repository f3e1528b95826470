/**
 * What an error response proves about the frames written on its connection. Pure: frames and an answer in,
 * settlements out.
 *
 * "Everything written after the named notification was silently discarded and must be sent again on a new
 * connection. Everything before it was accepted." An answer that names none of the frames proves nothing.
 */
import type { Settlement } from '../../core/outcome.js';
import type { ErrorResponse } from '../../protocol/binary/error-response.js';
import { readIdentifier } from '../../protocol/binary/frame.js';
import { StatusCode } from '../../protocol/binary/status-code.js';
import { cutAfter, cutBefore, type FrameBatch, type FrameLocation, findFrame } from './frame-batch.js';
import { type IdentifierRange, isInRange } from './identifier-range.js';

/** What became of the frames of one connection. Each frame is in exactly one of the lists. */
export interface FrameClassification {
  /** Before the named one, or the named one where the gateway says it took it. */
  readonly accepted: readonly FrameBatch[];
  /** The named one, if it failed for good. */
  readonly rejected: readonly FrameBatch[];
  /** The named one, if it may be tried again. */
  readonly retried: readonly FrameBatch[];
  /** Behind the named one: known not to have been processed. */
  readonly discarded: readonly FrameBatch[];
  /** Nothing is proved about these. */
  readonly unknown: readonly FrameBatch[];
  /** How the named one is settled when it is not retried. */
  readonly settlement: Settlement;
  /** Whether the answer named something that was written: the gateway reads and understands us. */
  readonly isConfirmed: boolean;
}

/**
 * Judges the frames of one connection by the gateway's answer.
 *
 * @param batches everything written on the connection and not yet settled, in order, but for the checkpoint
 * @param checkpoint the identifier of the checkpoint frame, if one was written behind them
 * @param forgotten earlier frames that have their outcome: a response that names one counts as naming none
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
 * The frames before, at and behind the one with this identifier. Where several frames carry it (the sink
 * was given such bytes), nobody can say which one is meant: from the first to the last they are ambiguous.
 */
function partition(batches: readonly FrameBatch[], identifier: number): Partition | undefined {
  // 0 is what a gateway answers when it does not know, so it names nothing, whatever was written.
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
