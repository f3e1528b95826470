// @parse/node-apn, with 500 notifications under way.
import apn from '@parse/node-apn';
import { createNotification } from '../harness/input.mjs';
import { sendAll } from './in-flight.mjs';

export async function prepare({ host, port, tls, providerToken, topic }, progress) {
  return async (count) => {
    const provider = new apn.Provider({ token: providerToken, address: host, port, ca: tls.ca });
    let sent = 0;
    progress.count = () => sent;
    await sendAll(count, 500, async (index) => {
      const { deviceToken, payload } = createNotification(index);
      const { aps, ...custom } = payload;
      const notification = new apn.Notification({ aps, payload: custom, topic, pushType: 'alert' });
      const { failed } = await provider.send(notification, deviceToken);
      if (failed.length > 0) throw failed[0].error ?? new Error(`Error ${failed[0].status}`);
      sent++;
    });
    await provider.shutdown();
  };
}
