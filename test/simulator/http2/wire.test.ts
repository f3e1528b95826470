import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { createHttp2Delivery } from '../../../src/deliveries/delivery.js';
import { Http2Wire } from '../../../src/simulator/http2/wire.js';
import { createSimulator } from '../../../src/simulator/simulator.js';
import { startFaultProxy } from '../../support/fault-proxy.js';
import { tokenOf } from '../../support/http2-sending.js';

/** Together more than the windows of HTTP/2 let through at once, so that some bodies stay incomplete. */
const PAYLOADS = [10, 10, 180, 4000].map((length) => JSON.stringify({ aps: { alert: 'x'.repeat(length) } }));

// On Node 20 an assertion of node:http2 failed here nearly every time, which ended the process.
test('survives a client that goes away while it is disconnected itself', async () => {
  const simulator = await createSimulator();
  onTestFinished(() => simulator.close());
  const proxy = await startFaultProxy(simulator.http2);
  onTestFinished(() => proxy.close());
  const { host, port } = proxy;
  const { ca, providerKey, keyId, teamId, topic } = simulator.credentials;
  for (let run = 0; run < 10; run++) {
    const providerToken = { key: providerKey, keyId, teamId };
    const delivery = createHttp2Delivery({ host, port, tls: { ca }, providerToken, topic });
    const closed = new Promise((resolve) => delivery.once('close', resolve));
    // Node destroys with an error what an iteration leaves.
    delivery.on('error', () => {});
    for (let i = 0; i < 47; i++) delivery.write({ deviceToken: tokenOf(i), payload: PAYLOADS[i % 4]! });
    for await (const { status } of delivery) {
      expect(status).toBe('accepted');
      break;
    }
    await closed;
    proxy.disconnect();
    while (proxy.open > 0) await new Promise(setImmediate);
    simulator.http2.disconnect('reset');
    await simulator.waitFor(({ openConnections }) => openConnections === 0);
  }
  const { requests, accepted, discarded } = simulator.counts;
  expect(accepted + discarded).toBe(requests);
});

// A TLS socket does so. node:http2 fails an assertion, which ends the process, if it is given bytes within its own write.
test('passes nothing on while it is written to, and keeps the order of what the socket delivers meanwhile', async () => {
  let deliveries = ['first', 'second'];
  const socket = new Duplex({
    read() {},
    write(_chunk, _encoding, callback) {
      for (const text of deliveries) socket.emit('data', Buffer.from(text));
      deliveries = [];
      callback();
    },
  });
  const connection = { socket: socket as unknown as TLSSocket, reset: () => {} };
  const wire = new Http2Wire(connection, 100, false, () => {});
  onTestFinished(() => void wire.destroy());
  const events: string[] = [];
  wire.on('data', (chunk: Buffer) => events.push(chunk.toString()));
  await new Promise(setImmediate);
  wire.write('response', () => events.push('written'));
  events.push('returned');
  socket.emit('data', Buffer.from('third'));
  await new Promise(setImmediate);
  expect(events.filter((event) => event !== 'written')).toEqual(['returned', 'first', 'second', 'third']);
});
