import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const SOAK = fileURLToPath(new URL('../soak/kills.mjs', import.meta.url));

// The seed is in the report: node test/soak/kills.mjs --kills 20 --seed N
it('gives every line an outcome and sends no settled one again, killed or on a full disk 20 times on either wire', async () => {
  const child = spawn(process.execPath, [SOAK, '--kills', '20'], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill());
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const reports = out.split('\n').slice(0, -1);
  expect(code, out).toBe(0);
  expect(reports.map((report) => JSON.parse(report))).toEqual(
    ['binary', 'http2'].map((wire) =>
      expect.objectContaining({
        wire,
        kills: 20,
        lost: 0,
        falseAccepted: 0,
        settledSentAgain: 0,
        violations: [],
      }),
    ),
  );
}, 120_000);
