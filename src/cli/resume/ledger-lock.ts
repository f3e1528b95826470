/** Keeps a ledger to one process at a time, by a file beside it that says which. */
import { closeSync, lstatSync, openSync, readFileSync, renameSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { CommandError, systemProblem } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { hasErrorCode } from '../has-error-code.js';
import { writeWhole } from '../output/write-whole.js';
import { processStart } from './process-start.js';

/** Who holds a ledger. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells it from a later process with the same number; absent where the system does not say. */
  readonly start?: string;
}

/** The content of a lock file, and the time since it was written. */
interface FoundLock {
  readonly text: string;
  readonly ageMs: number;
}

/** Between making the file and writing into it there is hardly any time. */
const EMPTY_FOR_MS = 5000;

/** Attempts, in case others begin or end at the same moment. */
const ATTEMPTS = 10;

/** The file that stands for the lock of the ledger at `path`. */
export function lockPathOf(path: string): string {
  return `${path}.lock`;
}

/**
 * A ledger that nobody else uses, until {@link LedgerLock.release}. A process that was killed leaves its lock
 * behind: it is taken over as soon as that process is no more. Of a process on another machine nothing is
 * known here, so its lock stands until somebody removes it.
 */
export class LedgerLock {
  readonly #path: string;
  readonly #ledger: string;
  readonly #text: string;

  /**
   * @throws {CommandError} exit code 78 when somebody else holds the ledger, 74 when the lock cannot be written
   */
  constructor(ledger: string) {
    this.#ledger = ledger;
    this.#path = lockPathOf(ledger);
    const holder: Holder = { pid: process.pid, host: hostname(), ...startOf(process.pid) };
    this.#text = `${JSON.stringify(holder)}\n`;
    for (let left = ATTEMPTS; ; left--) {
      if (this.#create()) return;
      const found = this.#read();
      if (left === 0 || (found !== undefined && isHeld(found))) throw this.#refusal(found);
      if (found !== undefined) this.#takeAway(found.text);
    }
  }

  /**
   * Makes sure that it is still held: of three who find the lock of a killed process in the same instant, one
   * may take away what another has just made.
   *
   * @throws {CommandError} exit code 78
   */
  check(): void {
    const found = this.#read();
    if (found?.text !== this.#text) throw this.#refusal(found);
  }

  /** Lets others have the ledger. */
  release(): void {
    try {
      if (this.#read()?.text === this.#text) unlinkSync(this.#path);
    } catch {
      // It names a process that is about to end, and is taken over then.
    }
  }

  #create(): boolean {
    let file: number;
    try {
      file = openSync(this.#path, 'wx', 0o600);
    } catch (error) {
      if (hasErrorCode(error, 'EEXIST')) return false;
      throw this.#unwritable(error);
    }
    try {
      writeWhole(file, Buffer.from(this.#text));
      return true;
    } catch (error) {
      unlinkSync(this.#path);
      throw this.#unwritable(error);
    } finally {
      closeSync(file);
    }
  }

  #read(): FoundLock | undefined {
    try {
      const found = lstatSync(this.#path);
      // Reading a link would read another file, and reading a FIFO would never return.
      if (!found.isFile()) throw this.#refusal();
      const { mtimeMs } = found;
      return { text: readFileSync(this.#path, 'utf8'), ageMs: Date.now() - mtimeMs };
    } catch (error) {
      if (hasErrorCode(error, 'ENOENT')) return undefined;
      throw error instanceof CommandError ? error : this.#unwritable(error);
    }
  }

  /** Moved, not deleted: only one of those who find it gets it, and can see that it is what was found. */
  #takeAway(text: string): void {
    const aside = `${this.#path}.${process.pid}`;
    try {
      renameSync(this.#path, aside);
      const isSame = readFileSync(aside, 'utf8') === text;
      // Its owner finds out by check().
      unlinkSync(aside);
      if (!isSame) throw this.#refusal();
    } catch (error) {
      if (hasErrorCode(error, 'ENOENT')) return;
      throw error instanceof CommandError ? error : this.#unwritable(error);
    }
  }

  #refusal(found?: FoundLock): CommandError {
    const holder = found && parse(found.text);
    const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
    return new CommandError(ExitCode.BadConfiguration, `the ledger ${this.#ledger} is in use by ${who}`, {
      hint: `wait until it has ended; if it is known to have ended, remove ${this.#path}`,
    });
  }

  #unwritable(cause: unknown): CommandError {
    const message = `cannot write ${this.#path}, which keeps the ledger to one process: ${systemProblem(cause)}`;
    return new CommandError(ExitCode.InputOutput, message, { cause });
  }
}

function isHeld({ text, ageMs }: FoundLock): boolean {
  // Made and not written: by somebody who is at it, or was killed in that instant.
  if (text === '') return ageMs < EMPTY_FOR_MS;
  const holder = parse(text);
  if (holder === undefined || holder.host !== hostname()) return true;
  const now = startOf(holder.pid);
  return now !== undefined && (holder.start === undefined || now.start === holder.start);
}

/** `undefined` where no such process runs. */
function startOf(pid: number): { readonly start?: string } | undefined {
  const start = processStart(pid);
  if (start !== undefined) return start === '' ? undefined : { start };
  try {
    process.kill(pid, 0);
    return {};
  } catch (error) {
    return hasErrorCode(error, 'ESRCH') ? undefined : {};
  }
}

function parse(text: string): Holder | undefined {
  try {
    const { pid, host, start } = JSON.parse(text);
    const isHolder = Number.isSafeInteger(pid) && pid > 0 && typeof host === 'string';
    return isHolder ? { pid, host, ...(typeof start === 'string' ? { start } : {}) } : undefined;
  } catch {
    return undefined;
  }
}
