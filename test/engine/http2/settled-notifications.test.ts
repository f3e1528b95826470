import { expect, test } from 'vitest';
import { heldBytes } from '../../../src/core/held-bytes.js';
import { createOutcomeCounts } from '../../../src/core/outcome.js';
import { type PendingNotification, RequestPreparer } from '../../../src/engine/http2/pending-notification.js';
import { SettledNotifications } from '../../../src/engine/http2/settled-notifications.js';
import { TOKEN } from '../../support/frames.js';

const preparer = new RequestPreparer({ auth: 'certificate', defaultTopic: 'com.example.app' });

function pending(context: unknown): PendingNotification {
  return preparer.prepare({ deviceToken: TOKEN, payload: '{}', context }, 0);
}

test('gives outcomes in the order they were settled, with what was sent and what was given', () => {
  const counts = createOutcomeCounts();
  const settled = new SettledNotifications(counts);
  let calls = 0;
  settled.startReading(() => calls++);
  const first = pending(1);
  first.attempts = 2;
  settled.settleSent(first, { status: 'accepted' });
  const never = { deviceToken: TOKEN, payload: '{}', context: 2 };
  settled.settle(never, { status: 'unsent', reason: 'Aborted' });
  expect([calls, settled.unread]).toEqual([2, 2]);
  const outcome = settled.shift()!;
  expect(outcome).toEqual({
    status: 'accepted',
    deviceToken: TOKEN,
    apnsId: first.apnsId,
    attempts: 2,
    context: 1,
  });
  expect(outcome.notification).toBe(first.given);
  expect(settled.unread).toBe(1);
  expect(settled.shift()!.notification).toBe(never);
  expect([settled.unread, settled.shift()]).toEqual([0, undefined]);
  expect(counts).toMatchObject({ accepted: 1, unsent: 1 });
});

test('keeps counts only, until somebody reads and after', () => {
  const counts = createOutcomeCounts();
  const settled = new SettledNotifications(counts);
  settled.settleSent(pending('x'.repeat(100)), { status: 'accepted' });
  settled.settle({ deviceToken: TOKEN, payload: '{}' }, { status: 'invalid' });
  expect([settled.unread, settled.unreadBytes, settled.shift()]).toEqual([0, 0, undefined]);
  settled.startReading(() => {});
  settled.settleSent(pending('x'.repeat(100)), { status: 'accepted' });
  settled.settleSent(pending('x'.repeat(100)), { status: 'unknown', reason: 'Timeout' });
  settled.shift();
  settled.stopReading();
  expect([settled.unread, settled.unreadBytes, settled.shift()]).toEqual([0, 0, undefined]);
  settled.settleSent(pending('x'.repeat(100)), { status: 'accepted' });
  expect([settled.unread, settled.unreadBytes]).toEqual([0, 0]);
  settled.startReading(() => {});
  settled.settleSent(pending(7), { status: 'accepted' });
  expect([settled.unread, settled.shift()?.context, settled.unreadBytes]).toEqual([1, 7, 0]);
  expect(counts).toMatchObject({ accepted: 4, unknown: 1 });
});

test('knows what unread notifications hold, over thousands of them', () => {
  const settled = new SettledNotifications(createOutcomeCounts());
  settled.startReading(() => {});
  const held: number[] = [];
  for (let i = 0; i < 10_000; i++) {
    const one = pending('x'.repeat(i % 100));
    held.push(one.heldBytes);
    settled.settleSent(one, { status: 'accepted' });
  }
  let left = held.reduce((sum, bytes) => sum + bytes, 0);
  for (const [i, bytes] of held.entries()) {
    expect([settled.unread, settled.unreadBytes]).toEqual([10_000 - i, left]);
    expect((settled.shift()!.context as string).length).toBe(i % 100);
    left -= bytes;
  }
  expect([settled.unread, settled.unreadBytes, settled.shift()]).toEqual([0, 0, undefined]);
});

test('knows what unread notifications hold that were not taken', () => {
  const settled = new SettledNotifications(createOutcomeCounts());
  settled.startReading(() => {});
  const first = { deviceToken: TOKEN, payload: '{}', context: 'x'.repeat(9) };
  const last = { deviceToken: TOKEN, payload: '{}', context: 'x'.repeat(30) };
  // Such a notification is kept whole.
  const [firstBytes, lastBytes] = [heldBytes(first, first), heldBytes(last, last)];
  expect(lastBytes).toBeGreaterThan(TOKEN.length + 30);
  settled.settle(first, { status: 'invalid' });
  const one = pending('x'.repeat(20));
  settled.settleSent(one, { status: 'accepted' });
  settled.settle(last, { status: 'unsent' });
  expect([settled.unread, settled.unreadBytes]).toEqual([3, firstBytes + lastBytes + one.heldBytes]);
  expect([settled.shift(), settled.unreadBytes]).toMatchObject([
    { context: 'x'.repeat(9) },
    lastBytes + one.heldBytes,
  ]);
  expect([settled.shift(), settled.unreadBytes]).toMatchObject([{ context: 'x'.repeat(20) }, lastBytes]);
  expect([settled.shift(), settled.unreadBytes]).toMatchObject([{ context: 'x'.repeat(30) }, 0]);
  expect([settled.unread, settled.shift(), settled.unreadBytes]).toEqual([0, undefined, 0]);
});
