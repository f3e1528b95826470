import { expect, test } from 'vitest';
import { NotificationRecord } from '../../../src/core/notification.js';
import { createOutcomeCounts } from '../../../src/core/outcome.js';
import { OutcomeQueue } from '../../../src/engine/binary/outcome-queue.js';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import { batchOf, brief, frames, range, TOKEN } from '../../support/frames.js';

function drain(queue: OutcomeQueue) {
  const outcomes = [];
  for (let it = queue.shift(); it !== undefined; it = queue.shift()) outcomes.push(it);
  return outcomes;
}

test('gives the outcomes frame by frame, in the order they were settled', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.startReading(() => {});
  queue.settle(batchOf(...frames(3)), { status: 'accepted' });
  queue.settle(batchOf(...frames(1, 4)), { status: 'rejected', statusCode: 8, reason: 'InvalidToken' });
  queue.settle(batchOf(...frames(2, 5)), { status: 'unknown' });
  expect(queue.unread).toBe(6);
  const outcomes = drain(queue);
  expect(brief(outcomes)).toEqual([...range('accepted', 1, 3), 'rejected:4', ...range('unknown', 5, 6)]);
  expect(outcomes[3]).toEqual({
    status: 'rejected',
    identifier: 4,
    deviceToken: TOKEN,
    statusCode: 8,
    reason: 'InvalidToken',
  });
  expect(queue.unread).toBe(0);
  expect(queue.counts).toMatchObject({ accepted: 3, rejected: 1, unknown: 2 });
});

test('gives the very notification back where it has one', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.startReading(() => {});
  const notifications = [1, 2].map((i) => ({ deviceToken: TOKEN, payload: '{}', context: i }));
  const records = notifications.map((notification) => new NotificationRecord().read(notification));
  queue.settle({ ...batchOf(...frames(2)), notifications: records, attempts: 2 }, { status: 'accepted' });
  const outcomes = drain(queue);
  expect(outcomes.map(({ notification }) => notification)).toEqual(notifications);
  expect(outcomes[1]).toEqual({
    status: 'accepted',
    identifier: 2,
    deviceToken: TOKEN,
    attempts: 2,
    context: 2,
  });
});

test('gives back a notification that is kept itself, without a record of it', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.startReading(() => {});
  const notification = { deviceToken: TOKEN, payload: '{}', context: 7 };
  queue.settle({ ...batchOf(...frames(1)), notifications: [notification] }, { status: 'accepted' });
  const [outcome] = drain(queue);
  expect(outcome).toEqual({ status: 'accepted', identifier: 1, deviceToken: TOKEN, context: 7 });
  expect(outcome!.notification).toBe(notification);
});

test('gives no outcome where a getter of the notification stops the reading', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.startReading(() => {});
  const notification = {
    deviceToken: TOKEN,
    payload: '{}',
    get context(): number {
      queue.stopReading();
      return 7;
    },
  };
  queue.settle({ ...batchOf(...frames(1)), notifications: [notification] }, { status: 'accepted' });
  expect([queue.shift(), queue.unread, queue.unreadBytes]).toEqual([undefined, 0, 0]);
  queue.startReading(() => {});
  queue.settle(batchOf(...frames(2, 5)), { status: 'unknown' });
  expect(brief(drain(queue))).toEqual(range('unknown', 5, 6));
});

test('keeps counts only, until somebody reads and after', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.settle(batchOf(...frames(2)), { status: 'accepted' });
  expect([queue.unread, queue.shift()]).toEqual([0, undefined]);
  queue.startReading(() => {});
  queue.settle(batchOf(...frames(3)), { status: 'accepted' });
  expect(queue.shift()?.identifier).toBe(1);
  queue.stopReading();
  queue.settle(batchOf(...frames(1)), { status: 'unknown' });
  expect([queue.unread, queue.shift()]).toEqual([0, undefined]);
  expect(queue.counts).toMatchObject({ accepted: 5, unknown: 1 });
});

test('tells of what was never framed', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.startReading(() => {});
  const notification = { deviceToken: 'xyz', payload: '{}' };
  queue.settleUnframed(notification, { status: 'invalid', field: 'deviceToken' });
  queue.settle(batchOf(...frames(1)), { status: 'accepted' });
  const outcomes = drain(queue);
  expect(outcomes[0]).toEqual({ status: 'invalid', deviceToken: 'xyz', field: 'deviceToken' });
  expect(outcomes[0]?.notification).toBe(notification);
  expect(outcomes[1]?.identifier).toBe(1);
});

test('names a frame that is broken inside by its identifier', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.startReading(() => {});
  const broken = Buffer.from('020000000b 03000400000007 01ffff00'.replaceAll(' ', ''), 'hex');
  const bare = encodeFrame({ deviceToken: TOKEN, payload: '{}' });
  queue.settle(batchOf(broken, bare), { status: 'rejected', statusCode: 128 });
  expect(brief(drain(queue))).toEqual(['rejected:7', 'rejected:undefined']);
});

test('holds its order over thousands of settlements', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.startReading(() => {});
  for (let i = 1; i <= 5000; i++) queue.settle(batchOf(...frames(1, i)), { status: 'accepted' });
  expect(brief(drain(queue))).toEqual(range('accepted', 1, 5000));
});

test('knows what the runs hold whose outcomes are not all read', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  let calls = 0;
  queue.startReading(() => calls++);
  const { length } = frames(1)[0]!;
  queue.settle({ ...batchOf(...frames(2)), extraBytes: 100 }, { status: 'accepted' });
  queue.settle({ ...batchOf(...frames(1, 3)), extraBytes: 10 }, { status: 'accepted' });
  expect([calls, queue.unread, queue.unreadBytes]).toEqual([2, 3, 3 * length + 110]);
  queue.shift();
  expect([queue.unread, queue.unreadBytes]).toEqual([2, 3 * length + 110]);
  queue.shift();
  expect([queue.unread, queue.unreadBytes]).toEqual([1, length + 10]);
  queue.shift();
  expect([queue.unread, queue.unreadBytes]).toEqual([0, 0]);
});

test('begins anew with the first frame of a run after it has stopped in the middle of another', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.startReading(() => {});
  queue.settle({ ...batchOf(...frames(3)), extraBytes: 100 }, { status: 'accepted' });
  queue.shift();
  queue.stopReading();
  expect([queue.unread, queue.unreadBytes]).toEqual([0, 0]);
  queue.startReading(() => {});
  const batch = batchOf(...frames(3, 7));
  const { length } = frames(1)[0]!;
  queue.settle({ ...batch, start: length, count: 2 }, { status: 'unknown' });
  expect(brief(drain(queue))).toEqual(range('unknown', 8, 9));
});

test('counts what was never framed while nobody reads, and does not look into it', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  let looks = 0;
  const notification = {
    payload: '{}',
    get deviceToken(): string {
      looks++;
      return TOKEN;
    },
  };
  queue.settleUnframed(notification, { status: 'unsent', reason: 'Aborted' });
  expect([queue.counts.unsent, queue.unread, queue.unreadBytes, looks]).toEqual([1, 0, 0, 0]);
});

test('counts what a notification holds that was never framed, and gives it back even if it cannot be read', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.startReading(() => {});
  const notification = { deviceToken: TOKEN, payload: '{}', context: 'x'.repeat(70) };
  queue.settleUnframed(notification, { status: 'unsent', reason: 'Aborted' });
  expect([queue.unread, queue.unreadBytes]).toEqual([1, 70]);
  expect(drain(queue)).toEqual([
    { status: 'unsent', deviceToken: TOKEN, reason: 'Aborted', context: notification.context },
  ]);
  const throwing = {
    payload: '{}',
    get deviceToken(): string {
      throw new Error('no');
    },
  };
  queue.settleUnframed(throwing, { status: 'invalid' });
  const [outcome] = drain(queue);
  expect(outcome).toEqual({ status: 'invalid' });
  expect(outcome!.notification).toBe(throwing);
  expect(queue.unreadBytes).toBe(0);
});

test('names no device token and no identifier for a frame that has neither', () => {
  const queue = new OutcomeQueue(createOutcomeCounts());
  queue.startReading(() => {});
  const broken = Buffer.from('020000000401ffff00', 'hex');
  queue.settle(batchOf(broken), { status: 'rejected', statusCode: 128 });
  expect(drain(queue)).toEqual([{ status: 'rejected', statusCode: 128, deviceToken: '' }]);
});
