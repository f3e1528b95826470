/** Writes the file that records which lines of an input are settled, so that a killed run can be resumed. */
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

/** The file is rewritten after this many appended bytes, or after four times its last snapshot if that is more. */
const MAX_APPENDED_BYTES = 256 * 1024;

/** At most this much is read of a file that is not a ledger. */
const HEAD_BYTES = 64 * 1024;

/** The file that a new ledger is written to, before it replaces the old one. */
export function nextPathOf(path: string): string {
  return `${path}.next`;
}

/** Options of a {@link Ledger}. */
export interface LedgerOptions {
  readonly path: string;
  readonly header: LedgerHeader;
  /** The lines that earlier runs settled. The ledger adds lines. */
  readonly settled: LineRanges;
  /** Lines that were refused because of credentials or options in earlier runs. The ledger adds lines. */
  readonly refused?: LineRanges;
  /** Syncs every entry to the disk before {@link Ledger.add} returns, so that it survives a power loss. */
  readonly sync: boolean;
  /** Called when the ledger is closed. */
  readonly onClose?: (() => void) | undefined;
  /** @default 262144; for tests */
  readonly maxAppendedBytes?: number;
}

/**
 * An open ledger. Entries are written synchronously, so they survive the end of this process as soon as the method
 * returns.
 *
 * Every method throws a {@link CommandError} with exit code 74 if the file cannot be written.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #settled: LineRanges;
  readonly #refused: LineRanges;
  #header: LedgerHeader;
  #file = -1;
  #appendedBytes = 0;
  #snapshotBytes = 0;

  /** Replaces the file with a header and a snapshot of the settled lines. */
  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#settled = options.settled;
    this.#refused = options.refused ?? new LineRanges();
    this.#header = options.header;
    this.#rewrite();
  }

  /** Adds lines without a notification. They count as settled, and a later entry records them. */
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

  /** Records a larger maximum of notifications in flight; a smaller one is ignored. */
  raiseWindow(window: number): void {
    if (window <= this.#header.window) return;
    this.#header = { ...this.#header, window };
    this.#append(encodeLedgerEntry({ through: this.#settled.through, beyond: [], window }));
  }

  /** Records how the run ended, unless that is not known, and closes the file. */
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

  /** Replaces the file in one step, so that a complete ledger exists at any time. */
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
        hint: 'the ledger does not record lines that are settled from now on, so resuming sends them a second time',
      });
    }
  }
}

/**
 * Reads a ledger; `undefined` when there is none yet.
 *
 * @throws {CommandError} exit code 78 if the file cannot be read, is not a ledger, or is damaged
 */
export function readLedger(path: string): LedgerContent | undefined {
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    // The path may name any large file by mistake, so the header is checked before the whole file is read.
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

/** A rename survives a power loss after a sync of its directory. Windows cannot sync directories. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
