/** The window counts what notifications hold in memory, `context` included, and not only their frames. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createGatewayDelivery } from '../../src/delivery.js';
import { settledCount } from '../../src/outcome.js';
import { TOKEN, until } from '../support/frames.js';
import { startScriptedGateway } from '../support/scripted-gateway.js';

const notification = (i: number, bytes: number) => ({
  deviceToken: TOKEN,
  payload: '{"aps":{}}',
  context: `${i}`.padEnd(bytes, 'x'),
});

test('is full with a few notifications that hold much', async () => {
  const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
  const delivery = createGatewayDelivery({
    ...gateway.options,
    window: { bytes: 1_000_000 },
    highWaterMark: 1,
  });
  delivery.resume().on('error', () => {});
  let taken = 0;
  for (let i = 0; i < 100; i++) delivery.write(notification(i, 100_000), () => taken++);
  await until(() => (gateway.peers[0]?.frames.length ?? 0) >= 5);
  for (let i = 0; i < 50; i++) await turn();
  expect(taken).toBeLessThanOrEqual(11);
  delivery.destroy();
});

test('is full with outcomes that nobody has read, and goes on once they are', async () => {
  const gateway = await startScriptedGateway();
  const delivery = createGatewayDelivery({
    ...gateway.options,
    window: { bytes: 1_000_000 },
    highWaterMark: 1,
  });
  for (let i = 0; i < 60; i++) delivery.write(notification(i, 100_000));
  delivery.end();
  await until(() => settledCount(delivery.counts) >= 5);
  for (let i = 0; i < 50; i++) await turn();
  // Beside the window, what the stream that is read holds.
  expect(settledCount(delivery.counts)).toBeLessThanOrEqual(16);
  const outcomes = await delivery.toArray();
  expect(outcomes.map(({ context }) => Number.parseInt(context as string, 10))).toEqual(
    Array.from({ length: 60 }, (_, i) => i),
  );
});

test('passes notifications one by one where a single one is larger than the window', async () => {
  const gateway = await startScriptedGateway();
  const delivery = createGatewayDelivery({ ...gateway.options, window: { bytes: 1000 } });
  for (let i = 0; i < 5; i++) delivery.write(notification(i, 10_000));
  delivery.end();
  expect((await delivery.toArray()).map(({ status }) => status)).toEqual(Array(5).fill('accepted'));
});
