import { afterEach, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/index.js';
import { connectRaw, exchange } from './raw-client.js';

const open: Simulator[] = [];

async function start(options?: SimulatorOptions): Promise<Simulator> {
  const simulator = await createSimulator(options);
  open.push(simulator);
  return simulator;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((simulator) => simulator.close()));
});

describe('createSimulator', () => {
  it('accepts a notification in silence', async () => {
    const simulator = await start();
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.write(encodeFrame({ deviceToken: 'aa'.repeat(32), payload: '{"aps":{}}', identifier: 7 }));
    await simulator.until((counts) => counts.accepted === 1);
    socket.end();
    expect((await closed).bytes.length).toBe(0);
    expect([...simulator.accepted]).toEqual([
      {
        wire: 'binary',
        connection: 1,
        deviceToken: 'aa'.repeat(32),
        identifier: 7,
        payload: Buffer.from('{"aps":{}}'),
      },
    ]);
  });

  it('answers with six bytes', async () => {
    const simulator = await start();
    const { bytes, ended } = await exchange(
      simulator.gateway,
      simulator.credentials,
      Buffer.from('02000000 0a 03 0004 00000007 01 0000'.replaceAll(' ', ''), 'hex'),
    );
    expect(bytes.toString('hex')).toBe('080200000007');
    expect(ended).toBe(true);
  });
});
