import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, expectTypeOf, test } from 'vitest';
import {
  type BroadcastNotification,
  createBinaryDelivery,
  createBinarySink,
  createFrameEncoder,
  createHttp2Delivery,
  createHttp2Sink,
  createNdjsonParser,
  createNdjsonStringifier,
  type DeliveryOutcome,
  type Notification,
  type Outcome,
  type OutcomeReason,
} from '../../src/index.js';

const where = { host: '127.0.0.1' };
const nowhere = (): Writable =>
  new Writable({ objectMode: true, write: (_chunk, _encoding, done) => done() });

test('composes every stream in pipeline(), with a stream or a function at the end', async () => {
  const source = (): Readable => Readable.from([]);
  await pipeline(source(), createNdjsonParser(), createFrameEncoder(), nowhere());
  await pipeline(
    source(),
    createNdjsonParser(),
    createHttp2Delivery(where),
    createNdjsonStringifier(),
    nowhere(),
  );
  await pipeline(source(), createBinaryDelivery(where), async (outcomes) => {
    for await (const _ of outcomes);
  });
  await pipeline(
    source(),
    createNdjsonParser(),
    async function* (notifications) {
      yield* notifications;
    },
    createHttp2Sink(where),
  );
  const sink = createBinarySink(where);
  await pipeline(source(), sink);
  expect(sink.counts.accepted).toBe(0);
});

test('tells what outcomes yields', async () => {
  const sink = createHttp2Sink(where);
  const { outcomes } = sink;
  sink.end();
  for await (const outcome of outcomes) expectTypeOf(outcome).toEqualTypeOf<Outcome>();
  expect(sink.counts.accepted).toBe(0);
});

test('tells what listens to data, and toArray(), what comes', async () => {
  const delivery = createHttp2Delivery(where);
  delivery.on('data', (outcome) => expectTypeOf(outcome).toEqualTypeOf<DeliveryOutcome>());
  delivery.once('data', (outcome) => expectTypeOf(outcome).toEqualTypeOf<DeliveryOutcome>());
  delivery.once('close', () => {});
  expectTypeOf(delivery.end().toArray()).resolves.toEqualTypeOf<DeliveryOutcome[]>();
  const parser = createNdjsonParser();
  parser.on('data', (notification) => expectTypeOf(notification).toEqualTypeOf<Notification>());
  expectTypeOf(parser.end().toArray()).resolves.toEqualTypeOf<Notification[]>();
  expectTypeOf(createFrameEncoder().end().toArray()).resolves.toEqualTypeOf<Buffer[]>();
});

test('tells by its status which facts an outcome has', () => {
  const tell = (outcome: Outcome): unknown => {
    switch (outcome.status) {
      case 'rejected':
        expectTypeOf(outcome.statusCode).toEqualTypeOf<number>();
        return expectTypeOf(outcome.reason).toEqualTypeOf<OutcomeReason>();
      case 'unsent':
      case 'unknown':
        return expectTypeOf(outcome.reason).toEqualTypeOf<OutcomeReason>();
      case 'invalid':
        return expectTypeOf(outcome.message).toEqualTypeOf<string>();
      default:
        expectTypeOf(outcome.status).toEqualTypeOf<'accepted' | 'presumed'>();
        return expectTypeOf(outcome.reason).toEqualTypeOf<OutcomeReason | undefined>();
    }
  };
  expect(tell({ status: 'accepted' })).toBeDefined();
  const delivery = createBinaryDelivery(where);
  delivery.on('data', (outcome) =>
    expectTypeOf(outcome.notification).toEqualTypeOf<Notification | BroadcastNotification>(),
  );
  delivery.destroy();
});
