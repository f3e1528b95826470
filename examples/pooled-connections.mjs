/**
 * Shares one long-lived delivery with several connections between all senders of a program. The delivery opens another
 * connection when the open ones cannot keep up, and keeps connections open between bursts.
 *
 *     node examples/pooled-connections.mjs [--environment … | --wire binary …]
 */
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { createBinaryDelivery, createHttp2Delivery } from 'apns-streams';
import { openTarget } from './target.mjs';

const target = await openTarget();
const connections = 4;
const delivery =
  target.wire === 'binary'
    ? // The binary protocol does not confirm acceptance, so a long-lived delivery writes checkpoints. Each costs one
      // connection, so an age of seconds is usual. The short age here keeps the example fast.
      createBinaryDelivery({ ...target.gateway, connections, window: { ageMs: 50 } })
    : createHttp2Delivery({ ...target.http2, connections });

// An outcome contains the notification object that was written, which identifies the waiting caller.
const waiting = new Map();
delivery.on('data', ({ notification, status }) => {
  waiting.get(notification)(status);
  waiting.delete(notification);
});

for (const burst of [1, 2, 3]) {
  const statuses = [];
  for (let i = 0; i < 1000; i++) {
    const notification = { deviceToken: `${i}`.padStart(64, '0'), payload: { aps: { badge: burst } } };
    statuses.push(new Promise((resolve) => waiting.set(notification, resolve)));
    if (!delivery.write(notification)) await once(delivery, 'drain');
  }
  const accepted = (await Promise.all(statuses)).filter((status) => status === 'accepted');
  console.log(`burst ${burst}: ${accepted.length} accepted`);
}

delivery.end();
await finished(delivery);
console.log(delivery.counts);
if (target.simulator !== undefined) {
  const { accepted, connections } = target.simulator.counts;
  console.log(`${accepted} notifications over ${connections} connections`);
}
await target.close();
