/** The file that remembers which lines of an input are settled, so that a killed run can be resumed. */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CommandError, systemProblem } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { LineRanges, rangesOf } from '../input/line-ranges.js';
import { writeWhole } from '../output/write-whole.js';
import {
  decodeLedger,
  decodeLedgerHeader,
  encodeLedger,
  encodeLedgerEntry,
  type LedgerContent,
  type LedgerEnding,
  type LedgerHeader,
} from './ledger-format.js';

/** What may be appended before the file is rewritten, unless four times the last snapshot is more. */
const MAX_APPENDED_BYTES = 256 * 1024;

/** What is no ledger is not read any further than this. */
const HEAD_BYTES = 64 * 1024;

/** The file that a ledger is written to before it takes the place of what was there. */
export function nextPathOf(path: string): string {
  return `${path}.next`;
}

/** How a {@link Ledger} is kept. */
export interface LedgerOptions {
  readonly path: string;
  readonly header: LedgerHeader;
  /** What earlier runs have settled. The ledger adds to it. */
  readonly settled: LineRanges;
  /** Lines that were refused because of credentials or options in earlier runs. The ledger adds lines. */
  readonly refused?: LineRanges;
  /** Every entry is on the disk before {@link Ledger.add} returns: it survives a loss of power. */
  readonly sync: boolean;
  /** Called when the ledger is closed. */
  readonly onClose?: (() => void) | undefined;
  /** @default 262144; for tests */
  readonly maxAppendedBytes?: number;
}

/**
 * A ledger under way. Entries are written at once and synchronously: so they are with the system, and
 * survive the end of this process, when the method returns.
 *
 * Everything throws a {@link CommandError} with exit code 74 when the file cannot be written.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #settled: LineRanges;
  readonly #refused: LineRanges;
  #header: LedgerHeader;
  #file = -1;
  #appendedBytes = 0;
  #snapshotBytes = 0;

  /** Puts the header and a snapshot of what is settled in place of what was there. */
  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#settled = options.settled;
    this.#refused = options.refused ?? new LineRanges();
    this.#header = options.header;
    this.#rewrite();
  }

  /** Lines that hold no notification: they are settled as they are, and need no entry of their own. */
  addBlank(first: number, last: number): void {
    this.#settled.add(first, last);
  }

  /**
   * Records lines, in any order.
   *
   * @param lines settled
   * @param refusedLines open lines: credentials or options were refused, and not the notification
   */
  add(lines: readonly number[], refusedLines: readonly number[] = []): void {
    const ranges = rangesOf(lines);
    const refused = rangesOf(refusedLines);
    for (const [first, last] of ranges) this.#settled.add(first, last);
    for (const [first, last] of refused) this.#refused.add(first, last);
    const { through } = this.#settled;
    const beyond = ranges.filter(([, last]) => last > through);
    this.#append(encodeLedgerEntry({ through, beyond, refused }));
    const limit = this.#options.maxAppendedBytes ?? MAX_APPENDED_BYTES;
    if (this.#appendedBytes > Math.max(limit, 4 * this.#snapshotBytes)) this.#rewrite();
  }

  /** Records that as many as this may be under way from now on, where that is more than what was said before. */
  raiseWindow(window: number): void {
    if (window <= this.#header.window) return;
    this.#header = { ...this.#header, window };
    this.#append(encodeLedgerEntry({ through: this.#settled.through, beyond: [], window }));
  }

  /** Records how the run ended, where it came to an end of its own, and closes the file. */
  close(ended: LedgerEnding | undefined): void {
    const { through } = this.#settled;
    try {
      if (ended !== undefined) this.#append(encodeLedgerEntry({ through, beyond: [], ended }));
    } finally {
      closeSync(this.#file);
      this.#options.onClose?.();
    }
  }

  #append(entry: string): void {
    const bytes = Buffer.from(entry);
    this.#do(() => {
      writeWhole(this.#file, bytes);
      if (this.#options.sync) fdatasyncSync(this.#file);
    });
    this.#appendedBytes += bytes.length;
  }

  /** Another file takes the place of this one in one step, so that there is a whole ledger at any moment. */
  #rewrite(): void {
    const { path, sync } = this.#options;
    const bytes = Buffer.from(encodeLedger(this.#header, this.#settled, this.#refused));
    const next = nextPathOf(path);
    this.#do(() => {
      // A killed run may have left this file. Creating a new one makes sure that no link of that name is followed.
      rmSync(next, { force: true });
      const file = openSync(next, 'wx', 0o600);
      try {
        writeWhole(file, bytes);
        if (sync) fsyncSync(file);
        renameSync(next, path);
      } catch (error) {
        closeSync(file);
        rmSync(next, { force: true });
        throw error;
      }
      if (this.#file >= 0) closeSync(this.#file);
      this.#file = file;
      if (sync) syncDirectory(dirname(path));
    });
    this.#snapshotBytes = bytes.length;
    this.#appendedBytes = 0;
  }

  #do(write: () => void): void {
    try {
      write();
    } catch (cause) {
      const message = `cannot write the ledger ${this.#options.path}: ${systemProblem(cause)}`;
      throw new CommandError(ExitCode.InputOutput, message, {
        cause,
        hint: 'lines settled from now on are not in it, and would be sent a second time when resumed',
      });
    }
  }
}

/**
 * Reads a ledger; `undefined` when there is none yet.
 *
 * @throws {CommandError} exit code 78 when it cannot be read, or is no ledger, or is damaged
 */
export function readLedger(path: string): LedgerContent | undefined {
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    // Anything may have been named by mistake, and of any size: only what begins as a ledger is read whole.
    decodeLedgerHeader(readHead(path), path);
    return decodeLedger(readFileSync(path), path);
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    const message = `cannot read the ledger ${path}: ${systemProblem(cause)}`;
    throw new CommandError(ExitCode.BadConfiguration, message, { cause });
  }
}

/** The beginning of a file. */
export function readHead(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}

/** A rename is on the disk when its directory is; Windows knows no such thing. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
