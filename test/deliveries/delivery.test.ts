import { EventEmitter, getEventListeners, once } from 'node:events';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Notification } from '../../src/core/notification.js';
import { type Outcome, settledCount } from '../../src/core/outcome.js';
import { setSourceLine } from '../../src/core/source-line.js';
import {
  type BinaryDeliveryOptions,
  createBinaryDelivery,
  createHttp2Delivery,
  type Delivery,
} from '../../src/deliveries/delivery.js';
import { respond, startHttp2Gateway } from '../support/http2-gateway.js';
import { startScriptedGateway } from '../support/scripted-gateway.js';

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
  setSourceLine(input[1]!, 12);
  const delivery = createBinaryDelivery(gateway.options);
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
  const delivery = createBinaryDelivery(gateway.options);
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
  const { outcomes } = await deliver(createBinaryDelivery(gateway.options), input);
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
  const delivery = createBinaryDelivery({ ...gateway.options, window: { count: 40 } });
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
  const delivery = createBinaryDelivery({
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
  const delivery = createBinaryDelivery({
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
  const delivery = createBinaryDelivery({ ...gateway.options, backoff: { attempts: 0 } });
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
  const delivery = createBinaryDelivery({ ...gateway.options, window: { count: 10 } });
  for (const notification of notifications(30)) delivery.write(notification);
  while ((gateway.peers[0]?.frames.length ?? 0) < 5) await new Promise(setImmediate);
  delivery.destroy();
  await new Promise((resolve) => delivery.once('close', resolve));
  expect(delivery.counts.unknown + delivery.counts.unsent).toBe(30);
});

test('slows the sending for a reader that is slow', async () => {
  const gateway = await startScriptedGateway();
  const delivery = createBinaryDelivery({ ...gateway.options, window: { count: 20 } });
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
  const delivery = createBinaryDelivery(gateway.options);
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
  const delivery = createBinaryDelivery({ ...gateway.options, signal: controller.signal });
  const outcomes: Outcome[] = [];
  delivery.on('data', (outcome: Outcome) => outcomes.push(outcome));
  delivery.cork();
  for (const notification of notifications(5)) delivery.write(notification);
  controller.abort();
  delivery.uncork();
  delivery.write(notifications(1)[0]!);
  await expect(finished(delivery)).rejects.toMatchObject({ name: 'AbortError' });
  expect(new Set(outcomes.map(({ notification }) => notification)).size).toBe(6);
  expect(settledCount(delivery.counts)).toBe(6);
});

test('may be destroyed by whoever reads an outcome while others are being written', async () => {
  const gateway = await startScriptedGateway();
  const delivery = createBinaryDelivery(gateway.options);
  delivery.once('data', () => delivery.destroy());
  delivery.cork();
  for (let i = 0; i < 9; i++) delivery.write({ deviceToken: 'xyz', payload: {} });
  delivery.uncork();
  await new Promise((resolve) => delivery.once('close', resolve));
  expect(settledCount(delivery.counts)).toBe(9);
});

test('settles everything before `await using` lets go of it, and gives up when nobody reads', async () => {
  const gateway = await startScriptedGateway();
  const read = createBinaryDelivery(gateway.options);
  for (const notification of notifications(10)) read.write(notification);
  const outcomes = read.toArray();
  await read[Symbol.asyncDispose]();
  expect(await outcomes).toHaveLength(10);
  const unread = createBinaryDelivery({ ...gateway.options, window: { count: 2 }, closeTimeoutMs: 100 });
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
    const delivery = createBinaryDelivery({ ...gateway.options, closeTimeoutMs: 100 });
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
  const delivery = createBinaryDelivery({ host: '127.0.0.1', port: 1, signal: AbortSignal.abort() });
  for (const notification of notifications(3)) delivery.write(notification);
  const outcomes: Outcome[] = [];
  await expect(async () => {
    for await (const outcome of delivery) outcomes.push(outcome);
  }).rejects.toMatchObject({ name: 'AbortError' });
  expect(outcomes).toHaveLength(3);
});

describe('a delivery without a reader', () => {
  /** The codes of the warnings that this package gives, with intervals that stand still until they are moved. */
  function watchWarnings(): string[] {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const codes: string[] = [];
    const onWarning = (warning: Error): void => {
      if (warning.name === 'ApnsWarning') codes.push((warning as NodeJS.ErrnoException).code!);
    };
    process.on('warning', onWarning);
    onTestFinished(() => {
      process.off('warning', onWarning);
      vi.useRealTimers();
    });
    return codes;
  }

  async function passSeconds(seconds: number): Promise<void> {
    vi.advanceTimersByTime(seconds * 1000);
    await new Promise(setImmediate);
  }

  test.each([
    ['nobody reads', () => {}, 1],
    ['somebody reads', (delivery: Delivery) => void delivery.resume(), 0],
    ['somebody has paused', (delivery: Delivery) => void delivery.pause(), 0],
    ['somebody reads slowly', (delivery: Delivery) => void delivery.on('readable', () => {}), 0],
  ])('warns once after five seconds that it stands still: %s', async (_name, read, expected) => {
    const codes = watchWarnings();
    const gateway = await startScriptedGateway({});
    const delivery = createBinaryDelivery({ ...gateway.options, window: { count: 2 } });
    onTestFinished(() => void delivery.destroy());
    for (const notification of notifications(40)) delivery.write(notification);
    while (settledCount(delivery.counts) < 2) await new Promise(setImmediate);
    read(delivery);
    await passSeconds(4.999);
    expect(codes).toEqual([]);
    await passSeconds(10);
    expect(codes).toEqual(Array(expected).fill('APNS_WARN_UNREAD_OUTCOMES'));
    expect(vi.getTimerCount()).toBe(0);
  });

  test('sets no timer where somebody reads from the beginning', async () => {
    watchWarnings();
    const gateway = await startScriptedGateway({});
    const delivery = createBinaryDelivery({ ...gateway.options, window: { count: 2 } });
    onTestFinished(() => void delivery.destroy());
    delivery.resume();
    for (const notification of notifications(40)) delivery.write(notification);
    expect(delivery.writableNeedDrain).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('warns that it does not end', async () => {
    const codes = watchWarnings();
    const gateway = await startScriptedGateway({});
    const delivery = createBinaryDelivery(gateway.options);
    onTestFinished(() => void delivery.destroy());
    delivery.end(notifications(1)[0]!);
    await once(delivery, 'finish');
    await passSeconds(5);
    expect(codes).toEqual(['APNS_WARN_UNREAD_OUTCOMES']);
  });

  test('waits without a warning where it has no outcome, until it is destroyed', async () => {
    const codes = watchWarnings();
    const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
    const delivery = createBinaryDelivery({ ...gateway.options, window: { count: 2 } });
    for (const notification of notifications(40)) delivery.write(notification);
    await passSeconds(20);
    expect(codes).toEqual([]);
    expect(vi.getTimerCount()).toBe(1);
    delivery.destroy();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('throws the error of a data listener later, and that of any other listener at once', async () => {
  const delivery = createBinaryDelivery({ host: '127.0.0.1', port: 1 });
  onTestFinished(() => void delivery.destroy());
  const failure = new Error('of a listener');
  const fail = (): void => {
    throw failure;
  };
  const thrown = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  onTestFinished(() => process.setUncaughtExceptionCaptureCallback(null));
  delivery.on('data', fail).on('other', fail);
  expect(delivery.emit('data', {})).toBe(true);
  expect(await thrown).toBe(failure);
  expect(() => delivery.emit('other')).toThrow(failure);
});

test('fails without a reader too, although outcomes wait', async () => {
  const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
  const controller = new AbortController();
  const delivery = createBinaryDelivery({ ...gateway.options, signal: controller.signal });
  for (const notification of notifications(5)) delivery.write(notification);
  const failed = once(delivery, 'error');
  controller.abort();
  expect((await failed)[0]).toMatchObject({ name: 'AbortError' });
  expect(settledCount(delivery.counts)).toBe(5);
});

test('lets a reader who has paused read everything before it fails', async () => {
  const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
  const controller = new AbortController();
  const delivery = createBinaryDelivery({ ...gateway.options, signal: controller.signal });
  delivery.pause();
  for (const notification of notifications(5)) delivery.write(notification);
  controller.abort();
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
  expect(delivery.destroyed).toBe(false);
  const outcomes: Outcome[] = [];
  const failed = once(delivery, 'error');
  delivery.on('data', (outcome: Outcome) => outcomes.push(outcome)).resume();
  expect((await failed)[0]).toMatchObject({ name: 'AbortError' });
  expect(outcomes).toHaveLength(5);
});

/** A delivery whose gateway does not prove anything, and the function that aborts it. */
async function startAbortable(): Promise<{ delivery: Delivery; abort: (reason?: unknown) => void }> {
  const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
  const controller = new AbortController();
  const delivery = createBinaryDelivery({
    ...gateway.options,
    window: { count: 10 },
    signal: controller.signal,
  });
  return { delivery, abort: (reason) => controller.abort(reason) };
}

test('settles everything in the moment in which it fails', async () => {
  const { delivery, abort } = await startAbortable();
  const failed = once(delivery, 'error');
  for (const notification of notifications(30)) delivery.write(notification);
  abort();
  expect(settledCount(delivery.counts)).toBe(30);
  await failed;
});

test('fails when every outcome has been read already', async () => {
  const { delivery, abort } = await startAbortable();
  delivery.resume();
  await new Promise(setImmediate);
  const failed = once(delivery, 'error');
  abort();
  expect((await failed)[0]).toMatchObject({ name: 'AbortError' });
});

test('settles a notification that is written between the failure and its error', async () => {
  const { delivery, abort } = await startAbortable();
  const outcomes: Outcome[] = [];
  delivery.on('data', (outcome: Outcome) => outcomes.push(outcome));
  await new Promise(setImmediate);
  const failed = once(delivery, 'error');
  abort();
  const [late] = notifications(1);
  delivery.write(late!);
  await failed;
  expect(outcomes).toMatchObject([{ status: 'unsent', reason: 'Aborted' }]);
  expect(outcomes[0]!.notification).toBe(late);
});

test('lets an outcome be read that is settled in the moment in which the error is due', async () => {
  const { delivery, abort } = await startAbortable();
  delivery.pause();
  const failed = once(delivery, 'error');
  abort();
  setImmediate(() => delivery.write(notifications(1)[0]!));
  for (let i = 0; i < 4; i++) await new Promise(setImmediate);
  expect(delivery.destroyed).toBe(false);
  const outcomes: Outcome[] = [];
  delivery.on('data', (outcome: Outcome) => outcomes.push(outcome)).resume();
  await failed;
  expect(outcomes).toHaveLength(1);
});

test('lets outcomes be read that wait in its buffer before it fails', async () => {
  const { delivery, abort } = await startAbortable();
  delivery.on('readable', () => {});
  const failed = once(delivery, 'error');
  for (const notification of notifications(5)) delivery.write(notification);
  abort();
  for (let i = 0; i < 4; i++) await new Promise(setImmediate);
  expect([delivery.readableLength, delivery.destroyed]).toEqual([5, false]);
  for (let i = 0; i < 5; i++) expect(delivery.read()).toMatchObject({ reason: 'Aborted' });
  await failed;
});

test('fails with its first error', async () => {
  const gateway = await startScriptedGateway({ onConnection: (peer) => peer.close() });
  const controller = new AbortController();
  const delivery = createBinaryDelivery({
    ...gateway.options,
    backoff: { attempts: 0 },
    signal: controller.signal,
  });
  delivery.pause();
  const failed = once(delivery, 'error');
  delivery.write(notifications(1)[0]!);
  await vi.waitUntil(() => settledCount(delivery.counts) === 1);
  controller.abort();
  delivery.resume();
  expect((await failed)[0]).toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
});

test('fails when the sending ends with an error after its input ended', async () => {
  const gateway = await startScriptedGateway({ onConnection: (peer) => peer.close() });
  const delivery = createBinaryDelivery({ ...gateway.options, backoff: { attempts: 0 } });
  const outcomes: Outcome[] = [];
  delivery.on('data', (outcome: Outcome) => outcomes.push(outcome));
  const failed = once(delivery, 'error');
  delivery.end(notifications(1)[0]!);
  expect((await failed)[0]).toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
  expect(outcomes).toHaveLength(1);
});

test('sends on when outcomes are read, without a timer', async () => {
  const gateway = await startHttp2Gateway({ onRequest: (request) => respond(request, 200) });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const delivery = createHttp2Delivery({
    ...gateway.options,
    topic: 'com.example.app',
    window: { count: 2 },
  });
  for (const notification of notifications(3))
    delivery.write({ ...notification, topic: 'com.example.app', pushType: 'alert' });
  while (delivery.counts.accepted < 2) await new Promise(setImmediate);
  const outcomes = delivery.toArray();
  delivery.end();
  expect(await outcomes).toHaveLength(3);
});

test.each<[string, object]>([
  ['command', { command: 3 }],
  ['maxPayloadBytes', { maxPayloadBytes: 0 }],
  ['maxPayloadBytes', { maxPayloadBytes: 65_536 }],
  ['highWaterMark', { highWaterMark: -1 }],
  ['options.commands', { commands: 2 }],
])('refuses %s in %o', (path, options) => {
  expect(() => createBinaryDelivery({ host: '127.0.0.1', ...options })).toThrow(
    expect.objectContaining({
      code: 'APNS_ERR_INVALID_OPTION',
      message: expect.stringMatching(`^${path} `),
    }),
  );
});

test.each<[BinaryDeliveryOptions['command'], number | undefined, number]>([
  [undefined, undefined, 2048],
  [2, undefined, 2048],
  [1, undefined, 256],
  [0, undefined, 256],
  [1, 3000, 3000],
  [2, 65_535, 65_535],
])(
  'with command %s and maxPayloadBytes %s sends payloads of %i bytes and no larger ones',
  async (command, max, bytes) => {
    const commands: number[] = [];
    const gateway = await startScriptedGateway({
      onFrame: (_peer, frame) => void commands.push(frame.command),
    });
    const delivery = createBinaryDelivery({
      ...gateway.options,
      ...(command === undefined ? {} : { command }),
      ...(max === undefined ? {} : { maxPayloadBytes: max }),
    });
    const payloadOf = (length: number): Buffer => Buffer.from('{"aps":{}}'.padEnd(length));
    const { outcomes } = await deliver(
      delivery,
      [bytes, bytes + 1].map((length) => ({ deviceToken: TOKEN, payload: payloadOf(length) })),
    );
    expect(outcomes.map(({ status, field }) => [status, field]).sort()).toEqual([
      ['accepted', undefined],
      ['invalid', 'payload'],
    ]);
    expect(commands).toEqual([command ?? 2]);
  },
);

test('delivers over HTTP/2 in the same way, as the options say', async () => {
  const gateway = await startHttp2Gateway({
    onRequest: (request) =>
      request.deviceToken === TOKEN
        ? respond(request, 200)
        : respond(request, 410, { reason: 'Unregistered', timestamp: 0 }),
  });
  const input = [
    ...notifications(2),
    { ...notifications(1)[0]!, deviceToken: 'cd'.repeat(32) },
    { ...notifications(1)[0]!, deviceToken: 'xyz' },
  ].map((notification) => ({ ...notification, topic: 'com.example.app', pushType: 'alert' as const }));
  const delivery = createHttp2Delivery({ ...gateway.options, highWaterMark: 5 });
  expect([delivery.writableHighWaterMark, delivery.readableHighWaterMark]).toEqual([5, 16]);
  const { outcomes } = await deliver(delivery, input);
  expect(outcomes.map(({ status, reason, field }) => `${status} ${reason ?? field}`).sort()).toEqual([
    'accepted undefined',
    'accepted undefined',
    'invalid deviceToken',
    'rejected Unregistered',
  ]);
  const stuck = await startHttp2Gateway({ onRequest: () => {} });
  const unanswered = createHttp2Delivery({ ...stuck.options, closeTimeoutMs: 50 });
  const reading = unanswered.toArray().catch((error) => error);
  unanswered.write(input[0]!);
  await expect(unanswered[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'APNS_ERR_TIMEOUT' });
  expect(await reading).toMatchObject({ code: 'APNS_ERR_TIMEOUT' });
});

test('is shown by its name and its counts, without what it holds', async () => {
  const delivery = createBinaryDelivery({ host: '127.0.0.1', port: 1 });
  delivery.cork();
  delivery.write(notifications(1)[0]!);
  const shown = inspect(delivery, { depth: 9, showHidden: true });
  expect(shown).toMatch(/^Delivery \{/);
  expect(shown).toContain('counts');
  expect(shown).not.toContain(TOKEN.slice(0, 16));
  delivery.destroy();
});

test('fails with an AbortError that has the reason for its cause, and leaves no listener on the signal', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const options = { host: '127.0.0.1', port: 1, signal };
  const destroyed = createBinaryDelivery(options);
  destroyed.destroy();
  await once(destroyed, 'close');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  const delivery = createBinaryDelivery(options);
  const failed = once(delivery, 'error');
  const reason = new Error('enough');
  controller.abort(reason);
  const [error] = await failed;
  expect(error).toMatchObject({
    name: 'AbortError',
    code: 'ABORT_ERR',
    message: 'The operation was aborted',
    cause: reason,
  });
});
