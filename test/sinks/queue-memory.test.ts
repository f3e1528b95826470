/** Queues hold memory for what waits in them, and not for what has gone through them. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createOutcomeCounts } from '../../src/outcome.js';
import { OutcomeQueue } from '../../src/sinks/outcome-queue.js';
import type { PendingNotification } from '../../src/sinks/pending-notification.js';
import { PendingQueue } from '../../src/sinks/pending-queue.js';
import { RunQueue } from '../../src/sinks/run-queue.js';
import { SettledNotifications } from '../../src/sinks/settled-notifications.js';
import { StreamTable } from '../../src/sinks/stream-table.js';
import { frames, runOf } from '../support/frames.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A slot for each would take 8 bytes: 3.2 MB in all. */
const COUNT = 400_000;
const MAX_BYTES = 1_500_000;

const pending = { heldBytes: 1, deviceToken: 'ab' } as PendingNotification;
const run = runOf(...frames(1));

/** Queues in which one always waits, and what passes another one through them. */
const QUEUES: Record<string, () => { readonly queue: unknown; pass(): void }> = {
  PendingQueue: () => {
    const queue = new PendingQueue();
    queue.push(pending);
    return {
      queue,
      pass() {
        queue.push(pending);
        queue.shift();
      },
    };
  },
  RunQueue: () => {
    const queue = new RunQueue();
    queue.push(run);
    return {
      queue,
      pass() {
        queue.push(run);
        queue.take(1, 1000);
      },
    };
  },
  OutcomeQueue: () => {
    const queue = new OutcomeQueue(createOutcomeCounts());
    queue.startReading(() => {});
    queue.settle(run, { status: 'accepted' });
    return {
      queue,
      pass() {
        queue.settle(run, { status: 'accepted' });
        queue.shift();
      },
    };
  },
  SettledNotifications: () => {
    const queue = new SettledNotifications(createOutcomeCounts());
    queue.startReading(() => {});
    queue.settleSent(pending, { status: 'accepted' });
    return {
      queue,
      pass() {
        queue.settleSent(pending, { status: 'accepted' });
        queue.shift();
      },
    };
  },
  StreamTable: () => {
    const queue = new StreamTable();
    queue.open(pending);
    return { queue, pass: () => queue.close(queue.open(pending)) };
  },
};

test.each(Object.keys(QUEUES))('%s holds no slots for those that have passed', (name) => {
  const { queue, pass } = QUEUES[name]!();
  for (let i = 0; i < 10_000; i++) pass();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < COUNT; i++) pass();
  collectGarbage();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(MAX_BYTES);
  expect(queue).toBeDefined();
});
