import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../support/node-process.js';

// The seed is in the report: npm run soak:freezes -- --seeds 16 --seed N
it('gives every notification its outcome in time while clients are frozen and blocked, and their clocks set', async () => {
  const args = ['run', '--silent', 'soak:freezes', '--', '--seeds', '16', '--lanes', '4'];
  const child = spawn('npm', args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill());
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  expect(code, stdout + stderr).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ seeds: 16, violations: [] });
  expect(report.outcomes.accepted).toBeGreaterThan(100);
}, 240_000);
