/** Clients of today, unmodified, against the simulator. `npm ci --prefix test/modern-clients` installs them. */
import { describe, expect, test } from 'vitest';
import { encodeTokenFault } from '../../src/simulator/token-fault.js';
import { startSimulator } from '../end-to-end/processes.js';
import { runClient } from './run-client.js';

const COUNT = 300;
const BAD = 100;

function byToken(a: object, b: object): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

describe.each(['node-apn', 'node-apn with a certificate', 'apns2'])('%s', (name) => {
  test('delivers everything but a bad token, once, as it was asked to', async () => {
    const notifications = Array.from({ length: COUNT }, (_, index) => ({
      deviceToken: index === BAD ? encodeTokenFault('reject', 8) : (index + 1).toString(16).padStart(64, '0'),
      payload: { aps: { alert: `№ ${index}` } },
      expiration: 1_900_000_000,
      priority: 5,
    }));
    const simulator = await startSimulator();
    const lines = (await runClient(name, simulator, notifications)) as object[];
    const expected = notifications.map(({ deviceToken }, index) =>
      index === BAD ? { deviceToken, statusCode: 400, reason: 'BadDeviceToken' } : { deviceToken },
    );
    expect(lines.toSorted(byToken)).toEqual(expected.toSorted(byToken));
    const accepted = (await simulator.stop()) as unknown as Record<string, unknown>[];
    const asked = accepted.map(({ deviceToken, payload, expiration, priority, topic, pushType }) => {
      expect([topic, pushType]).toEqual(['com.example.app', 'alert']);
      return { deviceToken, payload, expiration, priority };
    });
    expect(asked.toSorted(byToken)).toEqual(notifications.toSpliced(BAD, 1).toSorted(byToken));
  });
});

test('node-apn creates a channel and broadcasts to it', async () => {
  const simulator = await startSimulator();
  const payload = { aps: { event: 'update', 'content-state': {}, timestamp: 1_700_000_000 } };
  const lines = await runClient('node-apn to a channel', simulator, [{ payload }, { payload }]);
  expect(lines).toEqual([{ channelId: expect.any(String) }, { channelId: expect.any(String) }]);
  expect(await simulator.stop()).toMatchObject([{ ...(lines[0] as object), payload }, { payload }]);
});
