import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import {
  createSimulator,
  encodeTokenFault,
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
  type SimulatorOptions,
} from '../../src/simulator/index.js';
import { mintCredentials } from '../../src/simulator/pki/credentials.js';
import { connectHttp2 } from './http2-client.js';
import { connectRaw, exchange, startSimulator } from './raw-client.js';

const HOUR_MS = 3_600_000;
const FRAME = encodeFrame({ deviceToken: '', payload: '{}', identifier: 1 });

describe('createSimulator', () => {
  it('listens on loopback only', async () => {
    const { gateway, feedback, http2 } = await startSimulator();
    const addresses = Object.values(networkInterfaces()).flat();
    const outside = addresses.filter((address) => address?.family === 'IPv4' && !address.internal);
    for (const { host, port } of [gateway, feedback, http2]) {
      expect(host).toBe('127.0.0.1');
      // All of 127.0.0.0/8 is this machine: who listens everywhere listens there.
      for (const address of ['127.0.0.2', ...outside.map((it) => it!.address)]) {
        const refused = await new Promise((resolve) => {
          const socket = net.connect(port, address, () => resolve('connected'));
          onTestFinished(() => void socket.destroy());
          socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
        });
        expect(refused).toBe('ECONNREFUSED');
      }
    }
  });

  it('refuses every other address', async () => {
    for (const host of ['0.0.0.0', '::', 'localhost', '192.0.2.1', '']) {
      const started = createSimulator({ host } as unknown as SimulatorOptions);
      await expect(started).rejects.toMatchObject({ code: 'APNS_ERR_INVALID_OPTION' });
    }
  });

  it('listens on ::1 where there is one', async ({ skip }) => {
    const loopback = Object.values(networkInterfaces()).flat();
    if (!loopback.some((address) => address?.address === '::1')) skip();
    const { gateway, credentials } = await startSimulator({ host: '::1' });
    // Some releases of Node 22 match no certificate against an IPv6 address (domainToASCII gives nothing).
    const { socket, closed } = await connectRaw(gateway, credentials, { servername: 'localhost' });
    socket.end(FRAME);
    expect((await closed).bytes.length).toBe(6);
  });

  it('listens on the ports it is given, and says so when it cannot', async () => {
    const first = await startSimulator();
    const { port } = first.gateway;
    await expect(createSimulator({ gateway: { port } })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(createSimulator({ feedback: { port } })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await first.close();
    const second = await startSimulator({ gateway: { port } });
    expect(second.gateway.port).toBe(port);
  });

  it.each([
    { unknown: 1 },
    { topic: '' },
    { topic: 'a\nb' },
    { record: 'everything' },
    { recordLimit: -1 },
    { limits: { maxConnections: 0 } },
    { limits: { unknown: 1 } },
    { tls: { unknown: 1 } },
    { gateway: { port: 65_536 } },
    { feedback: { port: 1.5 } },
  ])('refuses %j', async (options) => {
    const started = createSimulator(options as unknown as SimulatorOptions);
    await expect(started).rejects.toMatchObject({ code: 'APNS_ERR_INVALID_OPTION' });
  });

  it.each([
    ['a number', 5, /^credentials must be/],
    ['null', null, /^credentials must be/],
    ['nothing in them', {}, /^credentials\.ca must be/],
    ['no topic', { ...mintCredentials('a.b'), topic: undefined }, /^credentials\.topic must be/],
  ])('says what is wrong with credentials that are or have %s', async (_what, credentials, message) => {
    const started = createSimulator({ credentials } as unknown as SimulatorOptions);
    await expect(started).rejects.toMatchObject({
      code: 'APNS_ERR_INVALID_OPTION',
      message: expect.stringMatching(message),
    });
  });

  it('is for the topic it is given', async () => {
    const { credentials } = await startSimulator({ topic: 'com.example.other' });
    expect(credentials.topic).toBe('com.example.other');
    expect((await startSimulator()).credentials.topic).toBe('com.example.app');
  });
});

describe('TLS of the simulator', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('can be held to %s', async (version) => {
    const { gateway, credentials } = await startSimulator({
      tls: { minVersion: version, maxVersion: version },
    });
    const { socket } = await connectRaw(gateway, credentials);
    expect(socket.getProtocol()).toBe(version);
  });

  it('can be as old as a client refuses to speak', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const { gateway, credentials } = await startSimulator({ tls: old });
    const code = expect.stringMatching(/VERSION|PROTOCOL/);
    await expect(connectRaw(gateway, credentials)).rejects.toMatchObject({ code });
    const { minVersion, ciphers } = old;
    const { socket } = await connectRaw(gateway, credentials, { minVersion, ciphers });
    expect(socket.getProtocol()).toBe('TLSv1.1');
  });

  const authority = mintAuthority();
  const [past, before] = [new Date(Date.now() - HOUR_MS), new Date(Date.now() - 2 * HOUR_MS)];
  it.each([
    ['expired', 'CERT_HAS_EXPIRED', mintServerCertificate(authority, { validFrom: before, validTo: past })],
    [
      'for another host',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      mintServerCertificate(authority, { hosts: ['gateway.example.com'] }),
    ],
    [
      'of an unknown authority',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      mintServerCertificate(mintAuthority({ commonName: 'somebody else' })),
    ],
  ])('can show a certificate that is %s', async (_name, code, { cert, key }) => {
    const { gateway, credentials } = await startSimulator({ tls: { cert, key } });
    const client = { ...credentials, ca: authority.cert };
    await expect(connectRaw(gateway, client)).rejects.toMatchObject({ code });
  });

  it('refuses a client certificate that has expired', async () => {
    const server = mintServerCertificate(authority);
    const material = {
      ...(await startSimulator()).credentials,
      ca: authority.cert,
      serverCert: server.cert,
      serverKey: server.key,
    };
    const simulator = await startSimulator({ credentials: material });
    const good = mintClientCertificate(authority);
    expect((await exchange(simulator.gateway, { ca: authority.cert, ...good }, FRAME)).bytes.length).toBe(6);
    const expired = mintClientCertificate(authority, { validFrom: before, validTo: past });
    const told = exchange(simulator.gateway, { ca: authority.cert, ...expired }, FRAME);
    await told.then(
      ({ bytes }) => expect(bytes.length).toBe(0),
      (error: NodeJS.ErrnoException) => expect(error.code).toBeTypeOf('string'),
    );
    expect(simulator.counts.connections).toBe(1);
  });
});

/** What keeps this process alive. */
const resources = (): readonly string[] => process.getActiveResourcesInfo();

describe('close', () => {
  it('leaves nothing behind, whatever was going on', async () => {
    const timers = (): number => resources().filter((name) => name === 'Timeout').length;
    const before = timers();
    const simulator = await createSimulator({
      limits: { idleTimeoutMs: 60_000 },
      gateway: { latencyMs: 60_000 },
    });
    const { gateway, feedback, credentials } = simulator;
    const frames = [
      encodeTokenFault('stall', 255),
      encodeTokenFault('stall', 0),
      encodeTokenFault('reject', 8),
      encodeTokenFault('close'),
      encodeTokenFault('shutdown'),
    ].map((deviceToken) => encodeFrame({ deviceToken, payload: '{}', identifier: 1 }));
    const clients = await Promise.all(frames.map(() => connectRaw(gateway, credentials)));
    clients.forEach(({ socket }, i) => void socket.write(frames[i] as Buffer));
    clients.push(await connectRaw(feedback, credentials));
    await simulator.waitFor(({ connections, discarded }) => connections === 6 && discarded === 1);
    await Promise.all([simulator.close(), simulator.close()]);
    clients.forEach(({ socket }) => void socket.destroy());
    await Promise.all(clients.map(({ closed }) => closed));
    await new Promise(setImmediate);
    expect(resources().filter((name) => /^(?:TCP|TLS)/.test(name))).toEqual([]);
    expect(timers()).toBeLessThanOrEqual(before);
    expect(simulator.counts.openConnections).toBe(0);
  });

  it('resolves when the counts have settled, on both wires', async () => {
    const simulator = await createSimulator({ http2: { latencyMs: 60_000 } });
    const { socket } = await connectRaw(simulator.gateway, simulator.credentials);
    const stalled = encodeFrame({
      deviceToken: encodeTokenFault('stall', 0),
      payload: '{}',
      identifier: 1,
    });
    socket.write(Buffer.concat([stalled, FRAME, FRAME]));
    const client = await connectHttp2(simulator);
    for (let times = 0; times < 3; times++) void client.notify('ab'.repeat(32));
    await simulator.waitFor(({ requests, connections }) => requests === 3 && connections === 2);
    await simulator.close();
    const settled = structuredClone(simulator.counts);
    expect(settled).toMatchObject({ openConnections: 0, requests: 3 });
    expect(simulator.connections.every(({ isOpen }) => !isOpen)).toBe(true);
    const [http2] = simulator.connections.filter(({ service }) => service === 'http2');
    expect(http2).toMatchObject({ requests: 3, accepted: 0, discarded: 3 });
    await new Promise(setImmediate);
    expect(simulator.counts).toEqual(settled);
  });

  it('ends every wait that begins later, too, and keeps what is true already', async () => {
    const simulator = await createSimulator();
    await simulator.close();
    await simulator.waitFor(({ openConnections }) => openConnections === 0);
    await expect(simulator.waitFor(({ accepted }) => accepted > 0)).rejects.toMatchObject({
      code: 'APNS_ERR_CLOSED',
    });
  });

  it('ends every wait', async () => {
    const simulator = await createSimulator();
    const waiting = simulator.waitFor(({ accepted }) => accepted > 0);
    await simulator[Symbol.asyncDispose]();
    await expect(waiting).rejects.toMatchObject({ code: 'APNS_ERR_CLOSED' });
  });
});
