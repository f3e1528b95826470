import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createGatewayDelivery, type Delivery } from '../src/delivery.js';
import { setLine } from '../src/line-stamp.js';
import type { Notification } from '../src/notification.js';
import { type Outcome, settledCount } from '../src/outcome.js';
import { startScriptedGateway } from './support/scripted-gateway.js';

const TOKEN = 'ab'.repeat(32);

function notifications(count: number): Notification[] {
  return Array.from({ length: count }, (_, i) => ({
    deviceToken: TOKEN,
    payload: { aps: { alert: `number ${i}` } },
    context: { i },
  }));
}

/** Writes notifications, ends, and collects outcomes until the delivery ends or fails. */
async function deliver(
  delivery: Delivery,
  input: Iterable<unknown>,
): Promise<{ outcomes: Outcome[]; error?: Error }> {
  const outcomes: Outcome[] = [];
  delivery.on('data', (outcome: Outcome) => outcomes.push(outcome));
  try {
    await pipeline(Readable.from(input), delivery);
    return { outcomes };
  } catch (error) {
    return { outcomes, error: error as Error };
  }
}

test('yields one outcome per notification, with its context, its line and the very object', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (frame.identifier === 2) peer.answer(8, 2);
    },
  });
  const input = notifications(4);
  setLine(input[1]!, 12);
  const delivery = createGatewayDelivery(gateway.options);
  const { outcomes } = await deliver(delivery, input);
  expect(outcomes).toHaveLength(4);
  for (const outcome of outcomes) {
    const sent = input.find((notification) => notification === outcome.notification);
    expect(sent?.context).toBe(outcome.context);
  }
  expect(outcomes[1]).toEqual({
    status: 'rejected',
    line: 12,
    identifier: 2,
    deviceToken: TOKEN,
    statusCode: 8,
    reason: 'InvalidToken',
    context: { i: 1 },
  });
  expect(JSON.stringify(outcomes[0])).not.toContain('alert');
});

test('gives an invalid notification its outcome and sends the others', async () => {
  const gateway = await startScriptedGateway();
  const [good] = notifications(1);
  const delivery = createGatewayDelivery(gateway.options);
  const { outcomes } = await deliver(delivery, [
    { ...good, deviceToken: 'xyz' },
    good,
    5,
    { ...good, priority: 1 },
  ]);
  expect(outcomes.map(({ status, field }) => `${status} ${field}`).sort()).toEqual([
    'accepted undefined',
    'invalid deviceToken',
    'invalid priority',
    'invalid undefined',
  ]);
  expect(delivery.counts).toMatchObject({ accepted: 1, invalid: 3 });
});

test('names one frame even where identifiers are repeated', async () => {
  const seen: (number | undefined)[] = [];
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      seen.push(frame.identifier);
      if (seen.length === 2) peer.answer(8, frame.identifier!);
    },
  });
  const input = notifications(3).map((notification) => ({ ...notification, identifier: 7 }));
  const { outcomes } = await deliver(createGatewayDelivery(gateway.options), input);
  expect(outcomes.map(({ status, identifier }) => [status, identifier])).toEqual([
    ['accepted', 7],
    ['rejected', 7],
    ['accepted', 7],
  ]);
  expect(outcomes[1]!.notification).toBe(input[1]);
  expect(seen).toEqual([7, 8, 9]);
});

test('lets every outcome be read before the error of a failure', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (frame.identifier === 20) peer.answer(128, 20);
    },
  });
  const delivery = createGatewayDelivery({ ...gateway.options, window: { count: 40 } });
  for (const notification of notifications(100)) delivery.write(notification);
  const outcomes: Outcome[] = [];
  await expect(async () => {
    for await (const outcome of delivery) outcomes.push(outcome);
  }).rejects.toMatchObject({ code: 'APNS_ERR_GATEWAY_PROTOCOL' });
  expect(outcomes).toHaveLength(100);
  expect(new Set(outcomes.map(({ notification }) => notification)).size).toBe(100);
  const { counts } = delivery;
  expect(counts).toMatchObject({ accepted: 19, rejected: 1, unsent: 80 });
});

test('lets every outcome be read after its signal is aborted', async () => {
  const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
  const controller = new AbortController();
  const delivery = createGatewayDelivery({
    ...gateway.options,
    window: { count: 10 },
    signal: controller.signal,
  });
  for (const notification of notifications(30)) delivery.write(notification);
  while ((gateway.peers[0]?.frames.length ?? 0) < 5) await new Promise(setImmediate);
  controller.abort();
  const outcomes: Outcome[] = [];
  await expect(async () => {
    for await (const outcome of delivery) outcomes.push(outcome);
  }).rejects.toMatchObject({ name: 'AbortError' });
  expect(new Set(outcomes.map(({ notification }) => notification)).size).toBe(30);
  expect(delivery.counts.unknown + delivery.counts.unsent).toBe(30);
});

test('has thousands of waiting notifications settled and read in moments', async () => {
  const controller = new AbortController();
  const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
  const delivery = createGatewayDelivery({
    ...gateway.options,
    window: { count: 10 },
    signal: controller.signal,
    highWaterMark: 10_000,
  });
  for (const notification of notifications(6000)) delivery.write(notification);
  const abortedAt = performance.now();
  controller.abort();
  let outcomes = 0;
  await expect(async () => {
    for await (const _ of delivery) outcomes++;
  }).rejects.toMatchObject({ name: 'AbortError' });
  expect(outcomes).toBe(6000);
  // It took half a minute when all that waits was looked through for each outcome.
  expect(performance.now() - abortedAt).toBeLessThan(5000);
});

test('lets the outcomes be read of a writer that goes on after the failure', async () => {
  const gateway = await startScriptedGateway({ onConnection: (peer) => peer.close() });
  const delivery = createGatewayDelivery({ ...gateway.options, backoff: { attempts: 0 } });
  async function* endless(): AsyncGenerator<Notification> {
    for (;;) {
      yield* notifications(10);
      await new Promise(setImmediate);
    }
  }
  const outcomes: Outcome[] = [];
  const reading = expect(async () => {
    for await (const outcome of delivery) outcomes.push(outcome);
  }).rejects.toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
  await pipeline(endless, delivery).catch(() => {});
  await reading;
  expect(outcomes.length).toBeGreaterThan(0);
  expect(outcomes).toHaveLength(settledCount(delivery.counts));
});

test('counts what nobody can read any more when it is destroyed', async () => {
  const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
  const delivery = createGatewayDelivery({ ...gateway.options, window: { count: 10 } });
  for (const notification of notifications(30)) delivery.write(notification);
  while ((gateway.peers[0]?.frames.length ?? 0) < 5) await new Promise(setImmediate);
  delivery.destroy();
  await new Promise((resolve) => delivery.once('close', resolve));
  expect(delivery.counts.unknown + delivery.counts.unsent).toBe(30);
});

test('slows the sending for a reader that is slow', async () => {
  const gateway = await startScriptedGateway();
  const delivery = createGatewayDelivery({ ...gateway.options, window: { count: 20 } });
  let pulled = 0;
  Readable.from(
    (function* () {
      for (const notification of notifications(500)) {
        pulled++;
        yield notification;
      }
    })(),
  ).pipe(delivery);
  while (delivery.counts.accepted < 20) await new Promise(setImmediate);
  for (let i = 0; i < 100; i++) await new Promise(setImmediate);
  expect(pulled).toBeLessThanOrEqual(20 + 3 * 16 + 2);
  expect(await delivery.toArray()).toHaveLength(500);
  expect(delivery.counts.accepted).toBe(500);
});

test('takes what a full slab turned away as soon as the slab is handed over', async () => {
  // Of these frames 31 fill a slab, and two are too little for the socket to ask for a pause and end it.
  const payload = Buffer.from(`{"aps":{"alert":"${'x'.repeat(2000)}"}}`);
  const arrived = new EventEmitter();
  const gateway = await startScriptedGateway({
    onFrame: ({ frames }) => {
      if (frames.length === 30) setImmediate(() => arrived.emit('all'));
    },
  });
  const delivery = createGatewayDelivery(gateway.options);
  const outcomes = delivery.toArray();
  const write = (count: number): void => {
    for (let i = 0; i < count; i++) delivery.write({ deviceToken: TOKEN, payload });
  };
  const all = once(arrived, 'all');
  write(30);
  await all;
  write(6);
  delivery.end();
  await outcomes;
  expect(delivery.counts.accepted).toBe(36);
});

test('settles once what was held back by cork() when it was aborted', async () => {
  const gateway = await startScriptedGateway();
  const controller = new AbortController();
  const delivery = createGatewayDelivery({ ...gateway.options, signal: controller.signal });
  const outcomes: Outcome[] = [];
  delivery.on('data', (outcome: Outcome) => outcomes.push(outcome));
  delivery.cork();
  for (const notification of notifications(5)) delivery.write(notification);
  controller.abort();
  delivery.uncork();
  delivery.write(notifications(1)[0]);
  await expect(finished(delivery)).rejects.toMatchObject({ name: 'AbortError' });
  expect(new Set(outcomes.map(({ notification }) => notification)).size).toBe(6);
  expect(settledCount(delivery.counts)).toBe(6);
});

test('may be destroyed by whoever reads an outcome while others are being written', async () => {
  const gateway = await startScriptedGateway();
  const delivery = createGatewayDelivery(gateway.options);
  delivery.once('data', () => delivery.destroy());
  delivery.cork();
  for (let i = 0; i < 9; i++) delivery.write({ deviceToken: 'xyz', payload: {} });
  delivery.uncork();
  await new Promise((resolve) => delivery.once('close', resolve));
  expect(settledCount(delivery.counts)).toBe(9);
});

test('settles everything before `await using` lets go of it, and gives up when nobody reads', async () => {
  const gateway = await startScriptedGateway();
  const read = createGatewayDelivery(gateway.options);
  for (const notification of notifications(10)) read.write(notification);
  const outcomes = read.toArray();
  await read[Symbol.asyncDispose]();
  expect(await outcomes).toHaveLength(10);
  const unread = createGatewayDelivery({ ...gateway.options, window: { count: 2 }, closeTimeoutMs: 100 });
  for (const notification of notifications(30)) unread.write(notification);
  await expect(unread[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'APNS_ERR_TIMEOUT' });
  expect(settledCount(unread.counts)).toBe(30);
});

test.each([
  ['goes on', () => {}, 5],
  ['has stopped', (delivery: Delivery) => void delivery.pause(), 0],
])(
  'tells of every outcome when its disposal takes too long, to a reader who %s',
  async (_name, read, told) => {
    const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
    const delivery = createGatewayDelivery({ ...gateway.options, closeTimeoutMs: 100 });
    const outcomes: Outcome[] = [];
    delivery.on('data', (outcome) => outcomes.push(outcome));
    for (const notification of notifications(5)) delivery.write(notification);
    await vi.waitUntil(() => gateway.peers.length > 0);
    read(delivery);
    await expect(delivery[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'APNS_ERR_TIMEOUT' });
    expect(outcomes).toHaveLength(told);
    expect(settledCount(delivery.counts)).toBe(5);
  },
);

test('is aborted by a signal that was aborted before, and settles what it is given all the same', async () => {
  const delivery = createGatewayDelivery({ host: '127.0.0.1', port: 1, signal: AbortSignal.abort() });
  for (const notification of notifications(3)) delivery.write(notification);
  const outcomes: Outcome[] = [];
  await expect(async () => {
    for await (const outcome of delivery) outcomes.push(outcome);
  }).rejects.toMatchObject({ name: 'AbortError' });
  expect(outcomes).toHaveLength(3);
});

test.each([
  ['nobody reads', () => {}, 1],
  ['somebody reads', (delivery: Delivery) => void delivery.resume(), 0],
  ['somebody reads slowly', (delivery: Delivery) => void delivery.on('readable', () => {}), 0],
])('warns that it stands still for want of a reader: %s', async (_name, read, expected) => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const warnings: Error[] = [];
  const onWarning = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => {
    process.off('warning', onWarning);
    vi.useRealTimers();
  });
  const gateway = await startScriptedGateway({});
  const delivery = createGatewayDelivery({ ...gateway.options, window: { count: 2 } });
  onTestFinished(() => void delivery.destroy());
  for (const notification of notifications(40)) delivery.write(notification);
  while (settledCount(delivery.counts) < 2) await new Promise(setImmediate);
  read(delivery);
  for (let i = 0; i < 3; i++) vi.advanceTimersByTime(5000);
  await new Promise(setImmediate);
  const unread = warnings.filter(({ name }) => name === 'ApnsWarning');
  expect(unread.map((warning) => (warning as NodeJS.ErrnoException).code)).toEqual(
    Array.from({ length: expected }, () => 'APNS_WARN_UNREAD_OUTCOMES'),
  );
});
