import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../support/node-process.js';

async function soak(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn('npm', ['run', '--silent', 'soak', '--', ...args], { cwd: ROOT, stdio: 'pipe' });
  onTestFinished(() => void child.kill());
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, stdout, stderr };
}

// The seed is in the summary: npm run soak -- --minutes 0.25 --seed N
it('comes through a quarter of a minute of faults with balanced accounts, and gives everything back', async () => {
  const { code, stdout, stderr } = await soak('--minutes', '0.25');
  expect(code, stdout + stderr).toBe(0);
  const summary = JSON.parse(stdout);
  expect(summary).toMatchObject({ mode: 'minutes', violations: [] });
  for (const status of ['accepted', 'unknown']) expect(summary.outcomes[status], status).toBeGreaterThan(0);
  expect(Object.keys(summary.faults).length).toBeGreaterThan(3);
  expect(stderr).toMatch(/rss [\d.]+ MB, heap [\d.]+, external [\d.]+, \d+ handles/);
}, 150_000);

it('runs seeds, and says how to run one again', async () => {
  const { code, stdout, stderr } = await soak('--seeds', '20', '--seed', '7');
  expect(code, stdout + stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ mode: 'seeds', seed: 7, seeds: 20, violations: [] });
  expect((await soak('--help')).stdout).toContain('--seed N');
  expect((await soak('--seeds', 'many')).code).toBe(64);
}, 150_000);
