// apn 1.7.8, unmodified; it says "transmitted" for every notification that it has written.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Connection, Device, Notification } = createRequire(import.meta.url)('apn');

export async function prepare({ input, host, port, tls }, progress) {
  const lines = readFileSync(input, 'utf8').split('\n');
  return (count) =>
    new Promise((resolve, reject) => {
      const connection = new Connection({ address: host, port, ca: [tls.ca], cert: tls.cert, key: tls.key });
      let transmitted = 0;
      progress.count = () => transmitted;
      connection.on('error', reject).on('transmissionError', (code) => reject(new Error(`Error ${code}`)));
      connection.on('transmitted', () => {
        if (++transmitted === count) resolve();
      });
      for (let index = 0; index < count; index++) {
        const { deviceToken, payload } = JSON.parse(lines[index]);
        connection.pushNotification(new Notification(payload), new Device(deviceToken));
      }
    });
}
