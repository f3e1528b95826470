import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { PlacedMutant } from './instrument.js';
import { runMutants } from './vitest-run.js';

/** What an instrumented file looks like: each id stands for a mutant that is on while it is the active one. */
const SOURCE = `
const switches = globalThis.__stryker__ ??= {};
const isOn = (id) => {
  const { currentTestId, mutantCoverage } = switches;
  const reached = currentTestId ? (mutantCoverage.perTest[currentTestId] ??= {}) : mutantCoverage.static;
  reached[id] = (reached[id] ?? 0) + 1;
  return switches.activeMutant === id;
};
const isOffset = isOn('import') ? 1 : 0;
export function half(n) {
  isOn('survives');
  if (isOn('fails')) return n;
  if (isOn('computes')) for (;;);
  if (isOn('pollutes')) { globalThis.isPolluted = true; return n; }
  isOn('survives after another');
  if (isOn('exits')) process.kill(process.pid, 'SIGKILL');
  if (isOn('rejects')) Promise.reject(new Error('nobody handles this'));
  return (globalThis.isPolluted ? n : n / 2) + isOffset;
}
export const wait = () => new Promise((resolve) => isOn('waits') || setImmediate(resolve));
export const untested = () => isOn('unreached');
`;
const TESTS = `
import { expect, test } from 'vitest';
import { half, wait } from './half.js';
test('waits', () => wait());
test('halves', async () => {
  expect(half(4)).toBe(2);
  await new Promise((resolve) => setImmediate(resolve));
});
test('halves what half does not', () => expect(4).toBe(5));
`;
const IDS = [
  ...[
    'survives',
    'fails',
    'import',
    'computes',
    'waits',
    'pollutes',
    'survives after another',
    'exits',
    'rejects',
  ],
  'unreached',
];

test('gives each mutant the verdict that it would have in a process of its own', {
  timeout: 60_000,
}, async () => {
  mkdirSync('.tmp', { recursive: true });
  const folder = relative('.', mkdtempSync('.tmp/mutants-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = `${folder}/half.js`;
  writeFileSync(file, 'export const half = undefined; export const wait = undefined;');
  writeFileSync(`${folder}/half.test.js`, TESTS);
  // A second file, which would end its process by the same mutant again.
  writeFileSync(`${folder}/half-again.test.js`, `${TESTS}// The larger file is the second one.`);
  const mutants = IDS.map((id): PlacedMutant => {
    const at = { line: 1, column: 1 };
    return { id, file, mutatorName: id, replacement: '', location: { start: at, end: at }, isIgnored: false };
  });
  const options = { tests: [`${folder}/*.test.js`], timeoutMs: 300, slowMs: 10_000, concurrency: 1 };
  const { verdicts, failed, testFiles } = await runMutants({ texts: { [file]: SOURCE }, mutants }, options);
  expect(Object.fromEntries(verdicts)).toEqual({
    survives: 'Survived',
    fails: 'Killed',
    import: 'Killed',
    computes: 'Timeout',
    waits: 'Timeout',
    pollutes: 'Killed',
    'survives after another': 'Survived',
    exits: 'Timeout',
    rejects: 'RuntimeError',
  });
  expect({ failed, testFiles }).toEqual({ failed: ['halves what half does not'], testFiles: 2 });
});
