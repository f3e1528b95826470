/** What is written where a notification should be: it gets its outcome, and those around it are not concerned. */
import { finished } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidNotificationError } from '../../src/core/errors.js';
import { type Outcome, settledCount } from '../../src/core/outcome.js';
import { createBinaryDelivery, createHttp2Delivery } from '../../src/deliveries/delivery.js';
import { createSimulator, type Simulator } from '../../src/simulator/index.js';
import { createHttp2Sink } from '../../src/sinks/http2-sink.js';
import { createFrameEncoder } from '../../src/transforms/frame-encoder.js';

const good = { deviceToken: 'ab'.repeat(32), payload: { aps: { alert: 'hi' } } };
const fail = (): never => {
  throw new TypeError('a getter that throws');
};

const STRANGE: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  'a string': JSON.stringify(good),
  'a Buffer': Buffer.from(`${JSON.stringify(good)}\n`),
  'a Uint8Array': new Uint8Array(4),
  'a number': 7,
  'a bigint': 7n,
  true: true,
  'a symbol': Symbol('notification'),
  'a function': () => good,
  'an array': [good],
  'a Map': new Map(Object.entries(good)),
  'an empty object': {},
  'an object without prototype': Object.assign(Object.create(null), { payload: {} }),
  'a getter of deviceToken that throws': Object.defineProperty({ ...good }, 'deviceToken', {
    get: fail,
    enumerable: true,
  }),
  'a getter of channelId that throws': Object.defineProperty({ ...good }, 'channelId', {
    get: fail,
    enumerable: true,
  }),
  'a getter of identifier that throws': Object.defineProperty({ ...good }, 'identifier', {
    get: fail,
    enumerable: true,
  }),
  'a getter in the payload that throws': {
    ...good,
    payload: Object.defineProperty({}, 'aps', { get: fail, enumerable: true }),
  },
  'a proxy that has no keys': new Proxy({ ...good }, { ownKeys: fail }),
  'a proxy that gives nothing': new Proxy({ ...good }, { get: fail }),
  'a revoked proxy': (() => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  })(),
};

let simulator: Simulator;
beforeAll(async () => {
  simulator = await createSimulator();
});
afterAll(() => simulator.close());

function createDeliveries() {
  const { ca, cert, key, topic } = simulator.credentials;
  const { gateway, http2 } = simulator;
  return {
    binary: () => createBinaryDelivery({ host: gateway.host, port: gateway.port, tls: { ca, cert, key } }),
    http2: () => createHttp2Delivery({ host: http2.host, port: http2.port, tls: { ca, cert, key }, topic }),
  };
}

describe.each(Object.keys(STRANGE))('%s', (name) => {
  const strange = STRANGE[name] as typeof good;

  test.each(['binary', 'http2'] as const)('is an invalid outcome of a delivery (%s)', async (wire) => {
    const delivery = createDeliveries()[wire]();
    const outcomes: Outcome[] = [];
    delivery.on('data', (outcome) => outcomes.push(outcome));
    for (const one of [good, strange, good]) delivery.write(one);
    delivery.end();
    await new Promise((resolve, reject) => delivery.once('end', resolve).once('error', reject));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['accepted', 'accepted', 'invalid']);
    const invalid = outcomes.find(({ status }) => status === 'invalid')!;
    expect(invalid.message).toBeTypeOf('string');
    if (strange === undefined) expect(Object.keys(invalid)).toEqual(['status', 'message']);
    expect(invalid.message).not.toContain('getter');
    expect(JSON.parse(JSON.stringify(invalid)).status).toBe('invalid');
    expect(settledCount(delivery.counts)).toBe(3);
  });

  test('is reported by a sink and an encoder, and skipped', async () => {
    const { ca, cert, key, topic } = simulator.credentials;
    const { host, port } = simulator.http2;
    const reported: unknown[] = [];
    const onInvalid = (error: unknown): unknown => reported.push(error);
    const sink = createHttp2Sink({ host, port, tls: { ca, cert, key }, topic, onInvalid });
    const encoder = createFrameEncoder({ onInvalid });
    encoder.resume();
    for (const stream of [sink, encoder]) {
      for (const one of [good, strange, good]) stream.write(one);
      await new Promise((resolve, reject) => stream.end(() => resolve(undefined)).once('error', reject));
    }
    expect(sink.counts).toMatchObject({ accepted: 2, invalid: 1 });
    expect(reported).toHaveLength(2);
    for (const error of reported) expect(error).toBeInstanceOf(InvalidNotificationError);
  });

  test('fails a sink that nobody takes invalid ones from', async () => {
    const { ca, cert, key, topic } = simulator.credentials;
    const { host, port } = simulator.http2;
    const sink = createHttp2Sink({ host, port, tls: { ca, cert, key }, topic });
    for (const one of [good, strange, good]) sink.write(one);
    const error = await finished(sink).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(InvalidNotificationError);
    expect(sink.counts).toMatchObject({ accepted: 1, invalid: 1, unsent: 1 });
    expect(settledCount(sink.counts)).toBe(3);
  });
});

test('a sink whose onInvalid throws fails, and settles what was written to it', async () => {
  const { ca, cert, key, topic } = simulator.credentials;
  const { host, port } = simulator.http2;
  const onInvalid = (): never => {
    throw new RangeError('no');
  };
  const sink = createHttp2Sink({ host, port, tls: { ca, cert, key }, topic, onInvalid });
  sink.cork();
  for (const one of [good, undefined as never, good]) sink.write(one);
  sink.uncork();
  await expect(finished(sink)).rejects.toThrow(RangeError);
  expect(settledCount(sink.counts)).toBe(3);
});

test.each(['a string', 'a Buffer', 'a Uint8Array'])('%s is told to be parsed first', async (name) => {
  const delivery = createDeliveries().http2();
  delivery.end(STRANGE[name] as never);
  const [outcome] = await delivery.toArray();
  expect(outcome?.message).toContain('createNdjsonParser');
});

test('a context that cannot be read is left out of the outcome', async () => {
  for (const create of Object.values(createDeliveries())) {
    const delivery = create();
    let reads = 0;
    const context = { get: () => (reads++ === 0 ? 1 : fail()), enumerable: true };
    delivery.end(Object.defineProperty({ ...good }, 'context', context));
    const [outcome] = await delivery.toArray();
    expect(outcome!).toMatchObject({ status: 'accepted' });
  }
});
