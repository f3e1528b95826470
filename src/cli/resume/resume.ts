/** `send --resume`: opens or creates a ledger, and decides which lines of the input to send. */
import { DEFAULT_WINDOW_COUNT } from '../../engine/options.js';
import { usageError } from '../command-error.js';
import type { Input } from '../input/input.js';
import { LineRanges } from '../input/line-ranges.js';
import type { CommandIo } from '../io.js';
import { counted, grouped } from '../output/format-number.js';
import { isEmptyFile, isFile, repairLastLine, syncOutput } from '../output/outcome-file.js';
import { EarlierRefusals } from '../send/earlier-refusals.js';
import type { SendValues } from '../send/send-options.js';
import type { ResumeFigures } from '../send/summary.js';
import { identifiedInput, identifyInput } from './input-identity.js';
import { Ledger, readLedger } from './ledger.js';
import { type LedgerContent, type LedgerHeader, unusableLedger } from './ledger-format.js';
import { LedgerLock } from './ledger-lock.js';
import { checkLedgerPaths, resolveLedgerPath } from './ledger-paths.js';
import { SettlementLog } from './settlement-log.js';

/** A run with a ledger. */
export interface Resumption {
  /** The progress so far, as one line of text. */
  readonly note: string;
  /** A warning that is printed even with --quiet. */
  readonly warning: string | undefined;
  readonly figures: ResumeFigures;
  /** The input as it was when it was identified. */
  readonly input: Input;
  /** Absent if every line is already settled. */
  readonly log?: SettlementLog;
}

/**
 * Reads the ledger, or begins one, and keeps others from it until the log is closed; `undefined` without
 * `--resume`.
 *
 * @param stop ends the reading of the input; it then rejects with the signal's reason
 * @throws {CommandError} exit code 64 for an input that cannot be read twice, and for a ledger that is the input
 *   or the output; 74 where no ledger can be written; 78 for a ledger that is damaged, of another input or
 *   target, or in use
 */
export async function openResumption(
  values: SendValues,
  inputs: readonly Input[],
  io: CommandIo,
  stop?: AbortSignal,
): Promise<Resumption | undefined> {
  const { resume: given } = values;
  if (given === undefined) {
    if (values['resume-sync']) {
      throw usageError('--resume-sync requires --resume LEDGER');
    }
    return undefined;
  }
  const input = resumableInput(values, inputs);
  const path = resolveLedgerPath(given);
  checkLedgerPaths(path, { input: input.name, output: io.stdout.fd });
  const lock = new LedgerLock(path);
  try {
    const resumption = await open({ given, path, lock }, input, values, io.stdout, stop);
    if (resumption.log === undefined) lock.release();
    return resumption;
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface LockedLedger {
  /** The name on the command line. */
  readonly given: string;
  readonly path: string;
  readonly lock: LedgerLock;
}

async function open(
  { given, path, lock }: LockedLedger,
  input: Input,
  values: SendValues,
  stdout: CommandIo['stdout'],
  stop: AbortSignal | undefined,
): Promise<Resumption> {
  const {
    'on-unknown': onUnknown,
    'window-count': window = DEFAULT_WINDOW_COUNT,
    to = '',
    outcomes,
  } = values;
  const found = readLedger(path);
  const { identity, hasGrown, lines } = await identifyInput(input, found?.header.input, stop);
  if (found !== undefined) checkLedger(given, found.header, { input: identity, to }, hasGrown);
  const settled = found?.settled ?? new LineRanges();
  const inDoubt = found === undefined || found.ended !== undefined ? 0 : found.header.window;
  const refused = found?.refused ?? new LineRanges();
  // The ledger adds to what was refused.
  const earlier = new EarlierRefusals(refused.without(settled));
  const settledBefore = settled.count;
  const duplicatesAtMost = Math.min(inDoubt, lines - settledBefore);
  const isWritten = outcomes !== 'none' && isEmptyFile(stdout);
  const common = {
    note: found === undefined ? beginningNote(given, stdout) : noteOf(given, found, duplicatesAtMost),
    warning: settledBefore > 0 && isWritten ? OVERWRITTEN : undefined,
    figures: { ledger: given, settledBefore, duplicatesAtMost, earlier },
    input: identifiedInput(input, identity),
  };
  lock.check();
  if (found?.ended === 'complete') return common;
  if (found !== undefined && outcomes !== 'none') repairLastLine(stdout);
  const header = { input: identity, to, window: Math.max(window, inDoubt) };
  const sync = values['resume-sync'];
  const ledger = new Ledger({ path, header, settled, refused, sync, onClose: () => lock.release() });
  return {
    ...common,
    log: new SettlementLog({
      ledger,
      settled,
      window,
      inDoubt,
      earlier,
      resendUnknown: onUnknown === 'resend',
      syncOutput: sync ? () => syncOutput(stdout) : undefined,
    }),
  };
}

const OVERWRITTEN =
  'standard output is an empty file, so the outcomes of the lines settled before are not in it: append (>>) to keep the outcomes of all runs in one file';

function resumableInput(values: SendValues, inputs: readonly Input[]): Input {
  if (values['dry-run']) throw usageError('--dry-run sends nothing, so it cannot be combined with --resume');
  const [input, ...more] = inputs;
  if (input === undefined || more.length > 0) {
    throw usageError(
      '--resume takes one FILE',
      'send several files one after the other, each with its own ledger',
    );
  }
  if (input.size === undefined) {
    const name = input.name === '-' ? 'standard input' : input.name;
    throw usageError(
      `--resume needs a regular file: ${name} cannot be read a second time`,
      'save the input to a file first',
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
    const problem = `belongs to an earlier version of ${now.input.path}: the file was ${grouped(bytes)} bytes then and has grown by ${grouped(now.input.bytes - bytes)}`;
    throw unusableLedger(
      path,
      problem,
      `resume with only those bytes (head -c ${bytes}), then send the rest (tail -c +${bytes + 1}) with its own ledger`,
    );
  }
  if (input.sha256 !== now.input.sha256) {
    const sizes = `${grouped(input.bytes)} bytes then, ${grouped(now.input.bytes)} now`;
    throw unusableLedger(
      path,
      `belongs to another version of ${input.path}: ${now.input.path} is a different file or has changed (${sizes})`,
    );
  }
  if (kept.to !== now.to)
    throw unusableLedger(path, `records a run that sent to ${kept.to}, not to ${now.to}`);
}

function beginningNote(path: string, stdout: CommandIo['stdout']): string {
  const note = `remembering settled lines in ${path}`;
  return isFile(stdout)
    ? `${note}; to resume, run the same command, and append (>>) its outcomes to these`
    : note;
}

function noteOf(
  path: string,
  { header, settled, refused, ended }: LedgerContent,
  duplicatesAtMost: number,
): string {
  const { through } = settled;
  if (ended === 'complete')
    return `${path} is complete: every line of ${header.input.path} is settled, so nothing is sent`;
  const more = settled.count - through;
  const start = through === 0 ? 'starting from the first line' : `resuming after line ${grouped(through)}`;
  const later = more === 0 ? '' : `; ${counted(more, 'later line')} ${more === 1 ? 'is' : 'are'} settled`;
  const twice =
    ended === 'idle' || duplicatesAtMost === 0
      ? 'no notification can arrive twice'
      : `up to ${counted(duplicatesAtMost, 'notification')} may be sent a second time`;
  const again =
    refused.count === 0
      ? ''
      : `; ${counted(refused.count, 'line')} refused before because of credentials or options will be sent again`;
  return `${start}${later}; ${twice}${again}`;
}
