/** The identifiers of frames that are remembered no longer. */
import { readIdentifier } from '../../protocol/binary/frame.js';
import { type FrameBatch, findFrame } from './frame-batch.js';

/** From the lowest to the highest identifier, both included. */
export interface IdentifierRange {
  readonly lowest: number;
  readonly highest: number;
}

/** The range that covers the identifiers of these frames as well; `undefined` as long as there are none. */
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

/** Whether an identifier may be one of those. */
export function isInRange(range: IdentifierRange | undefined, identifier: number): boolean {
  return range !== undefined && range.lowest <= identifier && identifier <= range.highest;
}
