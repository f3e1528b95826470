/**
 * The checkpoint: a frame that no gateway can accept, written to be rejected.
 *
 * The binary protocol never says yes. But its error response proves that everything before the named frame
 * was accepted, so naming a frame of our own on purpose turns silence into proof. The frame has an
 * identifier and a device token without bytes, which is MissingDeviceToken (2) to Apple's gateway; whatever
 * the status code, an answer with its identifier settles the window.
 *
 *     command 2   | 02 | 0000000a | 03 0004 identifier | 01 0000 |
 *     command 1   | 01 | identifier | 00000000 | 0000 | 0000 |
 */
import { MAX_UINT32 } from '../../core/notification-rules.js';
import { encodeFrame, type FrameCommand, readIdentifier } from '../../protocol/binary/frame.js';
import { type FrameBatch, findFrame } from './frame-batch.js';

/** Not the very highest: that is what a gateway says that calls the identifier it does not know -1. */
const HIGHEST = MAX_UINT32 - 1;

/** A checkpoint frame, and the identifier the gateway will answer. */
export interface Checkpoint {
  readonly identifier: number;
  readonly frame: Buffer;
}

/**
 * The checkpoint for what was written on a connection: in the form the frames have, since a gateway may
 * know only that, and with an identifier that none of them carries.
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

/** Of the highest identifiers, one more of them than there are frames, at least one is free. */
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
