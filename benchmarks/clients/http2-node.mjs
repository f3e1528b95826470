// One session of node:http2 with `inFlight` requests under way.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { createNotification } from '../harness/input.mjs';

export async function prepare({ host, port, tls, bearer, topic, inFlight = 500 }, progress) {
  return async (count) => {
    const session = connect(`https://${host}:${port}`, { ca: tls.ca });
    await once(session, 'connect');
    let next = 0;
    let answered = 0;
    progress.count = () => answered;
    await new Promise((resolve, reject) => {
      session.once('error', reject);
      const send = () => {
        const { deviceToken, payload } = createNotification(next++);
        const stream = session.request({
          ':method': 'POST',
          ':path': `/3/device/${deviceToken}`,
          authorization: `bearer ${bearer}`,
          'apns-topic': topic,
          'apns-push-type': 'alert',
        });
        stream.on('response', (headers) => {
          if (headers[':status'] !== 200) reject(new Error(`Error ${headers[':status']}`));
        });
        stream.on('error', reject);
        stream.on('end', () => {
          answered++;
          if (next < count) send();
          else if (answered === count) resolve();
        });
        stream.resume();
        stream.end(JSON.stringify(payload));
      };
      for (let index = 0; index < Math.min(count, inFlight); index++) send();
    });
    session.close();
    await once(session, 'close');
  };
}
