/** What a gateway must survive: the list "Frames in" of bad input. */
import net from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import type { Simulator } from '../../../src/simulator/index.js';
import { connectRaw, exchange, exchangePlain, fromHex, startSimulator } from '../raw-client.js';

const TOKEN = 'ab'.repeat(32);
const PROTOCOL_ERROR = fromHex('0880 00000000');

function frame(identifier: number): Buffer {
  return encodeFrame({ deviceToken: TOKEN, payload: '{"aps":{}}', identifier });
}

/** A gateway that has survived still takes notifications from somebody else. */
async function expectAlive(simulator: Simulator): Promise<void> {
  const accepted = simulator.counts.accepted + 1;
  const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
  socket.end(frame(1));
  await closed;
  expect(simulator.counts.accepted).toBe(accepted);
}

describe('frames in', () => {
  it('are the same however they are cut', async () => {
    const simulator = await startSimulator({ record: 'tokens' });
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    const bytes = frame(1);
    for (let at = 1; at < bytes.length; at++) {
      socket.write(bytes.subarray(0, at));
      socket.write(bytes.subarray(at));
    }
    for (const byte of bytes) socket.write(Buffer.from([byte]));
    socket.end();
    expect((await closed).bytes.length).toBe(0);
    expect(simulator.counts).toMatchObject({ accepted: bytes.length, rejected: 0 });
  });

  it.each([
    ['an unknown command', 'ff'],
    ['an error response', '0802 00000001'],
    ['a frame of 2^31 bytes with nothing behind', '02 80000000'],
    ['a frame of 2^32-1 bytes with nothing behind', '02 ffffffff'],
    ['a frame of one byte', '02 00000001 01'],
    ['an item longer than the frame', '02 00000006 01 0004 dead00'],
    ['an item shorter than its header', '02 00000009 01 0004 deadbeef 02 00'],
    ['a repeated token', '02 0000000e 01 0004 deadbeef 01 0004 deadbeef'],
    ['a repeated payload', '02 00000011 01 0004 deadbeef 02 0002 7b7d 02 0002 7b7d'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n').toString('hex')],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.9\r\n').toString('hex')],
  ])('that hold %s are answered ProtocolError', async (_name, hex) => {
    const simulator = await startSimulator();
    const { bytes, ended } = await exchange(simulator.gateway, simulator.credentials, fromHex(hex));
    expect(bytes).toEqual(PROTOCOL_ERROR);
    expect(ended).toBe(true);
    await expectAlive(simulator);
  });

  it('of no length at all are answered MissingDeviceToken', async () => {
    const simulator = await startSimulator();
    const { bytes } = await exchange(simulator.gateway, simulator.credentials, fromHex('02 00000000'));
    expect(bytes).toEqual(fromHex('0802 00000000'));
  });

  it('may be 10,000 in one chunk', async () => {
    const simulator = await startSimulator({ record: 'counts' });
    const tiny = fromHex('00 0001 ab 0001 7b');
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.end(Buffer.concat(Array.from({ length: 10_000 }, () => tiny)));
    await closed;
    expect(simulator.counts.accepted).toBe(10_000);
  });

  it('may be as large as their lengths allow, and are not taken then', async () => {
    const simulator = await startSimulator();
    const huge = encodeFrame({
      deviceToken: 'ab'.repeat(65_535),
      payload: 'x'.repeat(65_535),
      identifier: 3,
    });
    const { bytes } = await exchange(simulator.gateway, simulator.credentials, huge);
    expect(bytes).toEqual(fromHex('0805 00000003'));
  });

  it('that never come whole end with the idle deadline, and whole ones extend it', async () => {
    const simulator = await startSimulator({ limits: { idleTimeoutMs: 150 } });
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.once('end', () => socket.end());
    const begin = performance.now();
    const bytes = Buffer.concat([frame(1), frame(2)]);
    let sent = frame(1).length - 1;
    socket.write(bytes.subarray(0, sent));
    // Slower than the deadline allows for the second frame, which is longer than 8 bytes.
    const drip = setInterval(() => socket.write(bytes.subarray(sent, ++sent)), 20);
    onTestFinished(() => clearInterval(drip));
    socket.once('end', () => clearInterval(drip));
    expect(await closed).toMatchObject({ ended: true, bytes: Buffer.alloc(0) });
    expect(performance.now() - begin).toBeGreaterThan(150);
    expect(simulator.counts).toMatchObject({ accepted: 1, rejected: 0 });
  });

  it('cut off by the end of the client are forgotten', async () => {
    const simulator = await startSimulator();
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.end(Buffer.concat([frame(1), frame(2).subarray(0, -1)]));
    expect(await closed).toMatchObject({ ended: true, bytes: Buffer.alloc(0), errorCode: undefined });
    expect(simulator.counts).toMatchObject({ accepted: 1, rejected: 0 });
  });

  it('cut off by a client that vanishes are forgotten', async () => {
    const simulator = await startSimulator();
    const { host, port } = simulator.gateway;
    const raw = net.connect(port, host);
    const { socket } = await connectRaw(simulator.gateway, simulator.credentials, { socket: raw });
    await simulator.waitFor((counts) => counts.connections === 1);
    socket.write(frame(1).subarray(0, 20), () => raw.resetAndDestroy());
    await simulator.waitFor((counts) => counts.openConnections === 0);
    await expectAlive(simulator);
  });

  it('may be any bytes whatever', async () => {
    const simulator = await startSimulator({ limits: { drainTimeoutMs: 1000 } });
    const start = fc.constantFrom('', '00', '01', '02', '0200', '02000000', '0200000010', '020000000c010004');
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 300 }), async (prefix, tail) => {
        const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
        socket.end(Buffer.concat([fromHex(prefix), tail]));
        const { bytes, ended } = await closed;
        expect(ended).toBe(true);
        expect([0, 6]).toContain(bytes.length);
      }),
      { numRuns: 40 },
    );
    await expectAlive(simulator);
  });
});

describe('a port that is spoken to in', () => {
  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['the start of a handshake', '\u0016\u0003\u0001'],
    ['zeros', '\0'.repeat(5000)],
  ])('plain %s ends the connection', async (_name, text) => {
    const simulator = await startSimulator({ limits: { handshakeTimeoutMs: 500 } });
    await exchangePlain(simulator.gateway, Buffer.from(text, 'latin1'));
    await exchangePlain(simulator.feedback, Buffer.from(text, 'latin1'));
    await expectAlive(simulator);
  });

  it('silence ends the connection when the handshake is overdue', async () => {
    const simulator = await startSimulator({ limits: { handshakeTimeoutMs: 500 } });
    await exchangePlain(simulator.gateway);
    await expectAlive(simulator);
  });
});

describe('a flood of connections', () => {
  it('is dropped beyond the limit, and over when it is over', async () => {
    const simulator = await startSimulator({ limits: { maxConnections: 3 } });
    const { host, port } = simulator.gateway;
    let closed = 0;
    const flood = Array.from({ length: 10 }, () =>
      net
        .connect(port, host)
        .on('error', () => {})
        .resume(),
    );
    onTestFinished(() => flood.forEach((socket) => void socket.destroy()));
    await new Promise<void>((resolve) => {
      for (const socket of flood) socket.once('close', () => ++closed === 7 && resolve());
    });
    for (const socket of flood) socket.destroy();
    // Until the gateway has seen that, it goes on dropping connections.
    const { credentials, gateway } = simulator;
    while ((await connectRaw(gateway, credentials).catch(() => undefined)) === undefined);
    await expectAlive(simulator);
  });
});
