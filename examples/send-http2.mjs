/**
 * Sends over HTTP/2, the protocol of Apple's servers. Notifications and outcomes are the same as over the binary
 * protocol. But every notification gets its own response, and a provider token can replace the certificate.
 *
 *     node examples/send-http2.mjs [DEVICE_TOKEN] [--environment … | --host … --topic ID]
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createHttp2Delivery } from 'apns-streams';
import { encodeTokenFault } from 'apns-streams/simulator';
import { openTarget, operands } from './target.mjs';

const target = await openTarget();
const notification = {
  deviceToken: operands[0] ?? 'ab'.repeat(32),
  payload: { aps: { alert: 'Hello' } },
  pushType: 'alert',
  collapseId: 'greeting', // A later one with the same id takes its place on the device.
};
const notifications = [notification];
if (target.simulator !== undefined) {
  // These device tokens make the simulator reject one notification for good, and another one temporarily.
  notifications.push({ ...notification, deviceToken: encodeTokenFault('reject', 8) });
  notifications.push({ ...notification, deviceToken: encodeTokenFault('temporary', 1) });
  notifications.push({ ...notification, payload: { aps: { alert: 'long '.repeat(1000) } } });
}

await pipeline(Readable.from(notifications), createHttp2Delivery(target.http2), async (outcomes) => {
  for await (const { status, statusCode = '', reason, message = '', attempts } of outcomes) {
    console.log(
      status,
      statusCode,
      reason ?? message,
      attempts === undefined ? '' : `(sent ${attempts} times)`,
    );
  }
});
await target.close();
