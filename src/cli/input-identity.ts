/** What tells one input from another, and from itself after a change. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type Input, readInput } from './input.js';
import type { InputIdentity } from './ledger-format.js';

/**
 * Reads the input once to its end. Neither name nor times are in it, so a file may be copied, moved and
 * touched; of the content nothing may change, wherever it is. It costs a small part of the sending, about
 * half a second per gigabyte where the processor knows SHA-256.
 */
export async function identifyInput({ name, size }: Input): Promise<InputIdentity> {
  const hash = createHash('sha256');
  let bytes = 0;
  const input = { name, size, open: () => createReadStream(name, { highWaterMark: 1024 * 1024 }) };
  await readInput(input, async (source) => {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  });
  return { path: name, bytes, sha256: hash.digest('hex') };
}
