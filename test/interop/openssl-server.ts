/** `openssl s_server`: refuses a client certificate as a TLS library should, with an alert, where Node just closes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { mintAuthority, mintServerCertificate } from '../../src/simulator/pki/certificates.js';
import { authority } from '../support/loopback.js';

/** Starts a server that takes certificates of an authority that nobody has, and returns its port. */
export async function startRefusingServer(version: 'tls1_2' | 'tls1_3'): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  const { cert, key } = mintServerCertificate(authority);
  for (const [name, text] of Object.entries({ cert, key, ca: mintAuthority().cert }))
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  const server = spawn(
    'openssl',
    [
      ...['s_server', '-accept', '127.0.0.1:0', `-${version}`, '-alpn', 'h2'],
      ...['-cert', 'cert', '-key', 'key', '-CAfile', 'ca', '-Verify', '1', '-verify_return_error'],
    ],
    { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] },
  );
  onTestFinished(async () => {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    rmSync(folder, { recursive: true });
  });
  for await (const line of createInterface(server.stdout)) {
    const port = /^ACCEPT .*:(\d+)$/.exec(line)?.[1];
    if (port === undefined) continue;
    server.stdout.resume();
    return Number(port);
  }
  throw new Error('openssl s_server did not start');
}
