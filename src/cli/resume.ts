/** `send --resume`: what is to be done with an input and the ledger that may be there already. */
import { fdatasyncSync, fstatSync } from 'node:fs';
import { CommandError, usageError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { counted, grouped } from './figures.js';
import type { Input } from './input.js';
import { identifyInput } from './input-identity.js';
import type { CommandIo } from './io.js';
import { Ledger, readLedger } from './ledger.js';
import { type LedgerContent, type LedgerHeader, START_OVER } from './ledger-format.js';
import { LineRanges } from './line-ranges.js';
import type { SendValues } from './send-options.js';
import { SettlementLog } from './settlement-log.js';

/** The window of a sending that is told nothing else, over either wire. */
const DEFAULT_WINDOW = 65_536;

/** A run that a ledger is kept of. */
export interface Resumption {
  /** What it stands at, in one line for people. */
  readonly note: string;
  /** Absent when every line is settled already. */
  readonly log?: SettlementLog;
}

/**
 * Reads the ledger, or begins one; `undefined` without `--resume`.
 *
 * @throws {CommandError} exit code 64 for an input that cannot be read twice, 78 for a ledger that is
 *   damaged, or of another input or target
 */
export async function openResumption(
  values: SendValues,
  inputs: readonly Input[],
  io: CommandIo,
): Promise<Resumption | undefined> {
  const { resume: path, 'on-unknown': onUnknown, 'window-count': window = DEFAULT_WINDOW, to = '' } = values;
  const sync = values['resume-sync'];
  if (path === undefined) {
    if (sync) throw usageError('--resume-sync says how to keep the ledger of --resume, which is missing');
    return undefined;
  }
  const input = resumableInput(values, inputs);
  const identity = await identifyInput(input);
  const found = readLedger(path);
  if (found !== undefined) checkLedger(path, found.header, { input: identity, to });
  const note = found === undefined ? `remembering settled lines in ${path}` : noteOf(path, found);
  if (found?.ended === 'complete') return { note };
  const settled = found?.settled ?? new LineRanges();
  const inDoubt = found === undefined || found.ended !== undefined ? 0 : found.header.window;
  if (inDoubt > 0) separateOutput(io.stdout);
  const header = { input: identity, to, window: Math.max(window, inDoubt) };
  const ledger = new Ledger({ path, header, settled, sync });
  return {
    note,
    log: new SettlementLog({
      ledger,
      settled,
      window,
      inDoubt,
      resendUnknown: onUnknown === 'resend',
      syncOutput: sync ? () => syncOutput(io.stdout) : undefined,
    }),
  };
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

function checkLedger(path: string, kept: LedgerHeader, now: Omit<LedgerHeader, 'window'>): void {
  const { input } = kept;
  if (input.sha256 !== now.input.sha256) {
    const sizes = `${grouped(input.bytes)} bytes then, ${grouped(now.input.bytes)} now`;
    throw refused(
      `is of ${input.path} as it was then, and ${now.input.path} is another file or has changed (${sizes})`,
    );
  }
  if (kept.to !== now.to) throw refused(`is of a sending to ${kept.to}, not to ${now.to}`);

  function refused(problem: string): CommandError {
    return new CommandError(ExitCode.BadConfiguration, `the ledger ${path} ${problem}`, { hint: START_OVER });
  }
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
