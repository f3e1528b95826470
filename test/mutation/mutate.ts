/**
 * Changes source files in small ways, one at a time, and reports the changes that no test notices.
 *
 *     npm run mutate -- PATH… [--tests PATTERN]… [--min 90] [--concurrency 1] [--timeout-ms 1000] [--slow-ms 300] [--incremental]
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Equivalents } from './equivalents.js';
import { type FileScore, percentage, scoreFile } from './file-score.js';
import { instrument } from './instrument.js';
import { KeptReports } from './kept-reports.js';
import type { ReportedFile } from './mutant.js';
import { installStryker, type RunOptions, runMutants } from './vitest-run.js';

const LIST = 'docs/internals/mutants.md';
const REPORT = '.tmp/mutation/report.txt';

const OPTIONS = {
  tests: { type: 'string', multiple: true },
  min: { type: 'string', default: '90' },
  concurrency: { type: 'string', default: '1' },
  'timeout-ms': { type: 'string', default: '1000' },
  'slow-ms': { type: 'string', default: '300' },
  incremental: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const HELP = `npm run mutate -- PATH… [OPTION…]

Mutates each source file of PATH, a file or folder under src/, and runs the tests that reach the change: those of the
file's own folder under test/ that import it. Prints the share that the tests noticed, and each mutant that survived
with its line, before and after. The mutants that ${LIST} lists change no behaviour and do not count.
Standard output is also written to ${REPORT}. Stryker's instrumenter is installed when it is needed.

  --tests PATTERN     test files to run instead; may be repeated (test/FOLDER/**/*.test.ts)
  --min PERCENT       the exit code is 1 when the score of all files together is lower (90)
  --concurrency N     mutants tested at the same time (1)
  --timeout-ms N      what a test may take beyond 1.5 times its own time (1000)
  --slow-ms N         tests that take longer without any mutant are not run; all of a file may take ten times that (300)
  --incremental       keep earlier results of a file if neither it nor any test changed; other files are not looked at
  --help              this text

Examples:
  npm run mutate -- src/protocol
  npm run mutate -- src/protocol/json/line-reader.ts --incremental
  npm run mutate -- src/deliveries/delivery.ts --tests test/deliveries/delivery.test.ts --tests 'test/sinks/*.test.ts'

Exit codes: 0 enough was noticed, 1 too little was, 64 wrong usage, 70 the mutants of a file could not be run.
`;

/** What the arguments ask for. */
interface Task extends Omit<RunOptions, 'tests'> {
  readonly files: readonly string[];
  readonly tests: readonly string[] | undefined;
  readonly min: number;
  readonly isIncremental: boolean;
}

process.exitCode = await main();

async function main(): Promise<number> {
  let task: Task | undefined;
  let listed: Equivalents;
  try {
    task = readArguments();
    listed = new Equivalents(readFileSync(LIST, 'utf8'));
  } catch (error) {
    process.stderr.write(`mutate: ${(error as Error).message}; --help explains the usage\n`);
    return 64;
  }
  if (task === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  mkdirSync('.tmp/mutation', { recursive: true });
  writeFileSync(REPORT, '');
  await installStryker();
  return mutate(task, listed);
}

async function mutate(task: Task, listed: Equivalents): Promise<number> {
  const scores: FileScore[] = [];
  const failed: string[] = [];
  for (const [tests, files] of byTests(task)) {
    process.stderr.write(`mutate: ${files.length} of ${task.files.length} files, ${tests.join(', ')} …\n`);
    try {
      const reports = await reportsOf(files, tests, task);
      for (const [file, report] of reports) {
        const score = scoreFile(file, report, listed);
        scores.push(score);
        print(describeScore(score));
      }
    } catch (error) {
      failed.push(...files);
      process.stderr.write(`mutate: ${files.join(', ')}: ${(error as Error).message}\n`);
    }
  }
  const counts = `${sum(scores, 'noticed')} noticed, ${sum(scores, 'survivors')} survived, ${sum(scores, 'equivalent')} equivalent`;
  print(`${percentage(scores).toFixed(1)} % of ${scores.length} files: ${counts}\n`);
  for (const file of failed) print(`not examined: ${file}\n`);
  if (failed.length > 0) return 70;
  return percentage(scores) < task.min ? 1 : 0;
}

/** @returns the files, grouped by the tests that run on them: those of a group share their runs */
function byTests({ files, tests }: Task): Map<readonly string[], string[]> {
  if (tests !== undefined) return new Map([[tests, [...files]]]);
  const groups = new Map<string, string[]>();
  for (const file of files) groups.set(testsOf(file), [...(groups.get(testsOf(file)) ?? []), file]);
  return new Map([...groups].map(([pattern, group]) => [[pattern], group]));
}

async function reportsOf(
  files: readonly string[],
  tests: readonly string[],
  task: Task,
): Promise<Map<string, ReportedFile>> {
  const startedAt = performance.now();
  const reports = new Map<string, ReportedFile>();
  const kept = new KeptReports(tests);
  const toRun = files.filter((file) => {
    const report = task.isIncremental ? kept.read(file) : undefined;
    if (report !== undefined) reports.set(file, report);
    return report === undefined;
  });
  if (toRun.length === 0) return reports;
  const instrumented = await instrument(toRun);
  const result = await runMutants(instrumented, { ...task, tests });
  for (const file of toRun) {
    const mutants = instrumented.mutants
      .filter((mutant) => mutant.file === file)
      .map((mutant) => ({
        ...mutant,
        status: mutant.isIgnored
          ? ('Ignored' as const)
          : (result.verdicts.get(mutant.id) ?? ('NoCoverage' as const)),
      }));
    const report = { source: readFileSync(file, 'utf8'), mutants };
    kept.write(file, report);
    reports.set(file, report);
  }
  for (const name of result.failed)
    process.stderr.write(`mutate: failed without any mutant, not used: ${name}\n`);
  for (const name of result.slow)
    process.stderr.write(`mutate: slower than ${task.slowMs} ms, not used: ${name}\n`);
  const seconds = (performance.now() - startedAt) / 1000;
  const count = instrumented.mutants.filter(({ isIgnored }) => !isIgnored).length;
  process.stderr.write(
    `mutate: ${count} mutants in ${result.testFiles} test files, ${seconds.toFixed(0)} s, ${(seconds / count).toFixed(2)} s each\n`,
  );
  return reports;
}

/** The test files of the file's own folder: `src/a/b/c.ts` has those in `test/a`, `src/c.ts` has `test/c.test.ts`. */
function testsOf(file: string): string {
  const folder = /^src\/([^/]+)\//.exec(file)?.[1];
  return folder === undefined
    ? file.replace(/^src\/(.*)\.ts$/, 'test/$1.test.ts')
    : `test/${folder}/**/*.test.ts`;
}

function describeScore(score: FileScore): string {
  const { file, noticed, survivors, equivalent, stale } = score;
  const counts = `${noticed} noticed, ${survivors.length} survived, ${equivalent} equivalent`;
  const lines = [`${percentage([score]).toFixed(1).padStart(5)} % ${file}: ${counts}`];
  for (const { line, mutator, isUncovered, before, after } of survivors) {
    lines.push(`  ${file}:${line} ${mutator}${isUncovered ? ', no test runs this' : ''}`);
    lines.push(`  - ${before}`, `  + ${after}`);
  }
  for (const { before, after } of stale) {
    lines.push(
      `  listed in ${LIST}, and is not a survivor (the code changed, or a test notices it)`,
      `  - ${before}`,
      `  + ${after}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function sum(scores: readonly FileScore[], name: 'noticed' | 'survivors' | 'equivalent'): number {
  return scores.reduce(
    (total, { [name]: value }) => total + (typeof value === 'number' ? value : value.length),
    0,
  );
}

function print(text: string): void {
  process.stdout.write(text);
  appendFileSync(REPORT, text);
}

/** @returns undefined if help is asked for */
function readArguments(): Task | undefined {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (values.help) return undefined;
  const number = (name: 'min' | 'concurrency' | 'timeout-ms' | 'slow-ms', least: number): number => {
    const value = Number(values[name]);
    if (values[name].trim() !== '' && value >= least) return value;
    throw new Error(`--${name} must be a number of at least ${least}, got ${values[name]}`);
  };
  if (positionals.length === 0) throw new Error('PATH is missing');
  return {
    files: positionals.flatMap(sourcesIn),
    tests: values.tests,
    min: number('min', 0),
    concurrency: number('concurrency', 1),
    timeoutMs: number('timeout-ms', 1),
    slowMs: number('slow-ms', 1),
    isIncremental: values.incremental,
  };
}

/** @returns the source files of a folder, or the one file, each as `src/…` */
function sourcesIn(given: string): string[] {
  const path = join(given).replace(/\/$/, '');
  if (path !== 'src' && !path.startsWith('src/')) throw new Error(`PATH must be under src/, got ${given}`);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new Error(`there is no ${path}`);
  if (!stats.isDirectory()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(path, name))
    .sort();
}
