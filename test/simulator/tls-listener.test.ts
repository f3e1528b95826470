import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { createSimulator } from '../../src/simulator/simulator.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';

/** Asks for an answer of six bytes, each in a record of its own. Returns how many bytes came over the wire. */
async function ask({ host, port }: FaultProxy, tls: object): Promise<number> {
  const raw = connect({ host, port });
  raw.on('error', () => {});
  const closed = once(raw, 'close').catch(() => {});
  const client = connectTls({ socket: raw, servername: 'localhost', ...tls });
  client.on('error', () => {}).on('data', () => {});
  client.write('this is no frame');
  await closed;
  return raw.bytesRead;
}

test('forgets a client that finds its answer broken, and says so in an alert', async () => {
  const simulator = await createSimulator({ gateway: { splitErrorResponse: true } });
  onTestFinished(() => simulator.close());
  const proxy = await startFaultProxy(simulator.gateway);
  onTestFinished(() => proxy.close());
  const { ca, cert, key } = simulator.credentials;
  const bytes = await ask(proxy, { ca, cert, key });
  // In the session tickets, about 500 bytes between the handshake and the answer of about 150.
  proxy.scriptOf = () => ({ toClient: { corruptAt: bytes - 350 } });
  for (let i = 0; i < 3; i++) await ask(proxy, { ca, cert, key });
  expect(proxy.struck.corrupt).toBe(3);
  await simulator.waitFor(({ openConnections }) => openConnections === 0);
});
