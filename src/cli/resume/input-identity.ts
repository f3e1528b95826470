/** Identifies an input, to detect another input or a changed one. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { CommandError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { type Input, readInput } from '../input/input.js';
import type { InputIdentity } from './ledger-format.js';

/** An identity, and whether the input begins with the whole input of an earlier run. */
export interface FoundIdentity {
  readonly identity: InputIdentity;
  /** Whether the input is that of `before`, unchanged, with more bytes after it. */
  readonly hasGrown: boolean;
  /** The lines of the input, blank ones and a last line without a newline included. */
  readonly lines: number;
}

const NEWLINE = 0x0a;

/**
 * Reads the input once to its end. The identity depends only on the content, so a file may be copied, moved and
 * touched. The cost is small compared with sending: about half a second per gigabyte if the processor supports
 * SHA-256.
 *
 * @param before the identity of the input in an earlier run
 * @param stop aborts the reading; the promise then rejects with the signal's reason
 */
export async function identifyInput(
  { name, size }: Input,
  before?: InputIdentity,
  stop?: AbortSignal,
): Promise<FoundIdentity> {
  const hash = createHash('sha256');
  let bytes = 0;
  let lines = 0;
  let isInLine = false;
  let begin: string | undefined;
  const input = { name, size, open: () => createReadStream(name, { highWaterMark: 1024 * 1024 }) };
  await readInput(input, async (source) => {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      stop?.throwIfAborted();
      const missing = before === undefined ? -1 : before.bytes - bytes;
      bytes += chunk.length;
      lines += countNewlines(chunk);
      isInLine = chunk.at(-1) !== NEWLINE;
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
  const hasGrown = begin !== undefined && begin === before?.sha256;
  return { identity, hasGrown, lines: isInLine ? lines + 1 : lines };
}

function countNewlines(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

/**
 * The input as it was when it was identified. Bytes that are appended later are not read, because another process may
 * write to a log file while it is sent.
 *
 * Its stream fails at its end with a {@link CommandError}, exit code 74, if the bytes differ from those that were
 * identified: then the ledger does not show which lines were sent.
 */
export function identifiedInput({ name }: Input, identity: InputIdentity): Input {
  const open = (): Readable => Readable.from(readIdentified(name, identity), { objectMode: false });
  return { name, size: identity.bytes, open };
}

async function* readIdentified(name: string, { bytes, sha256 }: InputIdentity): AsyncGenerator<Buffer> {
  if (bytes === 0) return;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(name, { end: bytes - 1 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') === sha256) return;
  throw new CommandError(ExitCode.InputOutput, `${name} was changed while it was being sent`, {
    hint: 'the outcomes identify what was sent by device token, not by line; send a copy that does not change, with a new ledger',
  });
}
