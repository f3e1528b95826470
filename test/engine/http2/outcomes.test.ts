/** What outcomes say over HTTP/2 beside their status: causes, delays and ids, and which of two attempts counts. */
import { expect, onTestFinished, test } from 'vitest';
import type { Notification } from '../../../src/core/notification.js';
import type { DeliveryOutcome } from '../../../src/core/outcome.js';
import { createHttp2Delivery } from '../../../src/deliveries/delivery.js';
import { createSimulator } from '../../../src/simulator/index.js';
import { createHttp2Sink } from '../../../src/sinks/http2-sink.js';
import { closed, until } from '../../support/frames.js';
import { startRawGateway } from '../../support/http2-raw-gateway.js';
import { answerFirst, notifications, sendAll, statuses, tokenOf } from '../../support/http2-sending.js';
import { unusedPort } from '../../support/loopback.js';

const PAYLOAD = '{"aps":{}}';

test('rejected says how long retry-after asked to wait', async () => {
  const sent = await answerFirst(
    (peer, request) => peer.respond(request, 429, '{"reason":"TooManyRequests"}', [['retry-after', '120']]),
    1,
    { timeoutMs: 5000 },
  );
  expect(sent.outcomes[0]).toMatchObject({
    status: 'rejected',
    statusCode: 429,
    reason: 'TooManyRequests',
    retryAfterMs: 120_000,
  });
});

test('unsent says what the last connection error was', async () => {
  const port = await unusedPort();
  const sent = await sendAll(
    { host: '127.0.0.1', port, tls: {}, timeoutMs: 300, backoff: {} },
    notifications(2),
  );
  for (const { status, reason, message } of sent.outcomes) {
    expect([status, reason]).toEqual(['unsent', 'DeadlineExceeded']);
    expect(message).toContain(`127.0.0.1:${port}`);
    expect(message).toContain('ECONNREFUSED');
  }
});

test('unsent gives the reason of the failure to everything that was written before it and during it', async () => {
  const port = await unusedPort();
  const options = { host: '127.0.0.1', port, tls: {}, backoff: { attempts: 0 }, highWaterMark: 4 };
  const delivery = createHttp2Delivery({ ...options, window: { count: 2 } });
  const outcomes: DeliveryOutcome[] = [];
  delivery.on('error', () => {});
  delivery.on('data', (outcome) => outcomes.push(outcome));
  for (const notification of notifications(12)) delivery.write(notification);
  await closed(delivery);
  expect(outcomes).toHaveLength(12);
  for (const { status, reason, message } of outcomes) {
    expect([status, reason]).toEqual(['unsent', 'ConnectionRefused']);
    expect(message).toContain('ECONNREFUSED');
  }
});

test('unsent says Aborted where a signal ended the sending', async () => {
  const gateway = await startRawGateway({ onConnection: () => {} });
  const abort = new AbortController();
  const delivery = createHttp2Delivery({ ...gateway.options, signal: abort.signal, window: { count: 2 } });
  const outcomes: DeliveryOutcome[] = [];
  delivery.on('error', () => {});
  delivery.on('data', (outcome) => outcomes.push(outcome));
  for (const notification of notifications(6)) delivery.write(notification);
  await until(() => gateway.peers.length === 1);
  abort.abort();
  await closed(delivery);
  expect(outcomes.map(({ status, reason }) => `${status} ${reason}`)).toEqual(
    Array(6).fill('unsent Aborted'),
  );
});

test('stays unknown when a later attempt is rejected, with onUnknown: resend', async () => {
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      if (peer.index > 0) peer.respond(request, 400, '{"reason":"BadDeviceToken"}');
      else if (peer.requests.length === 5) peer.socket.end();
    },
  });
  const sent = await sendAll({ ...gateway.options, onUnknown: 'resend' }, notifications(5));
  expect(statuses(sent)).toEqual(Array(5).fill('unknown ConnectionLost'));
  expect(sent.outcomes.map(({ attempts }) => attempts)).toEqual(Array(5).fill(2));
});

test('counts every notification that is written again as resent, once for each time', async () => {
  const sent = await answerFirst((peer, request) => peer.respond(request, 503, '{"reason":"Shutdown"}'), 1);
  expect(sent.counts).toMatchObject({ accepted: 1, resent: 1 });
});

test('a broadcast carries the id that its outcome names', async () => {
  const gateway = await startRawGateway();
  const sink = createHttp2Sink({ ...gateway.options, topic: 'com.example.app' });
  onTestFinished(() => void sink.destroy());
  const outcomes = sink.outcomes.toArray();
  sink.write({ channelId: 'AAAA', payload: PAYLOAD } as unknown as Notification);
  sink.end();
  const [outcome] = await outcomes;
  expect(outcome!.apnsId).toMatch(/^[0-9a-f-]{36}$/);
  expect(gateway.requests[0]!.headers['apns-request-id']).toBe(outcome!.apnsId);
  expect(gateway.requests[0]!.headers).not.toHaveProperty('apns-id');
});

test('a broadcast without a priority is sent with 10, which APNs demands, and accepted', async () => {
  const simulator = await createSimulator();
  onTestFinished(() => simulator.close());
  const { ca, cert, key, topic } = simulator.credentials;
  const { host, port } = simulator.http2;
  const sink = createHttp2Sink({ host, port, tls: { ca, cert, key }, topic });
  const outcomes = sink.outcomes.toArray();
  const channelId = simulator.channels.create(topic)!;
  sink.write({ channelId, payload: PAYLOAD });
  sink.end();
  expect(await outcomes).toMatchObject([{ status: 'accepted' }]);
  expect([...simulator.accepted]).toMatchObject([{ channelId, priority: 10, expiration: 0 }]);
});

test('a broadcast has the id by which the service traces it, where that is another one', async () => {
  const gateway = await startRawGateway({
    onRequest: (peer, request) => peer.respond(request, 200, undefined, [['apns-request-id', 'trace-me']]),
  });
  const sink = createHttp2Sink({ ...gateway.options, topic: 'com.example.app' });
  const outcomes = sink.outcomes.toArray();
  sink.write({ channelId: 'AAAA', payload: PAYLOAD } as unknown as Notification);
  sink.end();
  expect((await outcomes)[0]).toMatchObject({ status: 'accepted', apnsId: 'trace-me' });
});

test('goes on after TopicMismatch for one broadcast, which is no word about the credentials', async () => {
  const sent = await answerFirst(
    (peer, request) => peer.respond(request, 403, '{"reason":"TopicMismatch"}'),
    3,
  );
  expect(sent.error).toBeUndefined();
  expect(sent.counts).toMatchObject({ accepted: 2, rejected: 1 });
});

test('goes on after a 403 without a reason of APNs, such as that of a web filter', async () => {
  const sent = await answerFirst(
    (peer, request) => peer.respond(request, 403, '<html><h1>Blocked by policy</h1></html>'),
    3,
  );
  expect(sent.error).toBeUndefined();
  expect(statuses(sent)).toEqual(['rejected Unknown', 'accepted', 'accepted']);
});

test('a getter that returns another token each time is read once', async () => {
  let reads = 0;
  const gateway = await startRawGateway();
  const changing = {
    get deviceToken() {
      return tokenOf(++reads);
    },
    payload: PAYLOAD,
    topic: 'com.example.app',
  };
  const sent = await sendAll(gateway.options, [changing]);
  expect(reads).toBe(1);
  expect(gateway.requests.map(({ deviceToken }) => deviceToken)).toEqual([tokenOf(1)]);
  expect(sent.outcomes[0]).toMatchObject({ status: 'accepted', deviceToken: tokenOf(1) });
});

for (const [name, end] of Object.entries({
  destroys: (stream: { destroy(): unknown }) => void stream.destroy(),
  fails: (stream: { destroy(error: Error): unknown }) => void stream.destroy(new Error('on purpose')),
})) {
  test(`a payload whose toJSON ${name} the sink gets one outcome, as all others do`, async () => {
    const gateway = await startRawGateway();
    const sink = createHttp2Sink({ ...gateway.options, topic: 'com.example.app' });
    sink.on('error', () => {});
    const outcomes = sink.outcomes.toArray();
    const [first, second] = notifications(2);
    sink.write(first!);
    sink.write({
      deviceToken: tokenOf(9),
      payload: {
        toJSON() {
          end(sink);
          return { aps: {} };
        },
      } as object,
    });
    sink.write(second!, () => {});
    await closed(sink);
    expect((await outcomes).map(({ status, reason }) => `${status} ${reason}`)).toEqual(
      Array(2).fill('unsent Aborted'),
    );
  });
}

test('a payload whose toJSON aborts the delivery gets one outcome, as all others do', async () => {
  const gateway = await startRawGateway();
  const abort = new AbortController();
  const delivery = createHttp2Delivery({
    ...gateway.options,
    topic: 'com.example.app',
    signal: abort.signal,
  });
  delivery.on('error', () => {});
  const outcomes: DeliveryOutcome[] = [];
  delivery.on('data', (outcome) => outcomes.push(outcome));
  const payload = {
    toJSON() {
      abort.abort();
      return { aps: {} };
    },
  } as object;
  delivery.write({ deviceToken: tokenOf(1), payload: PAYLOAD });
  delivery.write({ deviceToken: tokenOf(2), payload });
  delivery.write({ deviceToken: tokenOf(3), payload: PAYLOAD });
  await closed(delivery);
  expect(outcomes.map(({ deviceToken }) => deviceToken).sort()).toEqual([1, 2, 3].map(tokenOf));
  for (const { status } of outcomes) expect(['unsent', 'unknown']).toContain(status);
});
