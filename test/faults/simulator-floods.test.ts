/** Clients that only cost: the simulator, in a process of its own, keeps to its memory and serves the others. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { createBinaryDelivery, createHttp2Delivery } from '../../src/deliveries/delivery.js';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import { createSimulator } from '../../src/simulator/index.js';
import { createFeedbackSource } from '../../src/sources/feedback-source.js';
import { notifications } from '../support/http2-sending.js';
import { startNode } from '../support/node-process.js';
import { trickle } from '../support/trickle.js';

interface Place {
  readonly host: string;
  readonly port: number;
}

const SECOND_MS = 1000;
const MIB = 1024 * 1024;

/** Opens so many connections at once; they are closed when the test ends. Resolves when each is made, or failed. */
async function connectMany(count: number, { host, port }: Place): Promise<net.Socket[]> {
  const opening = Array.from({ length: count }, () => {
    const socket = net.connect(port, host);
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {}).resume();
    return new Promise<net.Socket>((resolve) => {
      socket.once('connect', () => resolve(socket)).once('close', () => resolve(socket));
    });
  });
  return Promise.all(opening);
}

it('a flood of 500 connections and clients of a byte a second leave room for everybody else', {
  timeout: 60_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const { child, line } = startNode('dist/cli/main.js', 'simulate', '--credentials', directory);
  const { gateway, http2, feedback } = JSON.parse(await line(/^\{/)) as Record<string, Place>;
  const pem = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const [ca, cert, key] = [pem('ca.pem'), pem('client-cert.pem'), pem('client-key.pem')];
  /** Bytes of memory that the simulator really uses, by the account of Linux; others are taken at their word. */
  const memory = (): number => {
    if (process.platform !== 'linux') return 0;
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
  };

  /** Everybody else: 200 notifications over each wire, and a look at the feedback list. */
  const serveOthers = async (): Promise<void> => {
    const options = { tls: { ca, cert, key }, connectTimeoutMs: 20_000 };
    for (const delivery of [
      createBinaryDelivery({ ...gateway!, ...options }),
      createHttp2Delivery({ ...http2!, ...options }),
    ]) {
      for (const each of notifications(200)) delivery.write(each);
      delivery.end();
      const outcomes = await delivery.toArray();
      expect(outcomes.filter(({ status }) => status === 'accepted')).toHaveLength(200);
    }
    expect(await createFeedbackSource({ ...feedback!, ...options }).toArray()).toEqual([]);
  };

  await serveOthers();
  const before = memory();

  // Made and left alone, without a word of TLS.
  for (const place of [gateway!, http2!, feedback!]) {
    const sockets = await connectMany(place === feedback ? 100 : 200, place);
    expect(sockets.every((socket) => !socket.destroyed)).toBe(true);
  }
  // A hello, a frame and a preface that come a byte a second.
  for (const place of [gateway!, http2!])
    for (const socket of await connectMany(10, place)) trickle(socket, Buffer.from('16030100c8'), SECOND_MS);
  const frame = encodeFrame({ deviceToken: 'ab', payload: '{"aps":{}}', identifier: 1 });
  for (const [place, bytes, alpn] of [
    [gateway!, frame, []],
    [http2!, Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), ['h2']],
  ] as const)
    for (let i = 0; i < 10; i++) {
      const socket = tls.connect({ ...place, ca, cert, key, ALPNProtocols: [...alpn] });
      onTestFinished(() => void socket.destroy());
      socket.on('error', () => {}).resume();
      socket.once('secureConnect', () => trickle(socket, bytes, SECOND_MS));
    }
  // Connect, close, connect: what a client in a loop does.
  for (let i = 0; i < 5; i++) for (const socket of await connectMany(100, gateway!)) socket.destroy();

  const start = performance.now();
  await serveOthers();
  expect(performance.now() - start).toBeLessThan(20_000);
  expect((memory() - before) / MIB).toBeLessThan(100);
  expect(child.exitCode).toBe(null);
});

it('a flood beyond the limit is dropped, and its room is free again when no handshake comes', async () => {
  const simulator = await createSimulator({ limits: { maxConnections: 50, handshakeTimeoutMs: 500 } });
  onTestFinished(() => simulator.close());
  const sockets = await connectMany(500, simulator.gateway);
  const closed = sockets.map(
    (socket) =>
      new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve()))),
  );
  const { ca, cert, key } = simulator.credentials;
  const delivery = createBinaryDelivery({
    host: simulator.gateway.host,
    port: simulator.gateway.port,
    tls: { ca, cert, key },
    backoff: { initialMs: 200, maxMs: 400, attempts: 20 },
  });
  delivery.end(notifications(1)[0]!);
  const [outcome] = await delivery.toArray();
  expect(outcome).toMatchObject({ status: 'accepted' });
  await Promise.all(closed);
  await simulator.waitFor(({ openConnections }) => openConnections === 0);
});
