/** Locks a ledger for one process, with a file beside it that names the process. */
import { closeSync, lstatSync, openSync, readFileSync, renameSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { CommandError, systemProblem } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { hasErrorCode } from '../has-error-code.js';
import { writeWhole } from '../output/write-whole.js';
import { processStart } from './process-start.js';

/** The process that holds a ledger. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Distinguishes it from a later process with the same id; absent if the system does not provide it. */
  readonly start?: string;
}

/** The content of a lock file, and the time since it was written. */
interface FoundLock {
  readonly text: string;
  readonly ageMs: number;
}

/** A lock file is empty only for a moment, between its creation and the write. */
const EMPTY_FOR_MS = 5000;

/** The number of attempts, because other processes may start or end at the same time. */
const ATTEMPTS = 10;

/** The lock file of the ledger at `path`. */
export function lockPathOf(path: string): string {
  return `${path}.lock`;
}

/**
 * Locks a ledger until {@link LedgerLock.release}. The lock of a killed process remains and is taken over once that
 * process has ended. The state of a process on another machine is not known, so its lock must be removed by hand.
 */
export class LedgerLock {
  readonly #path: string;
  readonly #ledger: string;
  readonly #text: string;

  /**
   * @throws {CommandError} exit code 78 if another process holds the ledger, 74 when the lock cannot be written
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
   * Checks that this process still holds the lock. If three processes find the lock of a killed process at the same
   * time, one may remove the new lock of another.
   *
   * @throws {CommandError} exit code 78
   */
  check(): void {
    const found = this.#read();
    if (found?.text !== this.#text) throw this.#refusal(found);
  }

  /** Removes the lock. */
  release(): void {
    try {
      if (this.#read()?.text === this.#text) unlinkSync(this.#path);
    } catch {
      // The lock names this process, which is about to end, so another process can take it over.
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

  /** Moves the lock file instead of deleting it. Only one process succeeds, and it can check the content that it moved. */
  #takeAway(text: string): void {
    const aside = `${this.#path}.${process.pid}`;
    try {
      renameSync(this.#path, aside);
      const isSame = readFileSync(aside, 'utf8') === text;
      // The owner of the lock detects this in check().
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
      hint: `wait until that process has ended; if it has already ended, remove ${this.#path}`,
    });
  }

  #unwritable(cause: unknown): CommandError {
    const message = `cannot write ${this.#path}, which locks the ledger: ${systemProblem(cause)}`;
    return new CommandError(ExitCode.InputOutput, message, { cause });
  }
}

function isHeld({ text, ageMs }: FoundLock): boolean {
  // The file is empty: its owner is about to write it, or was killed at that moment.
  if (text === '') return ageMs < EMPTY_FOR_MS;
  const holder = parse(text);
  if (holder === undefined || holder.host !== hostname()) return true;
  const now = startOf(holder.pid);
  return now !== undefined && (holder.start === undefined || now.start === holder.start);
}

/** Returns `undefined` if no such process is running. */
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
