/** Starts `resetting-gateway.mjs` in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { mintServerCertificate } from '../../src/simulator/pki/certificates.js';
import { authority } from './loopback.js';

/** Returns the port of a gateway that answers the first bytes with `packet` and resets. */
export async function startResettingGateway(version: 'TLSv1.2' | 'TLSv1.3', packet: Buffer): Promise<number> {
  const script = fileURLToPath(new URL('./resetting-gateway.mjs', import.meta.url));
  const gateway = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    gateway.kill();
    if (gateway.exitCode === null) await once(gateway, 'exit');
  });
  const server = mintServerCertificate(authority);
  gateway.stdin.end(JSON.stringify({ ...server, version, packet: packet.toString('hex') }));
  const [line] = await once(gateway.stdout, 'data');
  return Number(line);
}
