import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import type { Job } from './job.js';
import { promisingFirst } from './promising-first.js';

// `vitest-run.ts` names the job, the test files to run, and those that are finished.
const { texts } = JSON.parse(readFileSync(process.env['MUTATION_JOB']!, 'utf8')) as Job;
const listOf = (name: string): string[] => JSON.parse(process.env[name] ?? '[]') as string[];

export default defineConfig({
  plugins: [
    {
      name: 'mutants',
      enforce: 'pre',
      load: (id: string) => texts[id.split('?')[0]!],
    },
  ],
  test: {
    include: listOf('MUTATION_TESTS'),
    exclude: ['**/node_modules/**', ...listOf('MUTATION_FINISHED_TESTS')],
    runner: fileURLToPath(new URL('./mutant-runner.ts', import.meta.url)),
    // Each test file has a process of its own, in which it runs again for each mutant.
    pool: 'forks',
    maxWorkers: 1,
    maxConcurrency: 1,
    sequence: { sequencer: promisingFirst(Object.keys(texts)) },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    passWithNoTests: true,
    dangerouslyIgnoreUnhandledErrors: true,
  },
});
