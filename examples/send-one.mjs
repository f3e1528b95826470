/**
 * Sends one notification and prints its outcome.
 *
 *     node examples/send-one.mjs [DEVICE_TOKEN] [--environment sandbox --provider-key FILE … | --wire binary …]
 *
 * All that can stand there is in target.mjs.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBinaryDelivery, createHttp2Delivery } from 'apns-streams';
import { openTarget, operands } from './target.mjs';

const target = await openTarget();
const notification = {
  deviceToken: operands[0] ?? 'ab'.repeat(32),
  payload: { aps: { alert: 'Hello', sound: 'default' } },
  context: { user: 42 },
};

const delivery =
  target.wire === 'binary' ? createBinaryDelivery(target.gateway) : createHttp2Delivery(target.http2);
await pipeline(Readable.from([notification]), delivery, async (outcomes) => {
  for await (const outcome of outcomes) {
    console.log(outcome.status, outcome.reason ?? '', outcome.context);
    // Not part of the JSON: the very object that was written.
    console.log(outcome.notification === notification);
  }
});
await target.close();
