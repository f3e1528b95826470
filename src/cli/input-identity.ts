/** What tells one input from another, and from itself after a change. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type Input, readInput } from './input.js';
import type { InputIdentity } from './ledger-format.js';

/** An identity, and whether the input begins with all of another one. */
export interface FoundIdentity {
  readonly identity: InputIdentity;
  /** The bytes of `before` are there unchanged, and more behind them. */
  readonly hasGrown: boolean;
}

/**
 * Reads the input once to its end. Neither name nor times are in it, so a file may be copied, moved and
 * touched; of the content nothing may change, wherever it is. It costs a small part of the sending, about
 * half a second per gigabyte where the processor knows SHA-256.
 *
 * @param before what the input was known by earlier
 */
export async function identifyInput({ name, size }: Input, before?: InputIdentity): Promise<FoundIdentity> {
  const hash = createHash('sha256');
  let bytes = 0;
  let begin: string | undefined;
  const input = { name, size, open: () => createReadStream(name, { highWaterMark: 1024 * 1024 }) };
  await readInput(input, async (source) => {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      const missing = before === undefined ? -1 : before.bytes - bytes;
      bytes += chunk.length;
      if (missing < 0 || missing >= chunk.length) {
        hash.update(chunk);
        continue;
      }
      hash.update(chunk.subarray(0, missing));
      begin = hash.copy().digest('hex');
      hash.update(chunk.subarray(missing));
    }
  });
  const identity = { path: name, bytes, sha256: hash.digest('hex') };
  return { identity, hasGrown: begin !== undefined && begin === before?.sha256 };
}
