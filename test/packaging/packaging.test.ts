/** Loads the packed package in several kinds of projects, which `npm run test:packaging` installs. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../support/node-process.js';

const folder = mkdtempSync(join(tmpdir(), 'apns-streams-packed-'));
const OFFLINE = ['--ignore-scripts', '--offline', '--no-audit', '--no-fund'];
let tarball: string;
beforeAll(() => {
  const args = ['pack', '--json', '--pack-destination', folder, ...OFFLINE];
  const [{ filename }] = JSON.parse(execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' }));
  tarball = join(folder, filename);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Installs the tarball in a project that has its other packages already. */
function install(name: string): string {
  const project = join(ROOT, 'test/packaging', name);
  // npm would keep an earlier installation, because it has the same version.
  rmSync(join(project, 'node_modules', 'apns-streams'), { recursive: true, force: true });
  execFileSync('npm', ['install', '--no-save', '--no-package-lock', ...OFFLINE, tarball], { cwd: project });
  return project;
}

/** Runs a program, and returns its exit code and what it prints on both outputs. */
async function run(cwd: string, ...args: readonly string[]): Promise<{ code: number; text: string }> {
  const env = { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: '0' };
  const done = promisify(execFile)(process.execPath, args, { cwd, env });
  const result = await done.catch((error: { stdout: string; stderr: string; code: number }) => error);
  return { code: 'code' in result ? result.code : 0, text: `${result.stdout}${result.stderr}` };
}

test.each(['jest', 'ts-jest'])('works in %s', { timeout: 120_000 }, async (name) => {
  const project = install(name);
  const args = name === 'jest' ? [] : ['--config', 'jest.config.js'];
  const { code, text } = await run(project, 'node_modules/jest/bin/jest.js', '--ci', '--no-cache', ...args);
  expect(text).toMatch(/^Tests: +(?:5|2) passed, \d total$/m);
  expect(code).toBe(0);
});

test('has one copy for require() and import, in a CommonJS module', async () => {
  const { text } = await run(install('node'), 'main.cjs');
  const [main, protocol, simulator, isSame] = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect([main, protocol, simulator]).toEqual([
    { entry: 'apns-streams', same: true, differing: [] },
    { entry: 'apns-streams/protocol', same: true, differing: [] },
    { entry: 'apns-streams/simulator', same: true, differing: [] },
  ]);
  expect(isSame).toBe(true);
});

test('has one copy for require() and import, in an ES module', async () => {
  expect((await run(install('node'), 'main.mjs')).text).toBe('true\ntrue\n');
});
