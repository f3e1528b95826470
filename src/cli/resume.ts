/** `send --resume`: what is to be done with an input and the ledger that may be there already. */
import { createReadStream, fdatasyncSync, fstatSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { CommandError, usageError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { counted, grouped } from './figures.js';
import type { Input } from './input.js';
import { identifyInput } from './input-identity.js';
import type { CommandIo } from './io.js';
import { Ledger, readLedger } from './ledger.js';
import { type LedgerContent, type LedgerHeader, START_OVER } from './ledger-format.js';
import { LedgerLock } from './ledger-lock.js';
import { checkLedgerPaths } from './ledger-paths.js';
import { LineRanges } from './line-ranges.js';
import type { SendValues } from './send-options.js';
import { SettlementLog } from './settlement-log.js';
import type { ResumeFigures } from './summary.js';

/** The window of a sending that is told nothing else, over either wire. */
const DEFAULT_WINDOW = 65_536;

/** A run that a ledger is kept of. */
export interface Resumption {
  /** What it stands at, in one line for people. */
  readonly note: string;
  /** What people should know even where they asked for quiet. */
  readonly warning: string | undefined;
  readonly figures: ResumeFigures;
  /** The input as it was when it was identified: what is added to it meanwhile is left out. */
  readonly input: Input;
  /** Absent when every line is settled already. */
  readonly log?: SettlementLog;
}

/**
 * Reads the ledger, or begins one, and keeps others from it until the log is closed; `undefined` without
 * `--resume`.
 *
 * @throws {CommandError} exit code 64 for an input that cannot be read twice, and for a ledger that is the input
 *   or the output; 74 where no ledger can be written; 78 for a ledger that is damaged, of another input or
 *   target, or in use
 */
export async function openResumption(
  values: SendValues,
  inputs: readonly Input[],
  io: CommandIo,
): Promise<Resumption | undefined> {
  const { resume: path } = values;
  if (path === undefined) {
    if (values['resume-sync']) {
      throw usageError('--resume-sync says how to keep the ledger of --resume, which is missing');
    }
    return undefined;
  }
  const input = resumableInput(values, inputs);
  checkLedgerPaths(path, { input: input.name, output: (io.stdout as Output).fd });
  const lock = new LedgerLock(path);
  try {
    const resumption = await open(path, input, values, io.stdout, lock);
    if (resumption.log === undefined) lock.release();
    return resumption;
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function open(
  path: string,
  input: Input,
  values: SendValues,
  stdout: Output,
  lock: LedgerLock,
): Promise<Resumption> {
  const { 'on-unknown': onUnknown, 'window-count': window = DEFAULT_WINDOW, to = '', outcomes } = values;
  const found = readLedger(path);
  const { identity, hasGrown } = await identifyInput(input, found?.header.input);
  if (found !== undefined) checkLedger(path, found.header, { input: identity, to }, hasGrown);
  const settled = found?.settled ?? new LineRanges();
  const inDoubt = found === undefined || found.ended !== undefined ? 0 : found.header.window;
  const settledBefore = lineCount(settled);
  const isWritten = outcomes !== 'none' && isEmptyFile(stdout);
  const common = {
    note: found === undefined ? beginningNote(path, stdout) : noteOf(path, found),
    warning: settledBefore > 0 && isWritten ? OVERWRITTEN : undefined,
    figures: { ledger: path, settledBefore, duplicatesAtMost: inDoubt },
    input: upTo(input, identity.bytes),
  };
  lock.check();
  if (found?.ended === 'complete') return common;
  if (inDoubt > 0) separateOutput(stdout);
  const header = { input: identity, to, window: Math.max(window, inDoubt) };
  const sync = values['resume-sync'];
  const ledger = new Ledger({ path, header, settled, sync, onClose: () => lock.release() });
  return {
    ...common,
    log: new SettlementLog({
      ledger,
      settled,
      window,
      inDoubt,
      resendUnknown: onUnknown === 'resend',
      syncOutput: sync ? () => syncOutput(stdout) : undefined,
    }),
  };
}

const OVERWRITTEN =
  'standard output is an empty file, so the outcomes of the lines settled before are not in it: append (>>) to keep the outcomes of all runs in one file';

/** A log may be written to while it is sent; what its ledger is of ends where it was identified. */
function upTo(input: Input, bytes: number): Input {
  const open = (): Readable => createReadStream(input.name, bytes === 0 ? {} : { end: bytes - 1 });
  return { name: input.name, size: bytes, open };
}

function lineCount(ranges: LineRanges): number {
  let count = 0;
  for (const [first, last] of ranges) count += last - first + 1;
  return count;
}

function resumableInput(values: SendValues, inputs: readonly Input[]): Input {
  if (values['dry-run']) throw usageError('--dry-run sends nothing, so there is nothing to --resume');
  const [input, ...more] = inputs;
  if (input === undefined || more.length > 0) {
    throw usageError(
      '--resume takes one FILE',
      'send several one after the other, each with a ledger of its own',
    );
  }
  if (input.size === undefined) {
    const name = input.name === '-' ? 'standard input' : input.name;
    throw usageError(
      `--resume needs a regular file: ${name} cannot be read a second time`,
      'save it to a file first',
    );
  }
  return input;
}

function checkLedger(
  path: string,
  kept: LedgerHeader,
  now: Omit<LedgerHeader, 'window'>,
  hasGrown: boolean,
): void {
  const { input } = kept;
  if (hasGrown) {
    const { bytes } = input;
    const problem = `is of the first ${grouped(bytes)} bytes of ${now.input.path}, to which ${grouped(now.input.bytes - bytes)} have been added since`;
    throw refused(
      problem,
      `resume with those bytes alone (head -c ${bytes}), and send the rest (tail -c +${bytes + 1}) with a ledger of its own`,
    );
  }
  if (input.sha256 !== now.input.sha256) {
    const sizes = `${grouped(input.bytes)} bytes then, ${grouped(now.input.bytes)} now`;
    throw refused(
      `is of ${input.path} as it was then, and ${now.input.path} is another file or has changed (${sizes})`,
    );
  }
  if (kept.to !== now.to) throw refused(`is of a sending to ${kept.to}, not to ${now.to}`);

  function refused(problem: string, hint: string = START_OVER): CommandError {
    return new CommandError(ExitCode.BadConfiguration, `the ledger ${path} ${problem}`, { hint });
  }
}

function beginningNote(path: string, { fd }: Output): string {
  const note = `remembering settled lines in ${path}`;
  const isFile = fd !== undefined && fstatSync(fd).isFile();
  return isFile ? `${note}; to resume, run the same command, and append (>>) its outcomes to these` : note;
}

function noteOf(path: string, { header, settled, ended }: LedgerContent): string {
  const { through, beyond } = settled;
  if (ended === 'complete')
    return `${path} is complete: every line of ${header.input.path} is settled, nothing is sent`;
  const more = beyond.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const twice =
    ended === 'idle'
      ? 'nothing was under way'
      : `up to ${counted(header.window, 'notification')} may be sent a second time`;
  return `resuming after line ${grouped(through)}: ${counted(more, 'line')} settled beyond it; ${twice}`;
}

type Output = CommandIo['stdout'] & { readonly fd?: number };

function isEmptyFile({ fd }: Output): boolean {
  if (fd === undefined) return false;
  const status = fstatSync(fd);
  return status.isFile() && status.size === 0;
}

/**
 * The killed run may have left its last outcome cut off in the file that this one appends to: a line of its
 * own keeps the next outcome apart from it. An empty line is nothing to a reader of NDJSON.
 */
function separateOutput(stdout: Output): void {
  if (stdout.fd === undefined) return;
  const status = fstatSync(stdout.fd);
  if (status.isFile() && status.size > 0) stdout.write('\n');
}

/** What cannot be synchronized, such as a pipe, is out of this machine's hands anyway. */
function syncOutput(stdout: Output): void {
  if (stdout.fd === undefined) return;
  try {
    fdatasyncSync(stdout.fd);
  } catch (error) {
    if (!['EINVAL', 'EROFS', 'ENOTSUP', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
  }
}
