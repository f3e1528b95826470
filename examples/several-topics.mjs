/**
 * Uses one delivery for several topics: an app, its calls (VoIP) and its background updates. A provider token is valid
 * for all topics of the team, so all of them share the connections. Each notification names its topic.
 *
 *     node examples/several-topics.mjs [--environment … | --host … --topic ID]
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createHttp2Delivery } from 'apns-streams';
import { openTarget } from './target.mjs';

const target = await openTarget();
const { topic } = target.http2; // That of notifications which name none.
const deviceToken = 'ab'.repeat(32);
const notifications = [
  { deviceToken, payload: { aps: { alert: 'Hello' } }, pushType: 'alert' },
  // Some push types require a topic with a suffix and have their own rules: see docs/rules.md.
  { deviceToken, payload: { call: 17 }, pushType: 'voip', topic: `${topic}.voip`, expiration: 0 },
  { deviceToken, payload: { aps: { 'content-available': 1 } }, pushType: 'background', priority: 5 },
  // This one is invalid: the delivery reports it without sending it.
  { deviceToken, payload: { aps: { 'content-available': 1 } }, pushType: 'background', priority: 10 },
  // This topic belongs to another team, which only the gateway can detect.
  { deviceToken, payload: { aps: { alert: 'Hello' } }, topic: 'com.example.other' },
];

await pipeline(Readable.from(notifications), createHttp2Delivery(target.http2), async (outcomes) => {
  for await (const { status, reason, message = '', notification } of outcomes) {
    console.log(notification.topic ?? topic, notification.pushType, status, reason ?? message);
  }
});
if (target.simulator !== undefined) console.log(`connections: ${target.simulator.counts.connections}`);
await target.close();
