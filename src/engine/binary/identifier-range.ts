/** The identifiers of frames that the engine no longer holds. */
import { readIdentifier } from '../../protocol/binary/frame.js';
import { type FrameBatch, findFrame } from './frame-batch.js';

/** A range of identifiers, including both ends. */
export interface IdentifierRange {
  readonly lowest: number;
  readonly highest: number;
}

/** Extends the range to the identifiers of these frames; `undefined` before the first frame. */
export function widenRange(
  range: IdentifierRange | undefined,
  batches: readonly FrameBatch[],
): IdentifierRange | undefined {
  let { lowest, highest } = range ?? { lowest: Number.POSITIVE_INFINITY, highest: -1 };
  for (const batch of batches) {
    findFrame(batch, (start, end) => {
      const identifier = readIdentifier(batch.bytes, start, end);
      if (identifier === undefined) return false;
      lowest = Math.min(lowest, identifier);
      highest = Math.max(highest, identifier);
      return false;
    });
  }
  return highest < 0 ? undefined : { lowest, highest };
}

/** Whether an identifier is within the range. */
export function isInRange(range: IdentifierRange | undefined, identifier: number): boolean {
  return range !== undefined && range.lowest <= identifier && identifier <= range.highest;
}
