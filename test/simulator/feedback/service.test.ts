import { describe, expect, it } from 'vitest';
import { connectRaw, exchange, fromHex, startSimulator } from '../raw-client.js';

const NOTHING = Buffer.alloc(0);

describe('the feedback service', () => {
  it('tells who is gone, then closes', async () => {
    const { devices, feedback, credentials, counts } = await startSimulator();
    devices.unregister('DEADBEEF', 0x01020304);
    devices.unregister('ab'.repeat(100), 0);
    const { bytes, ended } = await exchange(feedback, credentials, NOTHING);
    // Timestamp, token length, token: from Apple's "The Feedback Service", by hand.
    const expected = `01020304 0004 deadbeef 00000000 0064 ${'ab'.repeat(100)}`;
    expect(bytes).toEqual(fromHex(expected));
    expect(ended).toBe(true);
    expect(counts.feedbackTuples).toBe(2);
  });

  it('has nothing to tell a second time', async () => {
    const { devices, feedback, credentials } = await startSimulator();
    devices.unregister('deadbeef');
    await exchange(feedback, credentials, NOTHING);
    expect(await exchange(feedback, credentials, NOTHING)).toMatchObject({ bytes: NOTHING, ended: true });
  });

  it('ignores what it is told itself', async () => {
    const { devices, feedback, credentials } = await startSimulator();
    devices.unregister('deadbeef', 1);
    const { bytes } = await exchange(feedback, credentials, Buffer.alloc(100_000));
    expect(bytes).toEqual(fromHex('00000001 0004 deadbeef'));
  });

  it('refuses clients it does not know', async () => {
    const { devices, feedback, credentials, counts } = await startSimulator();
    devices.unregister('deadbeef');
    const told = exchange(feedback, { ca: credentials.ca }, NOTHING);
    await told.then(
      ({ bytes }) => expect(bytes).toEqual(NOTHING),
      (error: NodeJS.ErrnoException) => expect(error.code).toBeTypeOf('string'),
    );
    expect(counts).toMatchObject({ connections: 0, feedbackTuples: 0 });
    expect(devices.feedbackCount).toBe(1);
  });

  it('truncates its last tuple when told to', async () => {
    const { devices, feedback, credentials } = await startSimulator({ feedback: { truncateLast: true } });
    devices.unregister('aa', 1);
    devices.unregister('bbbb', 2);
    const { bytes, ended } = await exchange(feedback, credentials, NOTHING);
    expect(bytes).toEqual(fromHex('00000001 0001 aa 00000002 0002 bb'));
    expect(ended).toBe(true);
  });

  it('never closes when told not to', async () => {
    const simulator = await startSimulator({ feedback: { neverClose: true } });
    simulator.devices.unregister('aa', 1);
    const { socket, chunks } = await connectRaw(simulator.feedback, simulator.credentials);
    await new Promise((resolve) => socket.once('data', resolve));
    expect(Buffer.concat(chunks)).toEqual(fromHex('00000001 0001 aa'));
    await exchange(simulator.gateway, simulator.credentials, fromHex('ff'));
    await simulator.waitFor((counts) => counts.openConnections === 1);
    expect(socket.readableEnded).toBe(false);
  });

  it('sends any bytes in place of the list, and keeps the list', async () => {
    const { devices, feedback, credentials } = await startSimulator();
    devices.unregister('aa', 1);
    feedback.setFaults({ replaceBytes: fromHex('00000000 0000') });
    expect((await exchange(feedback, credentials, NOTHING)).bytes).toEqual(fromHex('00000000 0000'));
    feedback.setFaults({ replaceBytes: undefined });
    expect((await exchange(feedback, credentials, NOTHING)).bytes).toEqual(fromHex('00000001 0001 aa'));
  });

  it('writes no faster than it is read', async () => {
    const { devices, feedback, gateway, credentials, counts } = await startSimulator();
    const total = 300_000;
    for (let i = 0; i < total; i++) devices.unregister(i.toString(16).padStart(64, '0'), 1);
    const { socket, closed } = await connectRaw(feedback, credentials);
    socket.once('end', () => socket.end());
    socket.removeAllListeners('data').pause();
    let received = 0;
    // A whole conversation with the same event loop: time enough to have written everything.
    await exchange(gateway, credentials, fromHex('ff'));
    expect(counts.feedbackTuples).toBeLessThan(total);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    socket.resume();
    expect(await closed).toMatchObject({ ended: true });
    expect(received).toBe(total * 38);
  });

  it.each([{ truncateLast: 1 }, { neverClose: 'yes' }, { replaceBytes: 'text' }, { unknown: 1 }])(
    'refuses %j, at the start and later',
    async (faults) => {
      const expected = { code: 'APNS_ERR_INVALID_OPTION' };
      await expect(startSimulator({ feedback: faults as never })).rejects.toMatchObject(expected);
      const { feedback } = await startSimulator();
      expect(() => feedback.setFaults(faults as never)).toThrow(expect.objectContaining(expected));
    },
  );
});
