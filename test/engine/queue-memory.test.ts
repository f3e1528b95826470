/** Queues hold memory for what waits in them, and not for what has gone through them. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createOutcomeCounts } from '../../src/core/outcome.js';
import { BatchQueue } from '../../src/engine/binary/batch-queue.js';
import { OutcomeQueue } from '../../src/engine/binary/outcome-queue.js';
import { Fifo } from '../../src/engine/fifo.js';
import { RequestPreparer } from '../../src/engine/http2/pending-notification.js';
import { SettledNotifications } from '../../src/engine/http2/settled-notifications.js';
import { StreamTable } from '../../src/engine/http2/stream-table.js';
import { batchOf, frames, TOKEN } from '../support/frames.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A slot for each would take 8 bytes: 3.2 MB in all. */
const COUNT = 400_000;
const MAX_BYTES = 1_500_000;

const notification = { deviceToken: TOKEN, payload: '{}', context: 'x' };
const preparer = new RequestPreparer({ auth: 'token', defaultTopic: 'com.example.app' });
const pending = preparer.prepare(notification, 0);
const batch = batchOf(...frames(1));

interface Queue {
  push(): void;
  shift(): void;
}

const QUEUES: Record<string, () => Queue> = {
  Fifo: () => {
    const queue = new Fifo<object>();
    return { push: () => queue.push(pending), shift: () => void queue.shift() };
  },
  BatchQueue: () => {
    const queue = new BatchQueue();
    return { push: () => queue.push(batch), shift: () => void queue.take(1, 1000) };
  },
  OutcomeQueue: () => {
    const queue = new OutcomeQueue(createOutcomeCounts());
    queue.startReading(() => {});
    return { push: () => queue.settle(batch, { status: 'accepted' }), shift: () => void queue.shift() };
  },
  SettledNotifications: () => {
    const queue = new SettledNotifications(createOutcomeCounts());
    queue.startReading(() => {});
    return { push: () => queue.settleSent(pending, { status: 'accepted' }), shift: () => void queue.shift() };
  },
  'SettledNotifications of those that were not taken': () => {
    const queue = new SettledNotifications(createOutcomeCounts());
    queue.startReading(() => {});
    return {
      push: () => queue.settle(notification, { status: 'invalid' }),
      shift: () => void queue.shift(),
    };
  },
  StreamTable: () => {
    const table = new StreamTable();
    return { push: () => void table.open(pending), shift: () => table.close(table.nextId - 2) };
  },
};

test.each(Object.keys(QUEUES).flatMap((name) => [[name, 0] as const, [name, 1] as const]))(
  '%s holds no slots for those that have passed while %i always wait',
  (name, waiting) => {
    const queue = QUEUES[name]!();
    const pass = (count: number): void => {
      for (let i = 0; i < count; i++) {
        queue.push();
        queue.shift();
      }
      collectGarbage();
    };
    for (let i = 0; i < waiting; i++) queue.push();
    pass(10_000);
    const before = process.memoryUsage().heapUsed;
    pass(COUNT);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(MAX_BYTES);
    // Still in use here, so its memory counted.
    queue.push();
  },
);
