/**
 * Sends one notification and prints its outcome.
 *
 *     node examples/send-one.mjs [DEVICE_TOKEN] [--environment sandbox --provider-key FILE … | --wire binary …]
 *
 * target.mjs lists all options.
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
    // An outcome also has the notification object that was written, which its JSON omits.
    console.log(outcome.notification === notification);
  }
});
await target.close();
