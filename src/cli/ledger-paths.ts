/** A ledger takes three names in its directory; nothing else that the run uses may have one of them. */
import { fstatSync, type Stats, statSync } from 'node:fs';
import { CommandError, usageError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { nextPathOf, readHead } from './ledger.js';
import { beginsAsLedger } from './ledger-format.js';
import { lockPathOf } from './ledger-lock.js';

/** What a run reads from and writes to beside its ledger. */
export interface OtherFiles {
  readonly input: string;
  /** Standard output, where it is a file descriptor. */
  readonly output: number | undefined;
}

/**
 * @throws {CommandError} exit code 64 where a name of the ledger is that of the input or of standard output,
 *   78 where another file stands in the way of rewriting the ledger
 */
export function checkLedgerPaths(path: string, { input, output }: OtherFiles): void {
  const next = nextPathOf(path);
  const inputFile = statSync(input);
  const outputFile = output === undefined ? undefined : fstatSync(output);
  for (const name of [path, next, lockPathOf(path)]) {
    const found = statSync(name, { throwIfNoEntry: false });
    if (found === undefined) continue;
    const what = isSame(found, inputFile)
      ? 'the FILE'
      : isSame(found, outputFile)
        ? 'standard output'
        : undefined;
    if (what === undefined) continue;
    throw usageError(
      `--resume ${path} writes to ${name}, and that is ${what} itself`,
      'name a LEDGER that is a file of its own',
    );
  }
  const left = statSync(next, { throwIfNoEntry: false });
  if (left === undefined || (left.isFile() && beginsAsLedger(readHead(next)))) return;
  throw new CommandError(
    ExitCode.BadConfiguration,
    `the ledger ${path} is rewritten by way of ${next}, and there is another file of that name`,
    { hint: 'move it, or name another LEDGER' },
  );
}

function isSame(one: Stats, other: Stats | undefined): boolean {
  return other !== undefined && one.isFile() && one.dev === other.dev && one.ino === other.ino;
}
