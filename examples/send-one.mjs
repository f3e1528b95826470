/**
 * Sends one notification and prints its outcome.
 *
 *     node examples/send-one.mjs [DEVICE_TOKEN] [--host HOST --port PORT --cert FILE --key FILE --ca FILE]
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGatewayDelivery } from 'apns-streams';
import { openTarget, operands } from './target.mjs';

const target = await openTarget();
const notification = {
  deviceToken: operands[0] ?? 'ab'.repeat(32),
  payload: { aps: { alert: 'Hello', sound: 'default' } },
  context: { user: 42 },
};

await pipeline(Readable.from([notification]), createGatewayDelivery(target.gateway), async (outcomes) => {
  for await (const outcome of outcomes) {
    console.log(outcome.status, outcome.reason ?? '', outcome.context);
    // Not part of the JSON: the very object that was written.
    console.log(outcome.notification === notification);
  }
});
await target.close();
