/** Handles standard output that is a file, to which several runs append their outcomes. */
import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { CommandError, systemProblem } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import type { CommandIo } from '../io.js';
import { fileDescriptorOf } from './output.js';
import { writeWhole } from './write-whole.js';

type Stdout = CommandIo['stdout'];

const NEWLINE = 0x0a;
/** The first bytes of every outcome. */
const OUTCOME_START = '{"status":"';
/** A file without a newline in this many bytes at its end has no outcomes of this command. */
const TAIL_BYTES = 4 * 1024 * 1024;
/** Paths under which a system lets a descriptor that was opened for writing be opened again for reading. */
const DESCRIPTORS = ['/proc/self/fd', '/dev/fd'];

/** Whether outcomes go to a file that holds nothing yet. */
export function isEmptyFile(stdout: Stdout): boolean {
  const file = regularFileOf(stdout);
  return file !== undefined && fstatSync(file).size === 0;
}

/** Whether outcomes go to a file. */
export function isFile(stdout: Stdout): boolean {
  return regularFileOf(stdout) !== undefined;
}

/**
 * Makes the file end with a complete line. A run that was killed, or whose disk was full, may have left a partial
 * outcome there. The line of that outcome is open in the ledger, so this removes the partial outcome. Any other text
 * stays, and gets a newline.
 *
 * @throws {CommandError} exit code 74
 */
export function repairLastLine(stdout: Stdout): void {
  const file = regularFileOf(stdout);
  if (file === undefined) return;
  try {
    const { size } = fstatSync(file);
    if (size === 0) return;
    const tail = readTail(file, size);
    const start = tail === undefined ? -1 : tail.lastIndexOf(NEWLINE) + 1;
    if (tail !== undefined && start === tail.length) return;
    if (tail !== undefined && isPartOfOutcome(tail.toString('utf8', start))) {
      ftruncateSync(file, size - (tail.length - start));
    } else writeWhole(file, Buffer.from('\n'));
  } catch (cause) {
    throw new CommandError(
      ExitCode.InputOutput,
      `cannot repair the last line of standard output: ${systemProblem(cause)}`,
      {
        cause,
        hint: 'no notification was sent; free some space, or complete or remove that line, and run again',
      },
    );
  }
}

/**
 * Syncs the written data to the disk. An output that cannot be synced, such as a pipe, is ignored.
 *
 * @throws {CommandError} exit code 74
 */
export function syncOutput({ fd }: Stdout): void {
  if (fd === undefined) return;
  try {
    fdatasyncSync(fd);
  } catch (cause) {
    if (['EINVAL', 'EROFS', 'ENOTSUP', 'EPERM'].includes((cause as NodeJS.ErrnoException).code ?? '')) return;
    throw new CommandError(
      ExitCode.InputOutput,
      `cannot sync standard output to the disk: ${systemProblem(cause)}`,
      {
        cause,
        hint: 'the ledger does not record lines that are settled from now on, so resuming sends them a second time',
      },
    );
  }
}

function regularFileOf(stdout: Stdout): number | undefined {
  const file = fileDescriptorOf(stdout);
  return file !== undefined && fstatSync(file).isFile() ? file : undefined;
}

function isPartOfOutcome(text: string): boolean {
  if (!text.startsWith(OUTCOME_START.slice(0, text.length))) return false;
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}

/** The end of a file that may be open for writing only; `undefined` where the system does not let it be read. */
function readTail(file: number, size: number): Buffer | undefined {
  for (const directory of DESCRIPTORS) {
    let reader: number | undefined;
    try {
      reader = openSync(`${directory}/${file}`, 'r');
      const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
      if (readSync(reader, tail, 0, tail.length, size - tail.length) === tail.length) return tail;
    } catch {
      // The next path may work.
    } finally {
      if (reader !== undefined) closeSync(reader);
    }
  }
  return undefined;
}
