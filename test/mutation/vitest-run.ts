/** Runs mutants in vitest, in a process that is ended and started again when a mutant hangs in it. */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Instrumented } from './instrument.js';
import { type Entry, type Job, readEntries, type Verdict } from './job.js';

const HERE = 'test/mutation';
const WORK = '.tmp/mutation';
/** How long vitest may take to start, or to run a file without any mutant. */
const SILENCE_MS = 240_000;

/** How mutants are run. */
export interface RunOptions {
  /** Patterns of the test files, of which those count that import a mutated file. */
  readonly tests: readonly string[];
  readonly timeoutMs: number;
  readonly slowMs: number;
  readonly concurrency: number;
}

/** What the runs of all mutants found. */
export interface RunResult {
  /** The verdict of each mutant that a test reaches, by its id. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Tests that failed without any mutant, and were left out. */
  readonly failed: readonly string[];
  /** Tests that were too slow, and were left out. */
  readonly slow: readonly string[];
  readonly testFiles: number;
}

/** Installs Stryker's instrumenter unless its lock file's versions are there. */
export async function installStryker(): Promise<void> {
  const installed = `${HERE}/node_modules/.package-lock.json`;
  const locked = `${HERE}/package-lock.json`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(locked).mtimeMs) return;
  const child = spawn('npm', ['ci', '--prefix', HERE, '--ignore-scripts', '--loglevel=error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((ended) => child.on('close', ended));
  if (code !== 0) throw new Error(`npm ci --prefix ${HERE} ended with exit code ${code}`);
}

/**
 * Runs each mutant in the tests that reach it.
 *
 * @throws {Error} if vitest fails, or no test file imports a mutated file
 */
export async function runMutants({ texts, mutants }: Instrumented, options: RunOptions): Promise<RunResult> {
  const ids = mutants.filter(({ isIgnored }) => !isIgnored).map(({ id }) => id);
  const { concurrency, timeoutMs, slowMs } = options;
  const paths = Object.entries(texts).map(([path, text]) => [resolve(path), text] as const);
  const workers = Array.from({ length: concurrency }, (_, worker) => {
    const name = resolve(WORK, `run-${process.pid}-${worker}`);
    const job: Job = {
      texts: Object.fromEntries(paths),
      mutants: ids.filter((_, index) => index % concurrency === worker),
      timeoutMs,
      slowMs,
      journal: `${name}.ndjson`,
    };
    return new Worker(name, job, options.tests, Object.keys(texts));
  });
  const results = await Promise.all(workers.map((worker) => worker.run()));
  return summarize(results.flat(), ids);
}

function summarize(entries: readonly Entry[], ids: readonly string[]): RunResult {
  const verdicts = new Map<string, Verdict>();
  const known = new Set(ids);
  const failed = new Set<string>();
  const slow = new Set<string>();
  const testFiles = new Set<string>();
  const rank: Verdict[] = ['Survived', 'RuntimeError', 'Timeout', 'Killed'];
  const settle = (mutant: string, verdict: Verdict): void => {
    const other = verdicts.get(mutant);
    if (!known.has(mutant) || (other !== undefined && rank.indexOf(other) >= rank.indexOf(verdict))) return;
    verdicts.set(mutant, verdict);
  };
  for (const entry of entries) {
    if (entry.type === 'end') settle(entry.mutant, entry.verdict);
    if (entry.type !== 'dry') continue;
    testFiles.add(entry.testFile);
    for (const name of entry.failed) failed.add(name);
    for (const name of entry.slow) slow.add(name);
  }
  return { verdicts, failed: [...failed], slow: [...slow], testFiles: testFiles.size };
}

/** One vitest at a time, which runs a share of the mutants. */
class Worker {
  readonly #job: Job;
  readonly #jobFile: string;
  readonly #log: string;
  readonly #tests: readonly string[];
  readonly #files: readonly string[];
  /** How many entries the journal had when vitest was started, how many it has, and since when. */
  #seen = { atStart: 0, count: 0, at: 0 };

  constructor(name: string, job: Job, tests: readonly string[], files: readonly string[]) {
    this.#job = job;
    this.#jobFile = `${name}.json`;
    this.#log = `${name}.log`;
    this.#tests = tests;
    this.#files = files;
    mkdirSync(WORK, { recursive: true });
    writeFileSync(this.#jobFile, JSON.stringify(job));
    writeFileSync(job.journal, '');
    writeFileSync(this.#log, '');
  }

  async run(): Promise<Entry[]> {
    let isComplete = false;
    while (!isComplete) {
      const before = this.#entries().length;
      isComplete = await this.#runVitest();
      const after = this.#entries();
      if (!isComplete && after.length === before) {
        throw new Error(`vitest failed:\n${readFileSync(this.#log, 'utf8').slice(-5000)}`);
      }
    }
    const entries = this.#entries();
    for (const path of [this.#jobFile, this.#log, this.#job.journal]) rmSync(path);
    if (!entries.some(({ type }) => type === 'dry')) {
      throw new Error(`none of the test files ${this.#tests.join(', ')} imports it`);
    }
    return entries;
  }

  /** @returns whether vitest came to the end of all test files */
  async #runVitest(): Promise<boolean> {
    const entries = this.#entries();
    const finished = entries.flatMap((entry) => (entry.type === 'done' ? [entry.testFile] : []));
    const env = {
      ...process.env,
      MUTATION_JOB: this.#jobFile,
      MUTATION_TESTS: JSON.stringify(this.#tests),
      MUTATION_FINISHED_TESTS: JSON.stringify(finished),
    };
    const config = ['--config', `${HERE}/vitest.config.ts`];
    const command = ['node_modules/vitest/vitest.mjs', 'related', '--run', ...config, ...this.#files];
    // With a process group of its own, the worker that vitest starts can be ended even while it computes.
    const child = spawn(process.execPath, command, {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => appendFileSync(this.#log, chunk));
    }
    const kill = (): void => killGroup(child.pid!);
    const stop = (signal: NodeJS.Signals): void => {
      kill();
      process.kill(process.pid, signal);
    };
    process.once('SIGINT', stop).once('SIGTERM', stop).once('exit', kill);
    let isOpen = true;
    let wasKilled = false;
    const closed = new Promise<void>((ended) => child.on('close', () => ended())).then(() => {
      isOpen = false;
    });
    this.#seen = { atStart: entries.length, count: entries.length, at: performance.now() };
    while (isOpen) {
      await Promise.race([closed, sleep(200)]);
      if (!isOpen || !this.#isStuck()) continue;
      wasKilled = true;
      kill();
      await closed;
    }
    process.off('SIGINT', stop).off('SIGTERM', stop).off('exit', kill);
    return this.#settleStarted() && !wasKilled;
  }

  /** Whether the worker waits to be ended: a mutant hangs, or the process is unusable. */
  #isStuck(): boolean {
    const entries = this.#entries();
    const { atStart, count } = this.#seen;
    if (entries.length !== count) this.#seen = { atStart, count: entries.length, at: performance.now() };
    const entry = entries.slice(atStart).at(-1);
    if (entry?.type === 'unusable') return true;
    return performance.now() - this.#seen.at > (entry?.type === 'start' ? entry.budgetMs : SILENCE_MS);
  }

  /**
   * Takes a mutant that was started and has no verdict for one that hangs: its process was ended, or crashed.
   *
   * @returns whether there was none
   */
  #settleStarted(): boolean {
    const open = new Map<string, Entry & { type: 'start' }>();
    for (const entry of this.#entries()) {
      if (entry.type === 'start') open.set(`${entry.testFile} ${entry.mutant}`, entry);
      else if (entry.type === 'end' || entry.type === 'unusable')
        open.delete(`${entry.testFile} ${entry.mutant}`);
    }
    for (const { testFile, mutant } of open.values()) {
      const end: Entry = { type: 'end', testFile, mutant, verdict: 'Timeout', ms: 0 };
      appendFileSync(this.#job.journal, `${JSON.stringify(end)}\n`);
    }
    return open.size === 0;
  }

  #entries(): Entry[] {
    return readEntries(readFileSync(this.#job.journal, 'utf8'));
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
