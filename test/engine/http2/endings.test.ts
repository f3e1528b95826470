/** How gateways end connections, and how little of a gateway there can be: what becomes of each. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { Http2ErrorCode } from '../../../src/protocol/http2/error-code.js';
import type { Http2Frame } from '../../../src/protocol/http2/frame.js';
import { createHttp2Sink } from '../../../src/sinks/http2-sink.js';
import { until } from '../../support/frames.js';
import { dataFrame, type RawPeer, settingsFrame, startRawGateway } from '../../support/http2-raw-gateway.js';
import { type Answer, notifications, sendAll, statuses, tokenOf } from '../../support/http2-sending.js';

test('goes to a new connection after GOAWAY before SETTINGS, with JSON, text and nothing in it', async () => {
  const data = ['{"reason":"Shutdown"}', 'too_many_pings', ''];
  const gateway = await startRawGateway({
    onConnection(peer) {
      if (peer.index < 3) peer.goaway(0, 0, data[peer.index]);
      else peer.send(settingsFrame({}));
    },
  });
  expect(statuses(await sendAll(gateway.options, notifications(2)))).toEqual(['accepted', 'accepted']);
  expect(gateway.peers).toHaveLength(4);
});

test('fails after a few connections that all say GOAWAY, even when the input has ended, with the reason', async () => {
  const gateway = await startRawGateway({
    onConnection: (peer) => peer.goaway(0, Http2ErrorCode.ENHANCE_YOUR_CALM, '{"reason":"Forbidden"}'),
  });
  const sent = await sendAll(gateway.options, notifications(2));
  expect(sent.error).toMatchObject({ code: 'APNS_ERR_HTTP2_PROTOCOL' });
  expect(sent.error!.message).toContain('Forbidden');
  expect(statuses(sent)).toEqual(['unsent Http2Protocol', 'unsent Http2Protocol']);
  expect(gateway.peers).toHaveLength(5);
});

test('fails after a few connections that are closed at once, even when the input has ended', async () => {
  const gateway = await startRawGateway({
    onConnection: (peer) => void setImmediate(() => peer.socket.end()),
  });
  const sent = await sendAll(gateway.options, notifications(2));
  expect(sent.error).toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
  expect(gateway.peers).toHaveLength(5);
});

test('counts two GOAWAYs without SETTINGS in one chunk as one connection', async () => {
  const gateway = await startRawGateway({
    onConnection(peer) {
      const goaway: Http2Frame = {
        type: 'GOAWAY',
        lastStreamId: 0,
        errorCode: 0,
        debugData: Buffer.alloc(0),
      };
      if (peer.index < 4) peer.send(goaway, goaway, goaway, settingsFrame({}), goaway);
      else peer.send(settingsFrame({}));
    },
  });
  expect((await sendAll(gateway.options, notifications(1))).counts.accepted).toBe(1);
});

/** Collects `count` requests on the first connection, then does something with them. */
function collect(count: number, then: (peer: RawPeer) => void): Answer {
  return (peer, request) => {
    if (peer.index > 0) peer.respond(request, 200);
    else if (peer.requests.filter(({ isComplete }) => isComplete).length === count) then(peer);
  };
}

test('replays what lies above the least of three falling GOAWAYs, each of them once', async () => {
  const gateway = await startRawGateway({
    onRequest: collect(10, (peer) => {
      peer.goaway(2 ** 31 - 1);
      peer.goaway(9);
      peer.goaway(5);
      for (const request of peer.requests.slice(0, 3)) peer.respond(request, 200);
    }),
  });
  const sent = await sendAll(gateway.options, notifications(10));
  expect(sent.counts).toMatchObject({ accepted: 10, resent: 7 });
  expect(gateway.peers.map(({ requests }) => requests.length)).toEqual([10, 7]);
});

test('takes no notice of a GOAWAY that names more than the one before', async () => {
  const gateway = await startRawGateway({
    onRequest: collect(4, (peer) => {
      peer.goaway(3);
      peer.goaway(2 ** 31 - 1);
      for (const request of peer.requests.slice(0, 2)) peer.respond(request, 200);
    }),
  });
  const sent = await sendAll(gateway.options, notifications(4));
  expect(sent.counts).toMatchObject({ accepted: 4, resent: 2 });
});

test('replays everything after GOAWAY with 0, and waits for everything after 2^31-1', async () => {
  const none = await startRawGateway({ onRequest: collect(4, (peer) => peer.goaway(0)) });
  expect((await sendAll(none.options, notifications(4))).counts).toMatchObject({ accepted: 4, resent: 4 });
  const all = await startRawGateway({
    onRequest: collect(4, (peer) => {
      peer.goaway(2 ** 31 - 1);
      for (const request of peer.requests) peer.respond(request, 200);
    }),
  });
  expect((await sendAll(all.options, notifications(4))).counts).toMatchObject({ accepted: 4, resent: 0 });
});

test('never sends again by itself what GOAWAY named and nobody answered', async () => {
  const gateway = await startRawGateway({
    onRequest: collect(6, (peer) => {
      peer.goaway(5);
      peer.socket.end();
    }),
  });
  const sent = await sendAll(gateway.options, notifications(6));
  expect(statuses(sent)).toEqual([...Array(3).fill('unknown ConnectionLost'), ...Array(3).fill('accepted')]);
  const seen = gateway.requests.map(({ deviceToken }) => deviceToken);
  expect(seen.filter((token) => token === tokenOf(0))).toHaveLength(1);
});

test('sends it again when asked to, under the same apns-id', async () => {
  const gateway = await startRawGateway({ onRequest: collect(3, (peer) => void peer.socket.end()) });
  const sent = await sendAll({ ...gateway.options, onUnknown: 'resend' }, notifications(3));
  expect(sent.counts).toMatchObject({ accepted: 3, resent: 3 });
  const ids = gateway.requests.map(({ deviceToken, headers }) => `${deviceToken} ${headers['apns-id']}`);
  expect(new Set(ids).size).toBe(3);
});

test('slows down for a gateway that refuses for ever, and gives up at the deadline', async () => {
  const gateway = await startRawGateway({ onRequest: (peer, { streamId }) => peer.reset(streamId, 7) });
  const sent = await sendAll({ ...gateway.options, timeoutMs: 1000 }, notifications(3));
  // One that is in flight at its deadline is unknown: the refusal may still be on its way.
  for (const status of statuses(sent)) expect(status).toMatch(/^(unsent|unknown) DeadlineExceeded$/);
  expect(gateway.requests.length).toBeLessThan(100);
});

test('slows down likewise where lost streams are sent again', async () => {
  const gateway = await startRawGateway({ onRequest: (peer, { streamId }) => peer.reset(streamId, 2) });
  const sent = await sendAll({ ...gateway.options, timeoutMs: 1000, onUnknown: 'resend' }, notifications(3));
  expect(statuses(sent)).toEqual(Array(3).fill('unknown StreamInternalError'));
  expect(gateway.requests.length).toBeLessThan(100);
});

test('opens only so many connections to a gateway that leaves each after one request', async () => {
  const gateway = await startRawGateway({ onRequest: (peer, { streamId }) => peer.goaway(streamId) });
  const sent = await sendAll({ ...gateway.options, timeoutMs: 500 }, notifications(200));
  expect(sent.outcomes).toHaveLength(200);
  expect(sent.counts.accepted).toBe(0);
  expect(gateway.peers.length).toBeLessThan(40);
});

test.each([
  ['no ALPN', 'APNS_ERR_NOT_HTTP2', { ALPNProtocols: [] }],
  ['other protocols in ALPN', 'APNS_ERR_NOT_HTTP2', { ALPNProtocols: ['http/1.1'] }],
])('fails at once for a peer with %s', async (_name, code, tls) => {
  const gateway = await startRawGateway({ tls });
  const sent = await sendAll(gateway.options, notifications(2));
  expect(sent.error).toMatchObject({ code });
  expect(statuses(sent)).toEqual(Array(2).fill('unsent NotHttp2'));
});

test('fails at once for a peer that speaks HTTP/1.1, whatever it said in ALPN', async () => {
  const gateway = await startRawGateway({
    onConnection: (peer) => peer.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'),
  });
  const sent = await sendAll(gateway.options, notifications(2));
  expect(sent.error).toMatchObject({ code: 'APNS_ERR_NOT_HTTP2' });
});

test('gives up a peer that says nothing, within its time for connecting', async () => {
  const gateway = await startRawGateway({ onConnection: () => {} });
  const sent = await sendAll(
    { ...gateway.options, connectTimeoutMs: 400, backoff: { initialMs: 1, attempts: 1 } },
    notifications(2),
  );
  expect(sent.error).toMatchObject({ code: 'APNS_ERR_TIMEOUT' });
  expect(gateway.peers).toHaveLength(2);
});

test('gives up a connection that does not answer PING, and goes on with another', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  let pings = 0;
  const gateway = await startRawGateway({
    onPing: () => pings++,
    onRequest: (peer, request) => peer.index > 0 && peer.respond(request, 200),
  });
  const options = { ...gateway.options, timeoutMs: 600_000, pingTimeoutMs: 3000, window: { count: 1 } };
  const sending = sendAll({ ...options, highWaterMark: 1 }, notifications(2));
  await vi.waitFor(() => expect(gateway.requests).toHaveLength(1));
  vi.advanceTimersByTime(10_100);
  await vi.waitFor(() => expect(pings).toBe(1));
  vi.advanceTimersByTime(3100);
  // The timer of the next attempt to connect is set after a poll phase; waiting moves the clock on.
  await vi.waitFor(() => expect(gateway.peers).toHaveLength(2));
  expect(statuses(await sending)).toEqual(['unknown Timeout', 'accepted']);
  expect(gateway.peers).toHaveLength(2);
});

test('waits for nothing from a gateway that has ended while this side still holds bytes', async () => {
  const gateway = await startRawGateway({
    onConnection(peer) {
      if (peer.index > 0) {
        peer.send(settingsFrame({}));
        return;
      }
      // So much that it fills every buffer on the way, none of which is read.
      peer.isTrusted = false;
      peer.send(settingsFrame({ initialWindowSize: 2 ** 30, maxConcurrentStreams: 2000 }), {
        type: 'WINDOW_UPDATE',
        streamId: 0,
        increment: 2 ** 30,
      });
      peer.socket.pause();
      setTimeout(() => peer.socket.end(), 300);
    },
  });
  const sink = createHttp2Sink({ ...gateway.options, window: { count: 2000 } });
  const startedAt = performance.now();
  for (const notification of notifications(2000, `"${'x'.repeat(4000)}"`)) sink.write(notification);
  await until(() => sink.counts.unknown > 0);
  expect(performance.now() - startedAt).toBeLessThan(5000);
  sink.destroy();
});

test('asks a connection that was idle, too, whether it is there when it does not answer', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  let pings = 0;
  const gateway = await startRawGateway({
    onPing: () => pings++,
    onRequest(peer, request) {
      if (peer.requests.length === 1) peer.respond(request, 200);
    },
  });
  const sink = createHttp2Sink(gateway.options);
  const [first, second] = notifications(2);
  sink.write(first!);
  await until(() => sink.counts.accepted === 1);
  // Nobody waits for anything, so the next look at the connection is a minute away.
  vi.advanceTimersByTime(20_000);
  sink.write(second!);
  await until(() => gateway.requests.length === 2);
  vi.advanceTimersByTime(10_000);
  await until(() => pings === 1);
  sink.destroy();
});

test('leaves a connection on which provider tokens change too often, keeping the token', async () => {
  const gateway = await startRawGateway({
    settings: { maxConcurrentStreams: 3 },
    onRequest(peer, request) {
      if (peer.index > 0) peer.respond(request, 200);
      else peer.respond(request, 429, '{"reason":"TooManyProviderTokenUpdates"}');
    },
  });
  const sent = await sendAll(gateway.options, notifications(10));
  expect(sent.counts).toMatchObject({ accepted: 10, resent: 3 });
  expect(gateway.peers).toHaveLength(2);
});

test('loses no time over what comes behind the answer that a connection is left for', async () => {
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      if (peer.index > 0) {
        peer.respond(request, 200);
        return;
      }
      peer.isTrusted = false;
      const body = Buffer.from('{"reason":"TooManyProviderTokenUpdates"}');
      const { streamId } = request;
      // In one write: the answer, and DATA on a stream that was never opened.
      peer.send(
        peer.headers(streamId, [[':status', '429']], false),
        dataFrame(streamId, body),
        dataFrame(99, body),
      );
    },
  });
  const sentAt = performance.now();
  const sent = await sendAll({ ...gateway.options, backoff: { initialMs: 1 } }, notifications(1));
  expect(statuses(sent)).toEqual(['accepted']);
  expect(performance.now() - sentAt).toBeLessThan(5000);
});

test('goes on with the connection it has where a further one cannot be had', async () => {
  const gateway = await startRawGateway({
    onConnection(peer) {
      if (peer.index > 0) peer.raw.destroy();
      else peer.send(settingsFrame({ maxConcurrentStreams: 1 }));
    },
    onRequest: (peer, request) => void setTimeout(() => peer.respond(request, 200), 300),
  });
  const backoff = { initialMs: 1, attempts: 2 };
  const sent = await sendAll({ ...gateway.options, connections: 2, backoff }, notifications(4));
  expect(sent.error).toBeUndefined();
  expect(statuses(sent)).toEqual(Array(4).fill('accepted'));
  // Answers come so slowly that every attempt is used up meanwhile.
  expect(gateway.peers.length).toBeGreaterThan(3);
});

test('does not hurry from connection to connection where that is said on each', async () => {
  const gateway = await startRawGateway({
    settings: { maxConcurrentStreams: 1 },
    onRequest: (peer, request) => peer.respond(request, 429, '{"reason":"TooManyProviderTokenUpdates"}'),
  });
  const sent = await sendAll(gateway.options, notifications(1000));
  expect(sent.error).toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
  expect(sent.counts).toMatchObject({ accepted: 0, unknown: 0 });
  expect(gateway.peers).toHaveLength(5);
});

test.each([
  // SETTINGS_MAX_FRAME_SIZE of 100
  ['settings that are not allowed', '000006 04 00 00000000 0005 00000064', 'APNS_ERR_HTTP2_PROTOCOL'],
  ['something else than HTTP/2', '485454502f312e3120343030', 'APNS_ERR_NOT_HTTP2'],
])('says which peer sends %s, and what to do', async (_what, hex, code) => {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const gateway = await startRawGateway({ onConnection: (peer) => peer.write(bytes) });
  const { error } = await sendAll({ ...gateway.options, backoff: { attempts: 0 } }, notifications(1));
  expect(error).toMatchObject({ code });
  expect(error!.message).toContain(`${gateway.options.host}:${gateway.options.port}`);
  expect(error!.message).toContain('check host and port');
});
