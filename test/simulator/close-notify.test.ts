/** Whether a service says at the level of TLS that it has come to an end: clients take its absence for a cut. */
import net from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import type { Simulator } from '../../src/simulator/index.js';
import { exchange, startSimulator } from './raw-client.js';

/** RFC 8446, 5.2: an alert of two bytes, its type, and the tag of the AEAD. */
const ENCRYPTED_ALERT_BYTES = 2 + 1 + 16;
const ALERT = 21;
const APPLICATION_DATA = 23;

interface TlsRecord {
  readonly type: number;
  readonly length: number;
}

/** Passes a connection on, and tells which TLS records came from the service. */
async function startTap(service: { port: number; host: string }): Promise<{
  readonly host: string;
  readonly port: number;
  readonly records: readonly TlsRecord[];
}> {
  const records: TlsRecord[] = [];
  let rest: Buffer = Buffer.alloc(0);
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const upstream = net.connect({ ...service, allowHalfOpen: true });
    upstream.on('error', () => {});
    client.on('error', () => {}).pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt16BE(3)) {
        const length = rest.readUInt16BE(3);
        records.push({ type: rest[0]!, length });
        rest = rest.subarray(5 + length);
      }
    });
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port, records };
}

async function lastRecord(
  simulator: Simulator,
  port: number,
  bytes: Buffer = Buffer.alloc(0),
): Promise<TlsRecord> {
  const tap = await startTap({ host: simulator.gateway.host, port });
  await exchange(tap, simulator.credentials, bytes);
  return tap.records.at(-1)!;
}

it.each([
  ['TLSv1.2', 0],
  ['TLSv1.2', 1],
  ['TLSv1.3', 0],
  ['TLSv1.3', 1],
  ['TLSv1.3', 3000],
] as const)(
  'the feedback service ends with close_notify over %s, with %d tuples',
  async (version, tuples) => {
    const simulator = await startSimulator({ tls: { minVersion: version, maxVersion: version } });
    for (let n = 0; n < tuples; n++) simulator.devices.unregister(n.toString(16).padStart(64, '0'));
    const record = await lastRecord(simulator, simulator.feedback.port);
    if (version === 'TLSv1.2') expect(record.type).toBe(ALERT);
    else expect(record).toEqual({ type: APPLICATION_DATA, length: ENCRYPTED_ALERT_BYTES });
  },
);

it('the gateway ends with close_notify behind its error response, and when it closes on connect', async () => {
  const simulator = await startSimulator();
  const bad = encodeFrame({ deviceToken: '', payload: '{}', identifier: 1 });
  const closeNotify = { type: APPLICATION_DATA, length: ENCRYPTED_ALERT_BYTES };
  expect(await lastRecord(simulator, simulator.gateway.port, bad)).toEqual(closeNotify);
  simulator.gateway.setFaults({ closeOnConnect: true });
  expect(await lastRecord(simulator, simulator.gateway.port)).toEqual(closeNotify);
});
