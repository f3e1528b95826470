/**
 * Adds your own Transform to a pipeline. It drops notifications to the devices of a list, lets the others expire after
 * an hour, and records their campaign in `context`.
 *
 *     node examples/own-transform.mjs [--environment … | --wire binary …]
 */
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  createBinaryDelivery,
  createFrameEncoder,
  createHttp2Delivery,
  createNdjsonParser,
} from 'apns-streams';
import { openTarget } from './target.mjs';

const [ALICE, BOB, CAROL] = ['aa', 'bb', 'cc'].map((byte) => byte.repeat(32));
const optedOut = new Set([BOB]);

const personalize = new Transform({
  objectMode: true,
  transform(notification, _encoding, callback) {
    if (optedOut.has(notification.deviceToken)) {
      callback();
      return;
    }
    // Change the notification in place, because a copy would lose its line number.
    notification.expiration = new Date(Date.now() + 3600 * 1000);
    notification.context = { campaign: 'autumn' };
    callback(null, notification);
  },
});

const input = [ALICE, BOB, CAROL].map((deviceToken) => ({ deviceToken, payload: { aps: { badge: 1 } } }));
const ndjson = Readable.from(input.map((notification) => `${JSON.stringify(notification)}\n`));

const target = await openTarget();
const delivery =
  target.wire === 'binary' ? createBinaryDelivery(target.gateway) : createHttp2Delivery(target.http2);
await pipeline(ndjson, createNdjsonParser(), personalize, delivery, async (outcomes) => {
  for await (const { line, status, context } of outcomes) console.log(line, status, context.campaign);
});
await target.close();

// You can combine the same parts with others: this pipeline prints the bytes of the binary protocol.
const frames = createFrameEncoder();
frames.end({ deviceToken: ALICE, payload: { aps: { badge: 1 } }, expiration: 0 });
for await (const bytes of frames) console.log(bytes.toString('hex'));
