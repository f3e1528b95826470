/** Checks the three files of a ledger. The run must not use any of them for another purpose. */
import { fstatSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CommandError, systemProblem, usageError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { hasErrorCode } from '../has-error-code.js';
import { isSameFile } from '../input/same-file.js';
import { nextPathOf, readHead } from './ledger.js';
import { beginsAsLedger } from './ledger-format.js';
import { lockPathOf } from './ledger-lock.js';

/** The inputs and outputs of a run, apart from its ledger. */
export interface OtherFiles {
  readonly input: string;
  /** Standard output, if it is a file descriptor. */
  readonly output: number | undefined;
}

/**
 * The path of a ledger with all links resolved. The lock and the rewritten file are in the directory of that path, so
 * two runs that use different links to one ledger share one lock.
 *
 * @throws {CommandError} exit code 78 for a broken link, for a file with several hard links, and for a path that is
 *   not a regular file
 */
export function resolveLedgerPath(path: string): string {
  const real = realPathOf(path);
  const found = statSync(real, { throwIfNoEntry: false });
  if (found === undefined) return real;
  if (!found.isFile()) {
    const what = found.isDirectory() ? 'a directory' : 'not a regular file';
    throw unusable(
      `the ledger ${path} is ${what}`,
      'give a LEDGER that is a regular file or does not exist yet',
    );
  }
  if (found.nlink > 1) {
    throw unusable(
      `the ledger ${path} has ${found.nlink} hard links, so another run could use it under another name`,
      `make a copy with one link: cp ${path} ${path}.copy && mv ${path}.copy ${path}`,
    );
  }
  return real;
}

/**
 * @param path as {@link resolveLedgerPath} returned it
 * @throws {CommandError} exit code 64 where a name of the ledger is that of the input or of standard output,
 *   78 where another file, or a link, has the name of its lock or of the file that it is rewritten through
 */
export function checkLedgerPaths(path: string, { input, output }: OtherFiles): void {
  const next = nextPathOf(path);
  const lock = lockPathOf(path);
  const inputFile = statSync(input);
  const outputFile = output === undefined ? undefined : fstatSync(output);
  for (const name of [path, next, lock]) {
    const found = statSync(name, { throwIfNoEntry: false });
    const isInput = isSameFile(found, inputFile);
    if (!isInput && !isSameFile(found, outputFile)) continue;
    throw usageError(
      `--resume ${path} writes to ${name}, which is also ${isInput ? 'FILE' : 'standard output'}`,
      'choose a LEDGER that the run does not use for anything else',
    );
  }
  checkPlainFile(next, 'the command writes the new ledger to it');
  checkPlainFile(lock, 'it locks the ledger');
  if (lstatSync(next, { throwIfNoEntry: false }) === undefined || beginsAsLedger(readHead(next))) return;
  throw unusable(
    `the command rewrites the ledger ${path} through ${next}, but another file has that name`,
    'move that file, or give another LEDGER',
  );
}

/** Rejects links: another user could create a link of that name to redirect the bytes. */
function checkPlainFile(name: string, purpose: string): void {
  const found = lstatSync(name, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return;
  const what = found.isSymbolicLink() ? 'a symbolic link' : 'not a regular file';
  throw unusable(
    `${name} is ${what}, but must be a regular file or not exist: ${purpose}`,
    'remove that file, or give another LEDGER',
  );
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (!hasErrorCode(error, 'ENOENT') || lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
      throw unusable(
        `cannot resolve the path of the ledger ${path}: ${systemProblem(error)}`,
        'if it is a symbolic link, give the path of its target',
      );
    }
  }
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    // The directory does not exist: a later write reports that.
    return path;
  }
}

function unusable(message: string, hint: string): CommandError {
  return new CommandError(ExitCode.BadConfiguration, message, { hint });
}
