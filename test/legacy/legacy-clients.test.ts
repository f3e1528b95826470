/** Clients of old, unmodified, against the simulator. `npm ci --prefix test/legacy` installs them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encodeTokenFault } from '../../src/simulator/token-fault.js';
import { type SimulatorProcess, startSimulator } from '../end-to-end/processes.js';

const SCRIPT = fileURLToPath(new URL('./client.cjs', import.meta.url));
const COUNT = 300;
const BAD = 100;

const NONE: readonly object[] = [];

/** Starts a client; `lines` is what it has printed so far. */
function runClient(
  name: string,
  task: 'deliver' | 'feedback',
  simulator: SimulatorProcess,
  notifications = NONE,
) {
  const child = spawn(process.execPath, [SCRIPT, name, task], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  onTestFinished(stop);
  const { gateway, feedback, credentials } = simulator;
  child.stdin.end(JSON.stringify({ gateway, feedback, credentials, notifications }));
  const lines: unknown[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line)));
  return { lines, stop };
}

describe.each([
  { name: 'apn', fields: { expiration: 1_900_000_000, priority: 5 } },
  { name: 'apnagent', fields: { expiration: 0 } },
])('$name', ({ name, fields }) => {
  test('delivers everything but a bad token, in order and once, as it was asked to', async () => {
    const notifications = Array.from({ length: COUNT }, (_, index) => ({
      deviceToken: index === BAD ? encodeTokenFault('reject', 8) : (index + 1).toString(16).padStart(64, '0'),
      payload: { aps: { alert: `№ ${index}` } },
      ...fields,
    }));
    // apnagent remembers a notification once its write is through (java-apns#104 is the same mistake), and its
    // queue stands still if the gateway closes before that: the answer comes when everything is written.
    const simulator = await startSimulator('--latency-ms', '1000');
    const client = runClient(name, 'deliver', simulator, notifications);
    await expect.poll(() => simulator.accepted().length, { timeout: 20_000 }).toBe(COUNT - 1);
    expect(client.lines).toEqual([{ deviceToken: notifications[BAD]!.deviceToken, statusCode: 8 }]);
    await client.stop();
    const accepted = (await simulator.stop()).map(({ identifier: _, ...asked }) => asked);
    expect(accepted).toEqual(notifications.toSpliced(BAD, 1));
  });

  test('reads the feedback service', async () => {
    const tokens = ['aa'.repeat(32), 'bb'.repeat(32), 'cc'.repeat(32)];
    const folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'unregistered'), tokens.join('\n'));
    const simulator = await startSimulator('--unregistered', join(folder, 'unregistered'));
    const startedAt = Math.floor(Date.now() / 1000);
    const { lines: listed } = runClient(name, 'feedback', simulator);
    await expect.poll(() => listed.length, { timeout: 20_000 }).toBe(tokens.length);
    expect(listed).toEqual(tokens.map((deviceToken) => ({ deviceToken, timestamp: expect.any(Number) })));
    for (const { timestamp } of listed as { timestamp: number }[]) {
      expect(Math.abs(timestamp - startedAt)).toBeLessThan(60);
    }
  });
});
