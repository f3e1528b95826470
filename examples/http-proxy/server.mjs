/**
 * An HTTP-to-APNs proxy: clients POST notifications and receive their outcomes. All requests share one long-lived
 * delivery. A slow gateway slows all clients, but a slow client slows only itself.
 *
 *     node examples/http-proxy/server.mjs [PORT [AGE_MS]] [--environment … | --wire binary …]
 *     curl -d '{"deviceToken":"abcd","payload":{"aps":{"alert":"hi"}}}' \
 *       -H 'content-type: application/json' http://127.0.0.1:8080/notifications
 *     curl -T examples/data/notifications.ndjson -X POST \
 *       -H 'content-type: application/x-ndjson' http://127.0.0.1:8080/notifications
 *
 * It listens on loopback and does not authenticate clients. Put a server in front of it that does.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createBinaryDelivery, createHttp2Delivery } from 'apns-streams';
import { openTarget, operands } from '../target.mjs';
import { answer, handleRequest } from './requests.mjs';
import { SharedDelivery } from './shared-delivery.mjs';

const SHUTDOWN_MS = 10_000;
const [port = '8080', ageMs = '1000'] = operands;

const target = await openTarget();
const limits = { connections: 2, timeoutMs: 10_000, window: { count: 20_000 } };
const shared = new SharedDelivery(() =>
  target.wire === 'binary'
    ? // `accepted` comes only when the gateway has been asked; a client waits about this long for it.
      createBinaryDelivery({
        ...target.gateway,
        ...limits,
        window: { ...limits.window, ageMs: Number(ageMs) },
      })
    : createHttp2Delivery({ ...target.http2, ...limits }),
);

const server = createServer(async (request, response) => {
  try {
    await handleRequest(request, response, shared);
  } catch (error) {
    const isClientsFault = ['APNS_ERR_NOT_NDJSON', 'APNS_ERR_INVALID_NOTIFICATION'].includes(error.code);
    // Once outcomes were sent, only a truncated body can show the client that others are missing.
    if (response.headersSent) response.destroy();
    else answer(response, isClientsFault ? 400 : 503, error.message);
  } finally {
    if (!server.listening) server.closeIdleConnections();
  }
});
server.maxConnections = 1000;
server.requestTimeout = 0; // A stream of notifications may go on for hours,
server.timeout = 120_000; // but not in silence.

const onSignal = async () => {
  server.close();
  const deadline = setTimeout(() => server.closeAllConnections(), SHUTDOWN_MS);
  await once(server, 'close');
  clearTimeout(deadline);
  await shared.close();
  await target.close();
  console.log('stopped');
};
process.once('SIGINT', onSignal).once('SIGTERM', onSignal);

server.listen(Number(port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/notifications`);
});
