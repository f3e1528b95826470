/** Starts `remote-server.mjs` in a process of its own, and stands still while it works. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { mintServerCertificate } from '../../src/simulator/pki/certificates.js';
import { authority } from './loopback.js';

/** When the server sends what. */
export interface RemoteScript {
  readonly on: 'connection' | 'data';
  readonly replies: readonly Buffer[];
  /** @default 0 */
  readonly everyMs?: number;
}

/** Returns the port of a TLS server that sends `replies` and closes. */
export async function startRemoteServer({ on, replies, everyMs = 0 }: RemoteScript): Promise<number> {
  const script = fileURLToPath(new URL('./remote-server.mjs', import.meta.url));
  const server = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  });
  const certificate = mintServerCertificate(authority);
  const hex = replies.map((reply) => reply.toString('hex'));
  server.stdin.end(JSON.stringify({ ...certificate, on, replies: hex, everyMs }));
  const [line] = await once(server.stdout, 'data');
  return Number(line);
}

/** Runs nothing else in this process for a while. */
export function blockEventLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
