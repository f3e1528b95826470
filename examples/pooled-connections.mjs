/**
 * One long-lived delivery over several connections, used by everything that has something to send.
 * Connections are opened as those there cannot keep up, reused, and kept open between bursts.
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
    ? // This wire never says yes, so a long-lived delivery has to ask now and then; each answer ends one
      // connection. Seconds are usual; here the example shall be quick.
      createBinaryDelivery({ ...target.gateway, connections, window: { ageMs: 50 } })
    : createHttp2Delivery({ ...target.http2, connections });

// An outcome finds whoever waits for it by the very object that was written.
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
