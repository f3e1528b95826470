import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import {
  encodeTokenFault,
  type GatewayFaults,
  type Simulator,
  type TokenFaultName,
} from '../../../src/simulator/index.js';
import { connectRaw, exchange, fromHex, startSimulator } from '../raw-client.js';

const GOOD = 'ab'.repeat(32);

function frame(identifier: number, deviceToken = GOOD, payload = '{}'): Buffer {
  return encodeFrame({ deviceToken, payload, identifier });
}

/** A good frame (1), one whose token asks for a fault (2), and another good one (3). */
function around(name: TokenFaultName, argument?: number): Buffer {
  return Buffer.concat([frame(1), frame(2, encodeTokenFault(name, argument)), frame(3)]);
}

function send(simulator: Simulator, bytes: Buffer): ReturnType<typeof exchange> {
  return exchange(simulator.gateway, simulator.credentials, bytes);
}

/** Sends, and ends when all frames are accepted; how long that took, in ms. */
async function sendUntilAccepted(simulator: Simulator, bytes: Buffer, accepted: number): Promise<number> {
  const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
  const start = performance.now();
  socket.write(bytes);
  await simulator.waitFor((counts) => counts.accepted === accepted);
  const elapsed = performance.now() - start;
  socket.end();
  expect((await closed).bytes.length).toBe(0);
  return elapsed;
}

/** Sends, and writes once more on each answer: only a writer sees for certain that it was reset. */
async function sendAndWriteOn(simulator: Simulator, bytes: Buffer): ReturnType<typeof exchange> {
  const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
  socket.on('data', () => socket.write(frame(4)));
  socket.once('end', () => socket.end());
  socket.write(bytes);
  return closed;
}

const WAS_RESET = expect.stringMatching(/^(?:ECONNRESET|EPIPE)$/);

function identifiers(simulator: Simulator): (number | undefined)[] {
  return [...simulator.accepted].map(({ identifier }) => identifier);
}

describe('a device token that asks for', () => {
  it.each([1, 5, 8, 9, 128, 255])('reject is rejected with status %d, every time', async (status) => {
    const simulator = await startSimulator();
    const packet = Buffer.from([8, status, 0, 0, 0, 2]);
    for (let times = 0; times < 2; times++) {
      expect(await send(simulator, around('reject', status))).toMatchObject({ bytes: packet, ended: true });
    }
    expect(identifiers(simulator)).toEqual([1, 1]);
    expect(simulator.counts).toMatchObject({ rejected: 2, discarded: 2 });
  });

  it.each([0, 10])('reject with status %d, which names an accepted one, is accepted', async (status) => {
    const simulator = await startSimulator();
    const { bytes } = await send(simulator, around('reject', status));
    expect(bytes).toEqual(Buffer.from([8, status, 0, 0, 0, 2]));
    expect(identifiers(simulator)).toEqual([1, 2]);
    expect(simulator.counts).toMatchObject({ rejected: 0, discarded: 1 });
  });

  it('reject by command 0 gets a close and no packet', async () => {
    const simulator = await startSimulator();
    const bytes = encodeFrame({ deviceToken: encodeTokenFault('reject', 8), payload: '{}' }, 0);
    expect(await send(simulator, bytes)).toMatchObject({ bytes: Buffer.alloc(0), ended: true });
    expect(simulator.counts).toMatchObject({ rejected: 1 });
  });

  it.each<[TokenFaultName, string]>([
    ['shutdown', '080a00000002'],
    ['shutdownUnnamed', '080a00000000'],
  ])('%s is the last one accepted, once', async (name, packet) => {
    const simulator = await startSimulator();
    expect(await send(simulator, around(name))).toMatchObject({ bytes: fromHex(packet), ended: true });
    expect(identifiers(simulator)).toEqual([1, 2]);
    await sendUntilAccepted(simulator, around(name), 5);
  });

  it('close ends the connection in order, without a packet, once', async () => {
    const simulator = await startSimulator();
    expect(await send(simulator, around('close'))).toMatchObject({
      bytes: Buffer.alloc(0),
      ended: true,
      errorCode: undefined,
    });
    expect(identifiers(simulator)).toEqual([1]);
    expect(simulator.counts).toMatchObject({ rejected: 0, discarded: 2 });
    await sendUntilAccepted(simulator, around('close'), 4);
  });

  it('reset ends the connection with a reset, without a packet, once', async () => {
    const simulator = await startSimulator();
    expect(await send(simulator, around('reset'))).toMatchObject({
      bytes: Buffer.alloc(0),
      ended: false,
      errorCode: 'ECONNRESET',
    });
    expect(identifiers(simulator)).toEqual([1]);
    await sendUntilAccepted(simulator, around('reset'), 4);
  });

  it('rejectReset gets its packet, then a reset', async () => {
    const simulator = await startSimulator();
    expect(await sendAndWriteOn(simulator, around('rejectReset', 8))).toMatchObject({
      bytes: fromHex('080800000002'),
      errorCode: WAS_RESET,
    });
    // What the same client sees of a gateway that drains.
    expect(await sendAndWriteOn(simulator, around('reject', 8))).toMatchObject({
      bytes: fromHex('080800000002'),
      errorCode: undefined,
    });
  });

  it('rejectSplit gets its packet in six pieces', async () => {
    const simulator = await startSimulator();
    const { bytes, chunks, ended } = await send(simulator, around('rejectSplit', 7));
    expect(bytes).toEqual(fromHex('080700000002'));
    expect(chunks).toHaveLength(6);
    expect(ended).toBe(true);
  });

  it('stall stops the reading for so long, once, and what waits keeps its order', async () => {
    const simulator = await startSimulator();
    expect(await sendUntilAccepted(simulator, around('stall', 2), 3)).toBeGreaterThan(190);
    expect(identifiers(simulator)).toEqual([1, 2, 3]);
    expect(await sendUntilAccepted(simulator, around('stall', 2), 6)).toBeLessThan(190);
  });

  it('stall for ever never goes on, and the next connection does', async () => {
    const simulator = await startSimulator();
    const stalled = await connectRaw(simulator.gateway, simulator.credentials);
    stalled.socket.write(around('stall', 0));
    await simulator.waitFor((counts) => counts.accepted === 1);
    await sendUntilAccepted(simulator, around('stall', 0), 4);
    expect([...simulator.accepted].map(({ connection }) => connection)).toEqual([1, 2, 2, 2]);
  });

  it('slowRead is read at that rate from then on', async () => {
    const simulator = await startSimulator({ record: 'tokens' });
    const bulk = Array.from({ length: 128 }, (_, i) => frame(i + 3, GOOD, 'x'.repeat(2000)));
    const bytes = Buffer.concat([frame(1), frame(2, encodeTokenFault('slowRead', 64)), ...bulk]);
    // 256 KiB at 64 KiB per 100 ms, of which the last chunk is read without a rest behind it.
    expect(await sendUntilAccepted(simulator, bytes, 130)).toBeGreaterThan(250);
    expect(identifiers(simulator)).toEqual(Array.from({ length: 130 }, (_, i) => i + 1));
  });

  it('latency waits that long, every time, and what waits keeps its order', async () => {
    const simulator = await startSimulator();
    const bytes = Buffer.concat([around('latency', 5), around('latency', 5)]);
    expect(await sendUntilAccepted(simulator, bytes, 6)).toBeGreaterThan(95);
    expect(identifiers(simulator)).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it('temporary is answered ProcessingError so many times, then accepted', async () => {
    const simulator = await startSimulator();
    for (let times = 0; times < 2; times++) {
      expect((await send(simulator, around('temporary', 2))).bytes).toEqual(fromHex('080100000002'));
    }
    await sendUntilAccepted(simulator, around('temporary', 2), 5);
    expect(simulator.counts).toMatchObject({ rejected: 2, discarded: 2 });
  });

  it('discard is dropped without a word, and nothing else is', async () => {
    const simulator = await startSimulator();
    await sendUntilAccepted(simulator, around('discard'), 2);
    expect(identifiers(simulator)).toEqual([1, 3]);
    expect(simulator.counts).toMatchObject({ rejected: 0, discarded: 1 });
  });

  it('a wait settles the garbage behind it afterwards', async () => {
    const simulator = await startSimulator();
    const { bytes } = await send(simulator, Buffer.concat([around('latency', 2), fromHex('ff')]));
    expect(bytes).toEqual(fromHex('088000000000'));
    expect(identifiers(simulator)).toEqual([1, 2, 3]);
  });

  it('a wait outlasts the end of the client', async () => {
    const simulator = await startSimulator();
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.end(around('latency', 2));
    expect(await closed).toMatchObject({ ended: true, errorCode: undefined });
    expect(identifiers(simulator)).toEqual([1, 2, 3]);
  });
});

describe('gateway fault', () => {
  const start = (gateway: GatewayFaults): Promise<Simulator> => startSimulator({ gateway });
  const wrong = frame(2, '');

  it('afterError reset: the packet, then a reset', async () => {
    const simulator = await start({ afterError: 'reset' });
    expect(await sendAndWriteOn(simulator, wrong)).toMatchObject({
      bytes: fromHex('080200000002'),
      errorCode: WAS_RESET,
    });
  });

  it('splitErrorResponse: six pieces', async () => {
    const simulator = await start({ splitErrorResponse: true });
    const { bytes, chunks } = await send(simulator, wrong);
    expect(bytes).toEqual(fromHex('080200000002'));
    expect(chunks).toHaveLength(6);
  });

  it('splitErrorResponse with afterError reset: six pieces, then a reset', async () => {
    const simulator = await start({ splitErrorResponse: true, afterError: 'reset' });
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.write(wrong);
    expect(await closed).toMatchObject({ bytes: fromHex('080200000002') });
  });

  it('latencyMs: the packet comes late, and what was read meanwhile is discarded', async () => {
    const simulator = await start({ latencyMs: 100 });
    const begin = performance.now();
    const { bytes } = await send(simulator, Buffer.concat([wrong, frame(3)]));
    expect(performance.now() - begin).toBeGreaterThan(95);
    expect(bytes).toEqual(fromHex('080200000002'));
    expect(simulator.counts).toMatchObject({ accepted: 0, discarded: 1 });
  });

  it('closeOnConnect: every connection is closed as soon as it is made', async () => {
    const simulator = await start({ closeOnConnect: true });
    for (let times = 0; times < 3; times++) {
      expect(await send(simulator, frame(1))).toMatchObject({ bytes: Buffer.alloc(0), ended: true });
    }
    expect(simulator.counts).toMatchObject({ connections: 3, accepted: 0 });
    simulator.gateway.setFaults({ closeOnConnect: false });
    await sendUntilAccepted(simulator, frame(1), 1);
  });

  it('closeOnConnect with a number: that many are closed, then no more', async () => {
    const simulator = await start({ closeOnConnect: 2 });
    for (let times = 0; times < 2; times++) await send(simulator, frame(1));
    await sendUntilAccepted(simulator, frame(1), 1);
    expect(simulator.gateway.faults.closeOnConnect).toBe(0);
  });

  it('stall: nothing is read until it is switched off, and then everything', async () => {
    const simulator = await start({ stall: true });
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    const count = 4000;
    for (let i = 1; i <= count; i++) socket.write(frame(i, GOOD, 'x'.repeat(2000)));
    // A whole conversation with the same event loop: time enough for a gateway that reads to have read.
    await exchange(simulator.feedback, simulator.credentials, Buffer.alloc(0));
    expect(simulator.counts.accepted).toBe(0);
    expect(socket.writableLength).toBeGreaterThan(0);
    simulator.gateway.setFaults({ stall: false });
    await simulator.waitFor((counts) => counts.accepted === count);
    socket.end();
    await closed;
  });

  it('stall can be switched on for connections that are there', async () => {
    const simulator = await start({});
    const { socket } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.write(frame(1));
    await simulator.waitFor((counts) => counts.accepted === 1);
    simulator.gateway.setFaults({ stall: true });
    socket.write(frame(2));
    await exchange(simulator.feedback, simulator.credentials, Buffer.alloc(0));
    expect(simulator.counts.accepted).toBe(1);
    simulator.gateway.setFaults({ stall: false });
    await simulator.waitFor((counts) => counts.accepted === 2);
  });

  it.each([
    ['nothing', ''],
    ['five bytes', '0802000000'],
    ['twelve bytes', '080200000002080800000002'],
    ['another command', '090200000002'],
    ['an identifier never sent', '0808deadbeef'],
  ])('rewriteErrorResponse: %s in place of the packet', async (_name, hex) => {
    const simulator = await start({ rewriteErrorResponse: () => fromHex(hex) });
    expect(await send(simulator, wrong)).toMatchObject({ bytes: fromHex(hex), ended: true });
    simulator.gateway.setFaults({ rewriteErrorResponse: undefined });
    expect((await send(simulator, wrong)).bytes).toEqual(fromHex('080200000002'));
  });

  it.each([
    { afterError: 'explode' },
    { latencyMs: -1 },
    { closeOnConnect: 1.5 },
    { stall: 'yes' },
    { splitErrorResponse: 1 },
    { rewriteErrorResponse: 'no' },
    { unknown: true },
  ])('%j is refused, at the start and later', async (faults) => {
    const expected = { code: 'APNS_ERR_INVALID_OPTION' };
    await expect(start(faults as unknown as GatewayFaults)).rejects.toMatchObject(expected);
    const simulator = await start({ latencyMs: 5 });
    expect(() => simulator.gateway.setFaults(faults as unknown as GatewayFaults)).toThrow(
      expect.objectContaining(expected),
    );
    expect(simulator.gateway.faults.latencyMs).toBe(5);
  });
});
