/** Runs Stryker on one source file. Stryker lives in a package.json of its own, and needs Node 22 or later. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ReportedFile } from './mutant.js';

const HERE = 'test/mutation';
const STRYKER = `${HERE}/node_modules/@stryker-mutator`;
const WORK = '.tmp/mutation';
/** Where Stryker copies the project to. */
const SANDBOX = `${WORK}/sandbox-${process.pid}`;

/** How Stryker is run on a file. */
export interface StrykerOptions {
  /** The path of a Node that Stryker runs on. */
  readonly node: string;
  /** Patterns of the test files, of which those count that import the mutated file. */
  readonly tests: readonly string[];
  readonly concurrency: number;
  /** What a mutant may take beyond 1.5 times its tests' own time. */
  readonly timeoutMs: number;
  /** Whether results of an earlier run count where neither the mutant nor its tests changed. */
  readonly isIncremental: boolean;
}

/** @returns the path of a Node that Stryker runs on: this one, or one that npx installs */
export async function findNode(): Promise<string> {
  if (Number.parseInt(process.versions.node, 10) >= 22) return process.execPath;
  return await run('npx', ['--yes', '--package=node@22', 'node', '--print', 'process.execPath'], {});
}

/** Installs Stryker unless its lock file's versions are there. */
export async function installStryker(): Promise<void> {
  const installed = `${HERE}/node_modules/.package-lock.json`;
  const locked = `${HERE}/package-lock.json`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(locked).mtimeMs) return;
  // The runner's peer, vitest, is the project's own: it is found in the folder above.
  const options = ['--legacy-peer-deps', '--ignore-scripts', '--loglevel=error'];
  await run('npm', ['ci', '--prefix', HERE, ...options], {});
}

/**
 * Mutates one file.
 *
 * @returns what Stryker reports
 * @throws {Error} if Stryker fails, as it does when a test fails without any mutant, or no test imports the file
 */
export async function mutateFile(file: string, options: StrykerOptions): Promise<ReportedFile> {
  const name = `${WORK}/${file.replaceAll('/', '_').replace(/\.ts$/, '')}`;
  const report = `${name}.json`;
  const config = {
    testRunner: 'vitest',
    vitest: { configFile: `${HERE}/vitest.config.ts`, pool: 'forks' },
    plugins: [`./${STRYKER}/vitest-runner/dist/src/index.js`, `./${HERE}/ignore-prose.mjs`],
    ignorers: ['prose'],
    mutate: [file],
    coverageAnalysis: 'perTest',
    concurrency: options.concurrency,
    timeoutMS: options.timeoutMs,
    allowEmpty: true,
    incremental: options.isIncremental,
    incrementalFile: `${name}.incremental.json`,
    tempDirName: SANDBOX,
    ignorePatterns: ['/dist', '/.tmp', '/test/*/node_modules'],
    reporters: ['json'],
    jsonReporter: { fileName: report },
    // Stryker rewrites the tsconfig.json with a function that TypeScript 7 does not have, and vitest needs none.
    tsconfigFile: `${WORK}/no-tsconfig.json`,
    disableTypeChecks: false,
  };
  mkdirSync(dirname(name), { recursive: true });
  rmSync(report, { force: true });
  const configFile = `${name}.config.json`;
  writeFileSync(configFile, JSON.stringify(config));
  const command = [join(STRYKER, 'core/bin/stryker.js'), 'run', configFile];
  const env = { MUTATION_TESTS: options.tests.join(',') };
  await run(options.node, command, env);
  if (!existsSync(report)) throw new Error(`none of the test files ${options.tests.join(', ')} imports it`);
  const { files } = JSON.parse(readFileSync(report, 'utf8')) as { files: Record<string, ReportedFile> };
  return files[file] ?? { source: readFileSync(file, 'utf8'), mutants: [] };
}

/**
 * Runs a program to its end.
 *
 * @returns the last 20,000 characters of its output
 * @throws {Error} with them unless it exits with 0
 */
function run(program: string, args: readonly string[], env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-20_000);
      });
    }
    let stoppedBy: NodeJS.Signals | undefined;
    const stop = (signal: NodeJS.Signals): void => {
      stoppedBy = signal;
      child.kill(signal);
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      // Stryker leaves its copy of the project behind when it is stopped.
      rmSync(SANDBOX, { recursive: true, force: true });
      if (stoppedBy !== undefined) process.kill(process.pid, stoppedBy);
      else if (code === 0) resolve(output.trim());
      else reject(new Error(`${program} ended with ${signal ?? `exit code ${code}`}:\n${output}`));
    });
  });
}
