/** What a decoder keeps of what it has read, measured over many decoders at once. */
import { type Decoding, decodeChunk, type FuzzTarget, thrownBy } from './fuzz-target.js';
import { usedBytes } from './memory.js';
import { mutant } from './mutation.js';
import type { Random } from './random.js';

/** So many that what else happens in the heap does not count. */
const DECODERS = 128;

/**
 * The most that one decoder holds on an average: after inputs that are broken off anywhere, and after each
 * of those that make it hold much. Smaller buffers share a pool, so one may keep a whole one of these alive.
 */
export function heldBytes(target: FuzzTarget, random: Random): number {
  const mutants = measure(target, () => mutant(target, random));
  const hoards = (target.hoards ?? []).map((hoard) => measure(target, () => hoard));
  return Math.max(0, Math.round(Math.max(mutants, ...hoards)) - Buffer.poolSize);
}

function measure(target: FuzzTarget, input: () => Buffer): number {
  const decoders: Decoding[] = [];
  const open = () => target.open(() => {});
  open();
  const before = usedBytes();
  for (let left = DECODERS; left > 0; left--) {
    const decoder = open();
    // A copy each, and nobody else has it.
    const bytes = Buffer.from(input());
    thrownBy(() => {
      const step = target.whole === undefined ? 1000 : Math.max(1, bytes.length);
      for (let at = 0; at < bytes.length; at += step) {
        decodeChunk(decoder, Buffer.from(bytes.subarray(at, at + step)));
      }
    });
    decoders.push(decoder);
  }
  const after = usedBytes();
  // What `before` knew nothing of must be alive until here.
  if (decoders.length !== DECODERS) throw new Error('decoders are missing');
  return (after - before) / DECODERS;
}
