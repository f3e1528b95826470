/** The identifiers of frames that are remembered no longer. */
import { readIdentifier } from '../../protocol/binary/frame.js';
import { type FrameRun, findFrame } from './frame-run.js';

/** From the lowest to the highest identifier, both included. */
export interface IdentifierRange {
  readonly lowest: number;
  readonly highest: number;
}

/** The range that covers the identifiers of these frames as well; `undefined` as long as there are none. */
export function widenRange(
  range: IdentifierRange | undefined,
  runs: readonly FrameRun[],
): IdentifierRange | undefined {
  let { lowest, highest } = range ?? { lowest: Number.POSITIVE_INFINITY, highest: -1 };
  for (const run of runs) {
    findFrame(run, (start, end) => {
      const identifier = readIdentifier(run.bytes, start, end);
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
