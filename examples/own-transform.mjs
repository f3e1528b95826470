/**
 * A Transform of your own in the middle of a pipeline: it drops the devices of a list, gives every
 * notification an hour to live, and remembers which campaign it belonged to.
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
    // Changed in place, not copied: a copy would no longer know its line.
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

// The same parts fit other ends: these are the bytes that go over the binary wire.
const frames = createFrameEncoder();
frames.end({ deviceToken: ALICE, payload: { aps: { badge: 1 } }, expiration: 0 });
for await (const bytes of frames) console.log(bytes.toString('hex'));
