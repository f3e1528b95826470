/** The inputs of a command: files in order; `-` or no file means standard input. */
import { createReadStream, fstatSync, type Stats } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { adviceForOperand, shownValue } from '../args/mistaken-value.js';
import { CommandError, systemProblem, usageError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import type { CommandIo } from '../io.js';
import { isSameFile } from './same-file.js';

/** One file, or standard input, that exists and can be opened. */
export interface Input {
  /** The name that was given; `-` for standard input. */
  readonly name: string;
  /** The size in bytes; `undefined` if it is not known in advance, as for a pipe. */
  readonly size: number | undefined;
  /** The bytes. To be called once. */
  open(): Readable;
}

/**
 * The inputs that `operands` name, all of them checked before the first is read.
 *
 * @throws {CommandError} exit code 64: a file that cannot be read, standard input that is a terminal, or an input
 *   that is the file of standard output
 */
export async function findInputs(operands: readonly string[], io: CommandIo): Promise<readonly Input[]> {
  const names = operands.length === 0 ? ['-'] : operands;
  if (names.filter((name) => name === '-').length > 1) throw usageError('standard input (-) is given twice');
  if (operands.length === 0 && io.stdin.isTTY === true) {
    throw usageError(
      'no input: standard input is a terminal',
      'give a FILE, pipe the input in, or give - to type it',
    );
  }
  const inputs: Input[] = [];
  for (const name of names) inputs.push(await findInput(name, io));
  return inputs;
}

async function findInput(name: string, io: CommandIo): Promise<Input> {
  if (name === '-') {
    refuseOutput('standard input', statusOf(io.stdin), io);
    return { name, size: undefined, open: () => io.stdin };
  }
  let found: Stats;
  try {
    found = await stat(name);
    if (found.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    await access(name, constants.R_OK);
  } catch (error) {
    throw usageError(`cannot read ${shownValue(name)}: ${systemProblem(error)}`, adviceForOperand(name));
  }
  refuseOutput(name, found, io);
  return { name, size: found.isFile() ? found.size : undefined, open: () => createReadStream(name) };
}

/** A command that reads its own output never ends, or the shell has emptied its input. */
function refuseOutput(name: string, input: Stats | undefined, io: CommandIo): void {
  if (!isSameFile(input, statusOf(io.stdout))) return;
  throw usageError(
    `${shownValue(name)} is the same file as standard output: every line that is written would be read as input`,
    'write to another file',
  );
}

function statusOf({ fd }: { readonly fd?: number }): Stats | undefined {
  return typeof fd === 'number' ? fstatSync(fd) : undefined;
}

/**
 * Runs `read` over an input's bytes. An error of the input itself becomes a {@link CommandError}, exit code
 * 74, whatever `read` makes of it.
 */
export async function readInput(input: Input, read: (source: Readable) => Promise<void>): Promise<void> {
  let failure: CommandError | undefined;
  const source = input.open().once('error', (cause) => {
    // A pipeline that fails or is aborted destroys its source with that error: only the system's is its own.
    if ((cause as NodeJS.ErrnoException).syscall === undefined) return;
    const shown = input.name === '-' ? 'standard input' : input.name;
    const message = `reading ${shown} failed: ${systemProblem(cause)}`;
    failure = new CommandError(ExitCode.InputOutput, message, { cause });
  });
  try {
    await read(source);
  } catch (error) {
    throw failure ?? error;
  }
}
