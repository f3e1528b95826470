/**
 * A checkpoint is a deliberately invalid frame, which every gateway rejects.
 *
 * The binary protocol has no response for an accepted frame. But an error response proves that the gateway accepted
 * every frame before the named one, so the rejection of a checkpoint proves all frames before it. The checkpoint has
 * an identifier and an empty device token, which Apple's gateway rejects as MissingDeviceToken (2). An error response
 * with its identifier settles the window, whatever the status code.
 *
 *     command 2   | 02 | 0000000a | 03 0004 identifier | 01 0000 |
 *     command 1   | 01 | identifier | 00000000 | 0000 | 0000 |
 */
import { MAX_UINT32 } from '../../core/notification-rules.js';
import { encodeFrame, type FrameCommand, readIdentifier } from '../../protocol/binary/frame.js';
import { type FrameBatch, findFrame } from './frame-batch.js';

/** The highest identifier, 2^32-1, is not used: a gateway may send it, as -1, for an unknown frame. */
const HIGHEST = MAX_UINT32 - 1;

/** A checkpoint frame, and the identifier of its error response. */
export interface Checkpoint {
  readonly identifier: number;
  readonly frame: Buffer;
}

/**
 * The checkpoint for the frames of a connection. It has the command of these frames, because the gateway may support
 * only that one, and an identifier that none of them has.
 */
export function createCheckpoint(batches: readonly FrameBatch[]): Checkpoint {
  const last = batches.at(-1);
  const command: FrameCommand = last === undefined || last.bytes[last.start] === 2 ? 2 : 1;
  const identifier = freeIdentifier(batches);
  return { identifier, frame: encodeCheckpoint(identifier, command) };
}

/** The bytes of a checkpoint frame. */
export function encodeCheckpoint(identifier: number, command: FrameCommand = 2): Buffer {
  if (command !== 2) return encodeFrame({ deviceToken: '', payload: '', identifier, expiration: 0 }, 1);
  const frame = Buffer.from('020000000a03000400000000010000', 'hex');
  frame.writeUInt32BE(identifier, 8);
  return frame;
}

/** Finds an unused identifier among the highest ones: of one more than there are frames, at least one is unused. */
function freeIdentifier(batches: readonly FrameBatch[]): number {
  const frames = batches.reduce((sum, { count }) => sum + count, 0);
  const taken = new Set<number>();
  for (const batch of batches) {
    findFrame(batch, (start, end) => {
      const identifier = readIdentifier(batch.bytes, start, end);
      if (identifier !== undefined && identifier >= HIGHEST - frames) taken.add(identifier);
      return false;
    });
  }
  let identifier = HIGHEST;
  while (taken.has(identifier)) identifier--;
  return identifier;
}
