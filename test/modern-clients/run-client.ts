/** One of the clients in client.mjs, run in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import type { SimulatorProcess } from '../end-to-end/processes.js';

const SCRIPT = fileURLToPath(new URL('./client.mjs', import.meta.url));

/** Runs a client to its end; the lines it printed. */
export async function runClient(
  name: string,
  { http2, credentials }: SimulatorProcess,
  notifications: readonly object[],
): Promise<unknown[]> {
  const child = spawn(process.execPath, [SCRIPT, name], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_EXTRA_CA_CERTS: join(credentials, 'ca.pem') },
  });
  const exited = once(child, 'exit');
  onTestFinished(() => void child.kill());
  child.stdin.end(JSON.stringify({ http2, credentials, notifications }));
  const [output, [code]] = await Promise.all([text(child.stdout), exited]);
  expect(code).toBe(0);
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}
