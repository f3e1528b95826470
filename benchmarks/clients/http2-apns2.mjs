// apns2, with 500 notifications under way. Its port is fixed, so it is given a pool for the server's own, with
// the options it would choose.
import { ApnsClient, Notification } from 'apns2';
import { Pool } from 'undici';
import { createNotification } from '../harness/input.mjs';
import { sendAll } from './in-flight.mjs';

export async function prepare({ host, port, tls, providerToken, topic }, progress) {
  const { key: signingKey, keyId, teamId: team } = providerToken;
  return async (count) => {
    const client = new ApnsClient({ team, keyId, signingKey, defaultTopic: topic });
    await client.client.close();
    client.client = new Pool(`https://${host}:${port}`, {
      connections: 32,
      pipelining: 1,
      allowH2: true,
      maxConcurrentStreams: 100,
      connect: { ca: tls.ca },
    });
    let sent = 0;
    progress.count = () => sent;
    await sendAll(count, 500, async (index) => {
      const { deviceToken, payload } = createNotification(index);
      const { alert, badge, sound } = payload.aps;
      await client.send(
        new Notification(deviceToken, { alert, badge, sound, data: { order: payload.order } }),
      );
      sent++;
    });
    await client.close();
  };
}
