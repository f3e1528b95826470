// A client of today, unmodified, in a process of its own.
//
// node client.mjs NAME, with { http2, credentials, notifications } as JSON on stdin. Prints a line of JSON
// for each notification, with its reason if it was rejected, and exits.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import tls from 'node:tls';

const clients = {
  'node-apn': (input, secrets) => {
    const { key, keyId, teamId } = secrets;
    return nodeApn(input, secrets, { token: { key, keyId, teamId } });
  },
  'node-apn with a certificate': (input, secrets) => {
    return nodeApn(input, secrets, { cert: secrets.clientCert, key: secrets.clientKey });
  },
  'node-apn to a channel': async (input, secrets) => {
    const { default: apn } = await import('@parse/node-apn');
    const { key, keyId, teamId, topic } = secrets;
    const provider = nodeApnProvider(apn, input, secrets, { token: { key, keyId, teamId } });
    const channel = new apn.Notification();
    channel.rawPayload = { 'message-storage-policy': 1, 'push-type': 'LiveActivity' };
    const { sent } = await provider.manageChannels(channel, topic, 'create');
    for (const { payload } of input.notifications) {
      const notification = new apn.Notification();
      notification.channelId = sent[0]['apns-channel-id'];
      // Apple demands it of a broadcast; node-apn leaves it out unless it is set.
      notification.expiry = 0;
      notification.rawPayload = payload;
      notification.pushType = 'liveactivity';
      const result = await provider.broadcast(notification, topic);
      for (const { response } of result.failed) report({ ...response });
      for (const _ of result.sent) report({ channelId: notification.channelId });
    }
    await provider.shutdown();
  },
  apns2: async ({ http2, notifications }, { key, keyId, teamId, topic }) => {
    redirectTo(http2);
    const { ApnsClient, Notification } = await import('apns2');
    const client = new ApnsClient({
      host: 'localhost',
      team: teamId,
      keyId,
      signingKey: key,
      defaultTopic: topic,
    });
    const sending = notifications.map(async ({ deviceToken, payload, expiration, priority }) => {
      const options = { aps: payload.aps, expiration, priority };
      try {
        await client.send(new Notification(deviceToken, options));
        report({ deviceToken });
      } catch ({ statusCode, reason }) {
        report({ deviceToken, statusCode, reason });
      }
    });
    await Promise.all(sending);
    await client.close();
  },
};

function nodeApnProvider(apn, { http2 }, { ca }, credentials) {
  return new apn.Provider({
    ...credentials,
    ca: [ca],
    address: http2.host,
    port: http2.port,
    manageChannelsAddress: http2.host,
    manageChannelsPort: http2.port,
  });
}

async function nodeApn(input, secrets, credentials) {
  const { default: apn } = await import('@parse/node-apn');
  const provider = nodeApnProvider(apn, input, secrets, credentials);
  const sending = input.notifications.map(async ({ deviceToken, payload, expiration, priority }) => {
    const notification = new apn.Notification();
    Object.assign(notification, { rawPayload: payload, expiry: expiration, priority, topic: secrets.topic });
    notification.pushType = 'alert';
    const { sent, failed } = await provider.send(notification, deviceToken);
    for (const { device } of sent) report({ deviceToken: device });
    for (const { device, status, response } of failed) {
      report({ deviceToken: device, statusCode: Number(status), reason: response?.reason });
    }
  });
  await Promise.all(sending);
  await provider.shutdown();
}

/** apns2 sends to port 443 and no other, so the way there is turned aside instead of the client. */
function redirectTo({ host, port }) {
  if (port === 443) return;
  const { connect } = tls;
  tls.connect = (options, onSecure) => connect({ ...options, host, port }, onSecure);
}

function report(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function main([name]) {
  const { credentials, ...input } = await json(process.stdin);
  const read = (file) => readFileSync(join(credentials, file), 'utf8');
  const index = JSON.parse(read('credentials.json'));
  await clients[name](input, {
    ...index,
    ca: read('ca.pem'),
    clientCert: read('client-cert.pem'),
    clientKey: read('client-key.pem'),
    key: read(`AuthKey_${index.keyId}.p8`),
  });
}

await main(process.argv.slice(2));
