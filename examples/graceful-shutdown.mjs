/**
 * Stops on SIGINT or SIGTERM without losing anything: the first signal ends the input and waits until all
 * that was taken has its outcome; the second one, or five seconds, ends the waiting.
 *
 *     node examples/graceful-shutdown.mjs [--environment … | --wire binary …]
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { createBinaryDelivery, createHttp2Delivery } from 'apns-streams';
import { openTarget } from './target.mjs';

const target = await openTarget();
const noMore = new AbortController();
const giveUp = new AbortController();
const onSignal = () => (noMore.signal.aborted ? giveUp.abort() : noMore.abort());
process.on('SIGINT', onSignal).on('SIGTERM', onSignal);

/** Something that always has more to send. */
async function* endlessInput() {
  for (let i = 0; ; i++) {
    yield { deviceToken: `${i}`.padStart(64, '0'), payload: { aps: { badge: i } } };
    await delay(1);
  }
}

const { signal } = giveUp;
const delivery =
  target.wire === 'binary'
    ? createBinaryDelivery({ ...target.gateway, signal })
    : createHttp2Delivery({ ...target.http2, signal });
delivery.on('data', () => {}); // Outcomes must be read, if only to throw them away.
const closed = once(delivery, 'close').catch(() => {}); // The error of giving up is expected.

let taken = 0;
for await (const notification of endlessInput()) {
  if (noMore.signal.aborted) break;
  if (!delivery.write(notification)) await once(delivery, 'drain', { signal });
  if (++taken === 100) console.log('sending');
}
delivery.end();
const deadline = setTimeout(() => giveUp.abort(), 5000);
await closed;
clearTimeout(deadline);

// The counts include every notification exactly once, however the sending has ended.
const { resent: _, ...counts } = delivery.counts;
const settled = Object.values(counts).reduce((sum, count) => sum + count, 0);
console.log(`${taken} taken, ${settled} settled`, counts);
await target.close();
