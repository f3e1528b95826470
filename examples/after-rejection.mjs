/**
 * Shows a rejection over the binary protocol: the gateway names one notification, accepts those before it, discards
 * those after it, and closes the connection. The sink sends the discarded ones again, in order. Over HTTP/2 every
 * notification has its own response instead.
 *
 *     node examples/after-rejection.mjs
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBinarySink, createErrorSource, createFrameEncoder } from 'apns-streams';
import { encodeTokenFault } from 'apns-streams/simulator';
import { openTarget } from './target.mjs';

const target = await openTarget();
const sink = createBinarySink(target.gateway);

// The device tokens of notifications 3 and 7 make the simulator reject them, with status codes 8 and 5.
const faults = new Map([
  [3, encodeTokenFault('reject', 8)],
  [7, encodeTokenFault('reject', 5)],
]);
const notifications = Array.from({ length: 10 }, (_, i) => ({
  deviceToken: faults.get(i + 1) ?? `${i}`.padStart(64, '0'),
  payload: { aps: { alert: `number ${i + 1}` } },
  identifier: i + 1,
}));

async function printErrorResponses() {
  for await (const { statusCode, reason, identifier } of createErrorSource(sink)) {
    console.log(`the gateway says: ${reason} (${statusCode}) for number ${identifier}`);
  }
}

async function printOutcomes() {
  for await (const { identifier, status, reason, attempts = 1 } of sink.outcomes) {
    console.log(`number ${identifier}: ${status} ${reason ?? ''} (written ${attempts} times)`);
  }
}

await Promise.all([
  pipeline(Readable.from(notifications), createFrameEncoder(), sink),
  printErrorResponses(),
  printOutcomes(),
]);
console.log(sink.counts);
await target.close();
