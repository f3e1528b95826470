/** Notifications and listeners that run code of their own at a bad moment: every notification still has one outcome. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Notification } from '../../src/core/notification.js';
import { type DeliveryOutcome, settledCount } from '../../src/core/outcome.js';
import { setParsed } from '../../src/core/source-line.js';
import { createBinaryDelivery, type Delivery } from '../../src/deliveries/delivery.js';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { closed, frames, range, TOKEN, until } from '../support/frames.js';
import { startScriptedGateway } from '../support/scripted-gateway.js';

let thrown: unknown[] = [];

beforeEach(() => {
  thrown = [];
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error));
});

afterEach(() => process.setUncaughtExceptionCaptureCallback(null));

const plain = (context: number): Notification => ({ deviceToken: TOKEN, payload: '{"aps":{}}', context });

/** Ten notifications; `bad` is the sixth. */
function withBad(bad: unknown): Notification[] {
  return Array.from({ length: 10 }, (_, i) => (i === 5 ? (bad as Notification) : plain(i)));
}

async function deliver(
  delivery: Delivery,
  notifications: readonly Notification[],
): Promise<DeliveryOutcome[]> {
  const outcomes: DeliveryOutcome[] = [];
  delivery.on('data', (outcome: DeliveryOutcome) => outcomes.push(outcome)).on('error', () => {});
  // All of them are in the stream before the first is taken.
  delivery.cork();
  for (const notification of notifications) delivery.write(notification);
  delivery.uncork();
  delivery.end();
  await closed(delivery);
  return outcomes;
}

describe('a data listener that throws', () => {
  test.each([0, 7, 24])('ends no reading of a delivery (at outcome %i)', async (at) => {
    const gateway = await startScriptedGateway();
    const delivery = createBinaryDelivery({ ...gateway.options, window: { count: 8 } });
    const error = new Error('of a listener');
    let read = 0;
    delivery.on('data', () => {
      if (read++ === at) throw error;
    });
    for (let i = 0; i < 25; i++) delivery.write(plain(i));
    delivery.end();
    await closed(delivery);
    expect(read).toBe(25);
    expect(thrown).toEqual([error]);
  });

  test('ends no reading of the outcomes of a sink, even if it throws every time', async () => {
    const gateway = await startScriptedGateway();
    const sink = createBinarySink({ ...gateway.options, window: { count: 64 } });
    const identifiers: unknown[] = [];
    sink.outcomes.on('data', ({ status, identifier }) => {
      identifiers.push(`${status}:${identifier}`);
      throw new Error('of a listener');
    });
    sink.end(Buffer.concat(frames(40)));
    await until(() => identifiers.length === 40);
    expect(identifiers).toEqual(range('accepted', 1, 40));
    await until(() => thrown.length === 40);
  });
});

describe('a payload whose toJSON', () => {
  const doing = (act: () => void) =>
    withBad({
      ...plain(5),
      payload: {
        toJSON() {
          act();
          return { aps: {} };
        },
      },
    });

  test('destroys the delivery leaves every notification one outcome', async () => {
    const gateway = await startScriptedGateway();
    const delivery = createBinaryDelivery(gateway.options);
    await deliver(
      delivery,
      doing(() => delivery.destroy()),
    );
    expect(settledCount(delivery.counts)).toBe(10);
    expect(thrown).toEqual([]);
  });

  test('aborts the delivery has every outcome read', async () => {
    const gateway = await startScriptedGateway();
    const abort = new AbortController();
    const delivery = createBinaryDelivery({ ...gateway.options, signal: abort.signal });
    const outcomes = await deliver(
      delivery,
      doing(() => abort.abort()),
    );
    expect(outcomes.map(({ context }) => context).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(settledCount(delivery.counts)).toBe(10);
    expect(thrown).toEqual([]);
  });

  test('ends the delivery and writes to it has every outcome read', async () => {
    const gateway = await startScriptedGateway();
    const delivery = createBinaryDelivery(gateway.options);
    let written = 0;
    const outcomes = await deliver(
      delivery,
      doing(() => {
        if (written++ === 0) delivery.write(plain(10));
      }),
    );
    expect(outcomes.map(({ context }) => context).sort()).toEqual([0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(thrown).toEqual([]);
  });
});

describe('a getter', () => {
  /** A notification whose `name` has another value for each read. */
  function changing(name: keyof Notification, ...values: readonly unknown[]): object {
    let reads = 0;
    return Object.defineProperty(plain(5), name, {
      get: () => values[Math.min(reads++, values.length - 1)],
      enumerable: true,
    });
  }

  test.each([
    ['deviceToken', [TOKEN, undefined]],
    ['payload', ['{}', 5]],
    ['expiration', [0, { getTime: 1 }]],
    ['priority', [10, 'x']],
    ['identifier', [3, -1]],
    ['context', [5, Symbol('other')]],
  ] as const)('that changes %s has what it returned first sent and reported', async (name, values) => {
    const gateway = await startScriptedGateway();
    const delivery = createBinaryDelivery(gateway.options);
    const outcomes = await deliver(delivery, withBad(changing(name, ...values)));
    expect(delivery.counts.accepted).toBe(10);
    expect(outcomes.map(({ context }) => context)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(outcomes[5]).toMatchObject({ deviceToken: TOKEN });
    expect(thrown).toEqual([]);
  });

  test('that destroys the delivery leaves every notification one outcome', async () => {
    const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
    for (const name of ['deviceToken', 'context', 'payload'] as const) {
      const delivery = createBinaryDelivery({ ...gateway.options, window: { count: 3 } });
      const bad = Object.defineProperty(plain(5), name, {
        get: () => {
          delivery.destroy();
          return name === 'context' ? 5 : TOKEN;
        },
        enumerable: true,
      });
      await deliver(delivery, [bad as Notification, ...withBad(bad)]);
      expect(settledCount(delivery.counts)).toBe(11);
    }
    expect(thrown).toEqual([]);
  });

  test('given to a parsed notification, and destroying the delivery when its outcome is read, is survived', async () => {
    const gateway = await startScriptedGateway();
    const delivery = createBinaryDelivery(gateway.options);
    const parsed = plain(5);
    setParsed(parsed, 6, 100);
    let reads = 0;
    Object.defineProperty(parsed, 'context', {
      get: () => {
        if (reads++ > 0) delivery.destroy();
        return 5;
      },
      enumerable: true,
    });
    await deliver(delivery, withBad(parsed));
    expect(reads).toBe(2);
    expect(delivery.counts.accepted).toBe(10);
    expect(thrown).toEqual([]);
  });

  test('that throws when the outcome is made loses no outcome', async () => {
    const gateway = await startScriptedGateway();
    const delivery = createBinaryDelivery(gateway.options);
    let reads = 0;
    const bad = Object.defineProperty(plain(5), 'context', {
      get: () => {
        if (reads++ > 0) throw new Error('of a getter');
        return 5;
      },
      enumerable: true,
    });
    const outcomes = await deliver(delivery, withBad(bad));
    expect(outcomes.map(({ status }) => status)).toEqual(Array(10).fill('accepted'));
    expect(thrown).toEqual([]);
  });
});

test('a Date with a getTime of its own is read as the date it is', async () => {
  const gateway = await startScriptedGateway();
  const delivery = createBinaryDelivery(gateway.options);
  let calls = 0;
  const expiration = Object.assign(new Date(1_800_000_000_000), {
    getTime() {
      if (calls++ > 0) throw new Error('of a getTime');
      return 1_800_000_000_000;
    },
  });
  const outcomes = await deliver(delivery, withBad({ ...plain(5), expiration }));
  expect(outcomes).toHaveLength(10);
  expect(thrown).toEqual([]);
});
