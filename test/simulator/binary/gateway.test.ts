import { describe, expect, it } from 'vitest';
import { encodeFrame, type FrameFields } from '../../../src/protocol/binary/frame.js';
import type { Simulator } from '../../../src/simulator/index.js';
import { connectRaw, exchange, fromHex, startSimulator } from '../raw-client.js';

const TOKEN = 'ab'.repeat(32);
const frame = (fields: Partial<FrameFields> = {}, command: 2 | 1 | 0 = 2): Buffer =>
  encodeFrame({ deviceToken: TOKEN, payload: '{}', ...fields }, command);

/** Writes, ends, waits for the end; what the gateway said, in hex. */
async function say(simulator: Simulator, ...frames: readonly Buffer[]): Promise<string> {
  const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
  socket.end(Buffer.concat(frames));
  const { bytes, ended } = await closed;
  expect(ended).toBe(true);
  return bytes.toString('hex');
}

describe('the gateway', () => {
  // Transcribed by hand from Apple's "Binary Provider API" and "Legacy Notification Format".
  it.each([
    ['command 0', '00 0004 deadbeef 0002 7b7d', {}],
    ['command 1', '01 00000007 00000000 0004 deadbeef 0002 7b7d', { identifier: 7, expiration: 0 }],
    ['command 2', '02 0000000c 01 0004 deadbeef 02 0002 7b7d', {}],
    [
      'command 2, every item, none in its usual place',
      '02 0000001e 05 0001 05 02 0002 7b7d 04 0004 00000000 03 0004 ffffffff 01 0004 deadbeef',
      { identifier: 0xffff_ffff, expiration: 0, priority: 5 },
    ],
    ['command 2 with an item nobody knows', '02 00000011 01 0004 deadbeef 09 0002 0000 02 0002 7b7d', {}],
  ])('takes a notification by %s in silence', async (_name, bytes, fields) => {
    const simulator = await startSimulator();
    expect(await say(simulator, fromHex(bytes))).toBe('');
    const common = { wire: 'binary', connection: 1, deviceToken: 'deadbeef', payload: Buffer.from('{}') };
    expect([...simulator.accepted]).toEqual([{ ...common, ...fields }]);
    expect(simulator.counts).toMatchObject({ connections: 1, accepted: 1, rejected: 0, discarded: 0 });
  });

  it.each([
    ['MissingDeviceToken, of an empty token', '0802', frame({ deviceToken: '', identifier: 9 })],
    ['MissingDeviceToken, of no token', '0802', fromHex('02 0000000c 03 0004 00000009 02 0002 7b7d')],
    ['MissingDeviceToken, of nothing but a name', '0802', fromHex('02 00000007 03 0004 00000009')],
    ['MissingPayload, of an empty payload', '0804', frame({ payload: '', identifier: 9 })],
    ['MissingPayload, of no payload', '0804', fromHex('02 0000000b 03 0004 00000009 01 0001 ab')],
    ['InvalidTokenSize, of 101 bytes', '0805', frame({ deviceToken: 'ab'.repeat(101), identifier: 9 })],
    ['InvalidPayloadSize, of 2049 bytes', '0807', frame({ payload: 'x'.repeat(2049), identifier: 9 })],
    ['InvalidPayloadSize, of 65535 bytes', '0807', frame({ payload: 'x'.repeat(65_535), identifier: 9 })],
    ['InvalidPayloadSize by command 1', '0807', frame({ payload: 'x'.repeat(257), identifier: 9 }, 1)],
    ['MissingDeviceToken by command 1', '0802', frame({ deviceToken: '', identifier: 9 }, 1)],
    [
      'ProtocolError, of a priority of two bytes',
      '0880',
      fromHex('02 0000000c 03 0004 00000009 05 0002 0005'),
    ],
  ])('answers %s', async (_name, answer, bytes) => {
    const simulator = await startSimulator();
    expect(await say(simulator, bytes)).toBe(`${answer}00000009`);
    expect(simulator.counts).toMatchObject({ accepted: 0, rejected: 1 });
  });

  it.each([
    ['an empty token', frame({ deviceToken: '' }, 0)],
    ['an empty payload', frame({ payload: '' }, 0)],
    ['a payload of 257 bytes', frame({ payload: 'x'.repeat(257) }, 0)],
  ])('closes without a word at %s by command 0', async (_name, bytes) => {
    const simulator = await startSimulator();
    expect(await say(simulator, bytes, frame())).toBe('');
    expect(simulator.counts).toMatchObject({ accepted: 0, rejected: 1, discarded: 1 });
  });

  it.each([
    ['a payload of 2048 bytes', frame({ payload: 'x'.repeat(2048) })],
    ['a payload of 256 bytes by command 1', frame({ payload: 'x'.repeat(256) }, 1)],
    ['a payload of 256 bytes by command 0', frame({ payload: 'x'.repeat(256) }, 0)],
    ['a token of 1 byte', frame({ deviceToken: 'ab' })],
    ['a token of 100 bytes', frame({ deviceToken: 'ab'.repeat(100) })],
  ])('takes %s', async (_name, bytes) => {
    const simulator = await startSimulator();
    expect(await say(simulator, bytes)).toBe('');
    expect(simulator.counts.accepted).toBe(1);
  });

  it('answers InvalidToken for a device that was never of this environment', async () => {
    const simulator = await startSimulator();
    simulator.devices.invalidate(TOKEN);
    expect(await say(simulator, frame({ identifier: 3 }))).toBe('080800000003');
    simulator.devices.register(TOKEN);
    expect(await say(simulator, frame({ identifier: 4 }))).toBe('');
    expect([...simulator.accepted].map(({ identifier }) => identifier)).toEqual([4]);
  });

  it('takes a notification for an unregistered device, and tells by feedback', async () => {
    const simulator = await startSimulator();
    simulator.devices.unregister(TOKEN, 100);
    simulator.devices.takeFeedback();
    expect(await say(simulator, frame())).toBe('');
    expect(simulator.counts.accepted).toBe(1);
    expect(simulator.devices.feedbackCount).toBe(1);
  });

  it('has accepted all before the frame it names, and discards all after it', async () => {
    const simulator = await startSimulator();
    const frames = Array.from({ length: 100 }, (_, i) =>
      frame({ identifier: i + 1, deviceToken: i === 40 ? '' : TOKEN }),
    );
    expect(await say(simulator, ...frames)).toBe('080200000029');
    expect([...simulator.accepted].map(({ identifier }) => identifier)).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
    expect(simulator.counts).toMatchObject({ accepted: 40, rejected: 1, discarded: 59 });
  });

  it('answers one mistake, and no other after it', async () => {
    const simulator = await startSimulator();
    const wrong = [1, 2, 3].map((identifier) => frame({ identifier, deviceToken: '' }));
    expect(await say(simulator, ...wrong, fromHex('ffffffff'))).toBe('080200000001');
  });

  it('goes on reading after its answer, so that a client still writing gets to see it', async () => {
    const simulator = await startSimulator();
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.write(frame({ identifier: 1, deviceToken: '' }));
    await new Promise((resolve) => socket.once('end', resolve));
    for (let i = 0; i < 10; i++) socket.write(frame({ identifier: 2 + i, payload: 'x'.repeat(2000) }));
    socket.end();
    expect(await closed).toMatchObject({ bytes: fromHex('080200000001'), ended: true, errorCode: undefined });
    expect(simulator.counts).toMatchObject({ accepted: 0, discarded: 10 });
  });

  it('stops waiting for a client that does not close', async () => {
    const simulator = await startSimulator({ limits: { drainTimeoutMs: 20 } });
    const { socket } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.write(frame({ deviceToken: '' }));
    await simulator.waitFor((counts) => counts.connections === 1 && counts.openConnections === 0);
  });

  it('ends connections when told to', async () => {
    const simulator = await startSimulator();
    const first = await connectRaw(simulator.gateway, simulator.credentials);
    await simulator.waitFor((counts) => counts.openConnections === 1);
    simulator.gateway.disconnect();
    await new Promise((resolve) => first.socket.once('end', resolve));
    first.socket.end();
    expect(await first.closed).toMatchObject({ ended: true, errorCode: undefined });
    const second = await connectRaw(simulator.gateway, simulator.credentials);
    await simulator.waitFor((counts) => counts.connections === 2);
    simulator.gateway.disconnect('reset');
    expect(await second.closed).toMatchObject({ ended: false, errorCode: 'ECONNRESET' });
  });

  it('numbers connections and keeps what came by each in order', async () => {
    const simulator = await startSimulator({ record: 'tokens' });
    await say(simulator, frame({ identifier: 1 }), frame({ identifier: 2 }));
    await say(simulator, frame({ identifier: 3 }));
    const seen = [...simulator.accepted].map(({ connection, identifier }) => [connection, identifier]);
    expect(seen).toEqual([
      [1, 1],
      [1, 2],
      [2, 3],
    ]);
  });
});

describe('the gateway, to a client it does not know', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('takes nothing without a certificate on %s', async (version) => {
    const simulator = await startSimulator({ tls: { minVersion: version, maxVersion: version } });
    const { ca } = simulator.credentials;
    const wrote = exchange(simulator.gateway, { ca }, frame());
    await wrote.catch((error: NodeJS.ErrnoException) => expect(error.code).toBeTypeOf('string'));
    expect(simulator.counts).toMatchObject({ connections: 0, accepted: 0 });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'takes nothing from a foreign certificate on %s',
    async (version) => {
      const simulator = await startSimulator({ tls: { minVersion: version, maxVersion: version } });
      const stranger = (await startSimulator()).credentials;
      const credentials = { ...stranger, ca: simulator.credentials.ca };
      const wrote = exchange(simulator.gateway, credentials, frame());
      await wrote.catch((error: NodeJS.ErrnoException) => expect(error.code).toBeTypeOf('string'));
      expect(simulator.counts).toMatchObject({ connections: 0, accepted: 0 });
    },
  );
});
