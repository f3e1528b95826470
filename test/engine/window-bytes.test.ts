/** The window counts what notifications hold in memory, `context` included, and not only their frames. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { settledCount } from '../../src/core/outcome.js';
import { createBinaryDelivery, createHttp2Delivery } from '../../src/deliveries/delivery.js';
import { TOKEN, until } from '../support/frames.js';
import { startRawGateway } from '../support/http2-raw-gateway.js';
import { startScriptedGateway } from '../support/scripted-gateway.js';

const notification = (i: number, bytes: number) => ({
  deviceToken: TOKEN,
  payload: '{"aps":{}}',
  context: `${i}`.padEnd(bytes, 'x'),
});

test('is full with a few notifications that hold much', async () => {
  const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
  const delivery = createBinaryDelivery({
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
  const delivery = createBinaryDelivery({
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
  const delivery = createBinaryDelivery({ ...gateway.options, window: { bytes: 1000 } });
  for (let i = 0; i < 5; i++) delivery.write(notification(i, 10_000));
  delivery.end();
  expect((await delivery.toArray()).map(({ status }) => status)).toEqual(Array(5).fill('accepted'));
});

test('takes no more frames in one turn than the window has bytes for, since their deadlines begin then', async () => {
  const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
  const delivery = createBinaryDelivery({ ...gateway.options, window: { bytes: 300 } });
  delivery.resume().on('error', () => {});
  let taken = 0;
  // 66 bytes each.
  for (let i = 0; i < 16; i++) delivery.write({ deviceToken: TOKEN, payload: '{"aps":{}}' }, () => taken++);
  for (let i = 0; i < 50; i++) await turn();
  expect(taken).toBe(5);
  delivery.destroy();
});

const addressed = (i: number, bytes: number) => ({ ...notification(i, bytes), topic: 'com.example.app' });

test('is full over HTTP/2, too, with a few notifications that hold much', async () => {
  const gateway = await startRawGateway({ onRequest: () => {} });
  const delivery = createHttp2Delivery({
    ...gateway.options,
    window: { bytes: 1_000_000 },
    highWaterMark: 1,
  });
  delivery.resume().on('error', () => {});
  let taken = 0;
  for (let i = 0; i < 100; i++) delivery.write(addressed(i, 100_000), () => taken++);
  await until(() => gateway.requests.length >= 8);
  for (let i = 0; i < 50; i++) await turn();
  expect(taken).toBeLessThanOrEqual(11);
  delivery.destroy();
});

test('is full over HTTP/2, too, with outcomes that are not read, and goes on once they are', async () => {
  const gateway = await startRawGateway();
  const delivery = createHttp2Delivery({
    ...gateway.options,
    window: { bytes: 1_000_000 },
    highWaterMark: 1,
  });
  for (let i = 0; i < 60; i++) delivery.write(addressed(i, 100_000));
  delivery.end();
  await until(() => settledCount(delivery.counts) >= 8);
  for (let i = 0; i < 50; i++) await turn();
  // Beside the window, what the stream that is read holds.
  expect(settledCount(delivery.counts)).toBeLessThanOrEqual(30);
  expect(await delivery.toArray()).toHaveLength(60);
});

test('counts invalid notifications over HTTP/2, too, until their outcomes are read', async () => {
  const gateway = await startRawGateway();
  const delivery = createHttp2Delivery({
    ...gateway.options,
    window: { bytes: 1_000_000 },
    highWaterMark: 1,
  });
  let taken = 0;
  for (let i = 0; i < 100; i++)
    delivery.write({ ...addressed(i, 100_000), deviceToken: 'no token' }, () => taken++);
  for (let i = 0; i < 200; i++) await turn();
  expect(taken).toBeLessThanOrEqual(40);
  delivery.destroy();
});

test('counts a payload that was refused for its size', async () => {
  const gateway = await startRawGateway();
  const delivery = createHttp2Delivery({
    ...gateway.options,
    window: { bytes: 1_000_000 },
    highWaterMark: 1,
  });
  let taken = 0;
  for (let i = 0; i < 100; i++) {
    const payload = `"${'x'.repeat(100_000)}"`;
    delivery.write({ deviceToken: TOKEN, topic: 'com.example.app', payload }, () => taken++);
  }
  for (let i = 0; i < 200; i++) await turn();
  expect(taken).toBeLessThanOrEqual(40);
  delivery.destroy();
});
