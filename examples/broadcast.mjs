/**
 * Makes a channel, sends one notification to everybody who listens to it (iOS 18, Live Activities), and deletes
 * it again. A broadcast goes through the same delivery as everything else: `channelId` in place of `deviceToken`.
 *
 *     node examples/broadcast.mjs [--environment … | --host … --topic ID]
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ChannelError, createChannelManager, createHttp2Delivery } from 'apns-streams';
import { openTarget } from './target.mjs';

const target = await openTarget();
const channels = createChannelManager(target.http2);

const channelId = await channels.create({ storesMessages: true });
console.log('channels:', (await channels.list()).length, await channels.read(channelId));

// The app starts its Live Activities with this id: `Activity.request(…, pushType: .channel(channelId))`.
const now = Math.floor(Date.now() / 1000);
const update = (score) => ({
  channelId,
  payload: { aps: { timestamp: now, event: 'update', 'content-state': { score } } },
  expiration: now + 3600, // The channel stores the latest message; without storing this must be 0 or absent.
  priority: 10,
});
await pipeline(
  Readable.from([update('1:0'), update('1:1')]),
  createHttp2Delivery(target.http2),
  async (outcomes) => {
    for await (const { status, reason = '', notification } of outcomes) {
      console.log(status, reason, notification.payload.aps['content-state']);
    }
  },
);

await channels.delete(channelId);
try {
  await channels.read(channelId);
} catch (error) {
  if (!(error instanceof ChannelError)) throw error;
  console.log(error.code, error.statusCode, error.reason);
}
await channels.close();
await target.close();
