/**
 * The runner in vitest's worker. It runs a test file once without any mutant, and records which test reaches which
 * mutant. Then it runs the file again for each of them, in the same process, and only the tests that reach it.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { type File, type Suite, startTests, type Task, type Test } from '@vitest/runner';
import { TestRunner, vi } from 'vitest';
import { type Entry, type Job, readEntries, type Verdict } from './job.js';
import { isBudgetError, type TestTime, withinBudget } from './test-budget.js';

/** Stryker's switches, which the instrumented sources read. */
interface Switches {
  activeMutant: string | undefined;
  currentTestId: string | undefined;
  hitCount: number | undefined;
  hitLimit: number;
  mutantCoverage: { static: Record<string, number>; perTest: Record<string, Record<string, number>> };
}

/** The part of vitest's record of modules that is used to evaluate them again. */
interface Modules {
  readonly idToModuleMap: Map<
    string,
    { promise: unknown; exports: unknown; evaluated: boolean; importers: Set<string> }
  >;
}

/** What a file did for one mutant. */
interface Outcome {
  readonly verdict: Verdict;
  /** The test that failed. */
  readonly failed?: Test;
}

/** What happens while tests run again. */
interface Listeners {
  /** The modules have been evaluated. */
  readonly onCollected: () => void;
  readonly onTest: (test: Test) => void;
  readonly onTested: (test: Test) => void;
}

/** How to run a mutant in a test file. */
interface Plan {
  readonly mutant: string;
  /** The tests that reach it, with how often each of them does. */
  readonly tests: ReadonlyMap<string, number>;
  /** Whether it is reached while modules are evaluated, and so has to be active by then. */
  readonly isAtImport: boolean;
}

/** A mutant that a test reaches this many times more often than without any is in an endless loop. */
const HITS = 100;

/** A file may take this many times the limit of one test, and so may the tests of a mutant: the fastest ones count. */
const FILE_TIMES = 10;
/** Tests may leave connections and timers behind, whose memory a process that ends would release. */
const MOST_MEMORY = 600 * 2 ** 20;
/** Modules that are not evaluated again. */
const OF_VITEST = /\/@?vitest\/dist\/|\/test\/mutation\/mutant-runner/;

const job = JSON.parse(readFileSync(process.env['MUTATION_JOB']!, 'utf8')) as Job;
const globals = globalThis as { __stryker__?: Partial<Switches> };
globals.__stryker__ ??= {};
const switches = globals.__stryker__ as Switches;
switches.mutantCoverage = { static: {}, perTest: {} };
let unhandled = 0;
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, () => unhandled++);

function record(entry: Entry): void {
  appendFileSync(job.journal, `${JSON.stringify(entry)}\n`);
}

/** Runs tests without any mutant and measures them. */
export default class MutantRunner extends TestRunner {
  readonly #times = new Map<string, TestTime>();
  readonly #failed = new Map<string, string>();
  readonly #slow = new Map<string, string>();
  #reachedAtImport: ReadonlySet<string> = new Set();
  #totalMs = 0;

  override async onBeforeRunTask(test: Test): Promise<void> {
    if (this.#totalMs > FILE_TIMES * job.slowMs && test.mode === 'run') {
      test.mode = 'skip';
      this.#slow.set(test.id, test.fullTestName);
    }
    await super.onBeforeRunTask(test);
  }

  onBeforeRunFiles(): void {
    this.#reachedAtImport = new Set(Object.keys(switches.mutantCoverage.static));
  }

  override onBeforeTryTask(test: Test): void {
    super.onBeforeTryTask(test);
    switches.currentTestId = test.id;
  }

  override onAfterRunTask(test: Test): void {
    super.onAfterRunTask(test);
    switches.currentTestId = undefined;
    const ms = test.result?.duration ?? 0;
    this.#totalMs += ms;
    this.#times.set(test.id, { ms });
    if (test.result?.state === 'fail') this.#failed.set(test.id, test.fullTestName);
    else if (ms > job.slowMs) this.#slow.set(test.id, test.fullTestName);
  }

  override async onAfterRunFiles(files?: File[]): Promise<void> {
    super.onAfterRunFiles();
    const file = files![0]!;
    const plans = this.#plans(file);
    record({
      type: 'dry',
      testFile: file.filepath,
      covered: plans.map(({ mutant }) => mutant),
      failed: file.result?.errors ? [file.name] : [...this.#failed.values()],
      slow: [...this.#slow.values()],
      ms: file.result?.duration ?? 0,
    });
    await this.#runMutants(file, plans);
    record({ type: 'done', testFile: file.filepath });
  }

  /** Runs each mutant that is not finished and that no other test file killed. */
  async #runMutants(file: File, plans: readonly Plan[]): Promise<void> {
    const finished = new Set<string>();
    const open = new Set<string>();
    for (const entry of readEntries(readFileSync(job.journal, 'utf8'))) {
      if (entry.type === 'start') open.add(entry.mutant);
      if (entry.type === 'end' || entry.type === 'unusable') open.delete(entry.mutant);
      if (entry.type !== 'end') continue;
      const isDecided = entry.verdict === 'Killed' || entry.verdict === 'Timeout';
      if (isDecided || entry.testFile === file.filepath) finished.add(entry.mutant);
    }
    const runs = new MutantRuns(this, file.filepath, this.#times);
    for (const plan of plans) {
      // What was started and has no end has ended its process.
      if (finished.has(plan.mutant) || open.has(plan.mutant)) continue;
      if (!(await runs.run(plan))) return new Promise(() => {}); // The parent ends this process.
    }
  }

  /** @returns the mutants of the job that the file reaches, with the tests that do */
  #plans(file: File): Plan[] {
    const { static: outside, perTest } = switches.mutantCoverage;
    const msOf = ({ id }: Test): number => this.#times.get(id)!.ms;
    const usable = testsOf(file)
      .filter(({ id, mode }) => mode === 'run' && !this.#failed.has(id) && !this.#slow.has(id))
      .sort((a, b) => msOf(a) - msOf(b));
    const plans: Plan[] = [];
    for (const mutant of job.mutants) {
      // A hook, or what a test left running, may reach a mutant outside of tests: then each test counts.
      const isOutside = outside[mutant] !== undefined;
      let totalMs = 0;
      const tests = usable.filter((test) => {
        if (!isOutside && perTest[test.id]?.[mutant] === undefined) return false;
        totalMs += msOf(test);
        return totalMs <= FILE_TIMES * job.slowMs;
      });
      if (tests.length === 0) continue;
      const hits = ({ id }: Test): number => (perTest[id]?.[mutant] ?? 0) + (outside[mutant] ?? 0);
      plans.push({
        mutant,
        tests: new Map(tests.map((test) => [test.id, hits(test)])),
        isAtImport: this.#reachedAtImport.has(mutant),
      });
    }
    return plans;
  }
}

/** Runs the tests of a file again, with one mutant at a time. */
class MutantRuns {
  readonly #runner: MutantRunner;
  readonly #path: string;
  readonly #times: ReadonlyMap<string, TestTime>;
  readonly #modules: Modules;
  #isFresh = true;
  #isMutatedAtImport = false;

  constructor(runner: MutantRunner, path: string, times: ReadonlyMap<string, TestTime>) {
    this.#runner = runner;
    this.#path = path;
    this.#times = times;
    this.#modules = (
      runner as unknown as { workerState: { evaluatedModules: Modules } }
    ).workerState.evaluatedModules;
  }

  /**
   * Runs one mutant and records its verdict.
   *
   * @returns false if a new process has to run it: a test fails without the mutant, too, or memory was not released
   */
  async run(plan: Plan): Promise<boolean> {
    const startedAt = performance.now();
    const { mutant } = plan;
    const testFile = this.#path;
    if (!this.#isFresh && process.memoryUsage.rss() > MOST_MEMORY) {
      record({ type: 'unusable', testFile, mutant });
      return false;
    }
    const times = [...plan.tests.keys()].map((id) => this.#times.get(id)!.ms);
    const budgetMs = 10 * (times.reduce((sum, ms) => sum + ms, 0) + job.timeoutMs);
    record({ type: 'start', testFile, mutant, budgetMs });
    const { verdict, failed } = await this.#runTests(plan, mutant);
    if (!this.#isFresh && verdict !== 'Survived' && !(await this.#passesWithout(plan, failed))) {
      record({ type: 'unusable', testFile, mutant });
      return false;
    }
    this.#isFresh = false;
    const by = failed === undefined ? {} : { by: failed.fullTestName };
    record({ type: 'end', testFile, mutant, verdict, ...by, ms: Math.round(performance.now() - startedAt) });
    return true;
  }

  /** Whether the test that failed passes without the mutant. An error outside of tests may be of an earlier mutant. */
  async #passesWithout(plan: Plan, failed: Test | undefined): Promise<boolean> {
    if (failed === undefined) return false;
    const { verdict } = await this.#runTests({ ...plan, tests: new Map([[failed.id, 0]]) }, undefined);
    return verdict === 'Survived';
  }

  async #runTests(plan: Plan, active: string | undefined): Promise<Outcome> {
    const { tests, isAtImport } = plan;
    this.#evaluateAgain(isAtImport || this.#isMutatedAtImport);
    this.#isMutatedAtImport = isAtImport && active !== undefined;
    const unhandledBefore = unhandled;
    let isEndless = false;
    switches.hitCount = undefined;
    if (isAtImport) switches.activeMutant = active;
    let failed: Test | undefined;
    const budgets = new Map([...tests.keys()].map((id) => [id, this.#times.get(id)!]));
    const runner = rerunner(this.#runner, budgets, {
      onTest: ({ id }) => {
        switches.hitCount = 0;
        switches.hitLimit = 1000 + HITS * tests.get(id)!;
      },
      onCollected: () => {
        switches.activeMutant = active;
      },
      onTested: (test) => {
        isEndless ||= switches.hitCount! > switches.hitLimit;
        if (test.result?.state === 'fail') failed ??= test;
      },
    });
    const [file] = await startTests([this.#path], runner);
    switches.activeMutant = undefined;
    vi.useRealTimers();
    vi.restoreAllMocks();
    const isLate = isEndless || isBudgetError(failed?.result?.errors?.[0]);
    switches.hitCount = undefined;
    if (isLate) return { verdict: 'Timeout', ...(failed && { failed }) };
    if (failed !== undefined) return { verdict: 'Killed', failed };
    const isBroken = file?.result?.state === 'fail' || unhandled > unhandledBefore;
    return { verdict: isBroken ? 'RuntimeError' : 'Survived' };
  }

  /** Makes vitest evaluate the test file again, or all modules. */
  #evaluateAgain(all: boolean): void {
    for (const [path, module] of this.#modules.idToModuleMap) {
      if (path !== this.#path && (!all || OF_VITEST.test(path))) continue;
      module.promise = undefined;
      module.exports = undefined;
      module.evaluated = false;
      module.importers.clear();
    }
  }
}

/** @returns a runner that runs some tests of a file until the first one fails, and reports nothing to vitest */
function rerunner(
  base: MutantRunner,
  budgets: ReadonlyMap<string, TestTime>,
  { onCollected, onTest, onTested }: Listeners,
): MutantRunner {
  const hookTimeout = 2 * job.timeoutMs;
  let isOver = false;
  const plain = TestRunner.prototype;
  const own = {
    config: { ...base.config, hookTimeout },
    onTaskUpdate: async () => {},
    onCleanupWorkerContext: () => {},
    onCollectStart: (file: File) => plain.onCollectStart.call(base, file),
    onCollected: (files: File[]) => {
      for (const file of files) select(file, budgets);
      onCollected();
    },
    onBeforeRunFiles: () => {},
    onAfterRunFiles: () => {},
    onBeforeTryTask: (test: Test) => {
      plain.onBeforeTryTask.call(base, test);
      onTest(test);
    },
    onBeforeRunTask: async (test: Test) => {
      if (isOver) test.mode = 'skip';
      await plain.onBeforeRunTask.call(base, test);
    },
    runTask: (test: Test) =>
      withinBudget(() => TestRunner.getTestFn(test)() as Promise<void>, budgets.get(test.id)!, job.timeoutMs),
    onAfterRunTask: (test: Test) => {
      plain.onAfterRunTask.call(base, test);
      isOver ||= test.result?.state === 'fail';
      onTested(test);
    },
    onAfterRunSuite: async () => {},
  };
  return Object.assign(Object.create(base) as MutantRunner, own);
}

/** Skips the tests of a suite that are not asked for, and suites without any. */
function select(suite: Suite, wanted: ReadonlyMap<string, unknown>): boolean {
  let some = false;
  for (const task of suite.tasks) {
    const isWanted = task.type === 'suite' ? select(task, wanted) : wanted.has(task.id);
    if (!isWanted) task.mode = 'skip';
    some ||= isWanted;
  }
  if (!some) suite.mode = 'skip';
  return some;
}

function testsOf(task: Task): Test[] {
  return task.type === 'suite' ? task.tasks.flatMap(testsOf) : [task];
}
