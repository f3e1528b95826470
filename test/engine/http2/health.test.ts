/** Connections that are sick while others work: what becomes of notifications, and what the sick one gets to see. */
import { expect, onTestFinished, test } from 'vitest';
import { Http2ErrorCode } from '../../../src/protocol/http2/error-code.js';
import { createHttp2Sink, type Http2SinkOptions } from '../../../src/sinks/http2-sink.js';
import { until } from '../../support/frames.js';
import {
  type RawGateway,
  type RawScript,
  settingsFrame,
  startRawGateway,
} from '../../support/http2-raw-gateway.js';
import { type Answer, notifications, type Sent, sendAll, statuses } from '../../support/http2-sending.js';

const ERROR = '{"reason":"InternalServerError"}';

const SICK: Readonly<Record<string, Answer>> = {
  'answers 500 to everything': (peer, request) => peer.respond(request, 500, ERROR),
  'answers 503 Shutdown to everything': (peer, request) =>
    peer.respond(request, 503, '{"reason":"Shutdown"}'),
  'refuses every stream': (peer, { streamId }) => peer.reset(streamId, Http2ErrorCode.REFUSED_STREAM),
  'resets every stream': (peer, { streamId }) => peer.reset(streamId, Http2ErrorCode.INTERNAL_ERROR),
  'answers PING and no request': () => {},
};

/** A gateway whose first connections, or all, are sick in the given way. */
function startSick(how: Answer, sickConnections = 1, script: RawScript = {}): Promise<RawGateway> {
  return startRawGateway({
    ...script,
    onRequest(peer, request) {
      if (peer.index < sickConnections) how(peer, request);
      else peer.respond(request, 200);
    },
  });
}

/** Sends 10 notifications, and 20 more when these are settled. */
async function sendTwice(options: Http2SinkOptions): Promise<{ first: Sent; second: Sent }> {
  const sink = createHttp2Sink({ backoff: { initialMs: 1, maxMs: 20, attempts: 4 }, ...options });
  onTestFinished(() => void sink.destroy());
  const outcomes: Sent['outcomes'][number][] = [];
  sink.outcomes.on('data', (outcome) => outcomes.push(outcome));
  for (const notification of notifications(10)) sink.write(notification);
  await until(() => outcomes.length === 10);
  const first = { outcomes: outcomes.splice(0), counts: { ...sink.counts }, error: undefined };
  for (const notification of notifications(20)) sink.write(notification);
  await until(() => outcomes.length === 20);
  return { first, second: { outcomes, counts: { ...sink.counts }, error: undefined } };
}

for (const connections of [1, 2]) {
  for (const [name, how] of Object.entries(SICK)) {
    test(`replaces a first connection that ${name}, with connections: ${connections}`, async () => {
      const gateway = await startSick(how);
      const { second } = await sendTwice({ ...gateway.options, connections, timeoutMs: 900 });
      expect(statuses(second)).toEqual(Array(20).fill('accepted'));
      expect(gateway.peers[0]!.requests.length).toBeLessThanOrEqual(16);
      expect(gateway.peers.length).toBeLessThanOrEqual(connections + 2);
    });
  }

  test(`replaces a first connection that never returns window, with connections: ${connections}`, async () => {
    const gateway = await startRawGateway({
      onConnection(peer) {
        // The stream windows are wide; only that of the first connection is never given back.
        peer.send(settingsFrame({ initialWindowSize: 2 ** 20 }));
        if (peer.index > 0) peer.send({ type: 'WINDOW_UPDATE', streamId: 0, increment: 2 ** 20 });
      },
    });
    const sent = await sendAll(
      { ...gateway.options, connections, timeoutMs: 1500 },
      notifications(100, `"${'x'.repeat(4000)}"`),
    );
    expect(sent.counts).toMatchObject({ accepted: 100 });
  });
}

test('accepts everything when 20 are written at once to a first connection that answers 500, Shutdown or refuses', async () => {
  for (const name of [
    'answers 500 to everything',
    'answers 503 Shutdown to everything',
    'refuses every stream',
  ]) {
    const gateway = await startSick(SICK[name]!);
    const sent = await sendAll(gateway.options, notifications(20));
    expect([name, ...statuses(sent)]).toEqual([name, ...Array(20).fill('accepted')]);
    expect(gateway.peers[0]!.requests.length).toBeLessThanOrEqual(12);
  }
});

test('loses the first few of 20 that are written at once to a connection that resets every stream', async () => {
  const gateway = await startSick(SICK['resets every stream']!);
  const sent = await sendAll(gateway.options, notifications(20));
  expect(sent.counts.accepted).toBeGreaterThanOrEqual(8);
  expect(sent.counts.accepted + sent.counts.unknown).toBe(20);
  expect(gateway.peers[0]!.requests.length).toBe(sent.counts.unknown);
});

test('replaces a connection that was healthy and then answers 500 to everything', async () => {
  let isSick = false;
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      if (isSick && peer.index === 0) peer.respond(request, 500, ERROR);
      else peer.respond(request, 200);
    },
  });
  const sink = createHttp2Sink(gateway.options);
  onTestFinished(() => void sink.destroy());
  for (const notification of notifications(50)) sink.write(notification);
  await until(() => sink.counts.accepted === 50);
  isSick = true;
  for (const notification of notifications(50)) sink.write(notification);
  await until(() => sink.counts.accepted === 100);
  expect(gateway.peers.length).toBe(2);
});

test('keeps a connection on which one notification fails again and again, and the others succeed', async () => {
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      if (request.deviceToken.endsWith('00')) peer.respond(request, 500, ERROR);
      else peer.respond(request, 200);
    },
  });
  const sent = await sendAll({ ...gateway.options, timeoutMs: 1000 }, notifications(200));
  expect(sent.counts).toMatchObject({ accepted: 199, rejected: 1 });
  expect(sent.outcomes[0]).toMatchObject({ status: 'rejected', statusCode: 500 });
});

test('dials no faster than the backoff allows when every connection is sick', async () => {
  for (const [name, how] of Object.entries(SICK).slice(0, 4)) {
    const gateway = await startSick(how, Number.POSITIVE_INFINITY);
    const sink = createHttp2Sink({
      ...gateway.options,
      timeoutMs: 1200,
      backoff: { initialMs: 100, maxMs: 10_000, attempts: 2 },
    });
    onTestFinished(() => void sink.destroy());
    for (const notification of notifications(200)) sink.write(notification);
    await until(() => sink.counts.rejected + sink.counts.unsent + sink.counts.unknown === 200);
    // Delays are drawn from 0 to 100, 200, 400, 800, … ms: a storm would be hundreds of connections.
    expect([name, gateway.peers.length <= 16]).toEqual([name, true]);
    expect([name, sink.errored]).toEqual([name, null]);
    expect(Math.max(...gateway.peers.map(({ requests }) => requests.length))).toBeLessThanOrEqual(64);
  }
});

test('sends again elsewhere, when asked to, what a connection that answers nothing has taken', async () => {
  const gateway = await startSick(() => {});
  const sent = await sendAll({ ...gateway.options, timeoutMs: 1500, onUnknown: 'resend' }, notifications(8));
  expect(statuses(sent)).toEqual(Array(8).fill('accepted'));
});

test('goes on with a connection that was slow and answers again', async () => {
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      if (peer.requests.length > 1 || peer.index > 0) peer.respond(request, 200);
      else setTimeout(() => peer.respond(request, 200), 500);
    },
  });
  const sent = await sendAll({ ...gateway.options, timeoutMs: 1200 }, notifications(1));
  expect(statuses(sent)).toEqual(['accepted']);
  expect(gateway.peers).toHaveLength(1);
});

test('opens another connection beside a first one that allows no stream at all', async () => {
  const gateway = await startRawGateway({
    onConnection: (peer) => peer.send(settingsFrame(peer.index === 0 ? { maxConcurrentStreams: 0 } : {})),
  });
  const sent = await sendAll({ ...gateway.options, timeoutMs: 1500 }, notifications(10));
  expect(statuses(sent)).toEqual(Array(10).fill('accepted'));
  expect(gateway.peers.map(({ requests }) => requests.length)).toEqual([0, 10]);
});

test('waits for a connection that allows no stream at first, without another one', async () => {
  const gateway = await startRawGateway({
    onConnection(peer) {
      peer.send(settingsFrame({ maxConcurrentStreams: 0 }));
      setTimeout(() => peer.send(settingsFrame({ maxConcurrentStreams: 100 })), 100);
    },
  });
  const sent = await sendAll({ ...gateway.options, timeoutMs: 6000 }, notifications(10));
  expect(statuses(sent)).toEqual(Array(10).fill('accepted'));
  expect(gateway.peers).toHaveLength(1);
});

test('opens another connection beside a first one that sends no SETTINGS, long before it gives that one up', async () => {
  const gateway = await startRawGateway({
    onConnection: (peer) => void (peer.index > 0 && peer.send(settingsFrame({}))),
  });
  const sent = await sendAll(
    { ...gateway.options, timeoutMs: 1500, connectTimeoutMs: 10_000 },
    notifications(5),
  );
  expect(statuses(sent)).toEqual(Array(5).fill('accepted'));
});

for (const [name, how, most] of [
  ['resets two of three streams', (peer, { streamId }) => peer.reset(streamId, 2), 64],
  ['answers every second request with 500', (peer, request) => peer.respond(request, 500, ERROR), 0],
] as [string, Answer, number][]) {
  test(`replaces a first connection that ${name}`, async () => {
    const every = most > 0 ? 3 : 2;
    const gateway = await startRawGateway({
      onRequest(peer, request) {
        const n = peer.requests.length;
        if (peer.index === 0 && n % every > 0) how(peer, request);
        else peer.respond(request, 200);
      },
    });
    const sink = createHttp2Sink({
      ...gateway.options,
      timeoutMs: 5000,
      window: { count: 20 },
      highWaterMark: 1,
    });
    onTestFinished(() => void sink.destroy());
    for (const notification of notifications(400)) sink.write(notification);
    await until(() => sink.counts.accepted + sink.counts.unknown + sink.counts.rejected === 400);
    expect(sink.counts.unknown).toBeLessThanOrEqual(most);
    expect(sink.counts.rejected).toBe(0);
    expect(gateway.peers.length).toBeGreaterThanOrEqual(2);
    expect(gateway.peers[0]!.requests.length).toBeLessThan(200);
  });
}

test('leaves a connection that returns its window byte by byte', async () => {
  const gateway = await startRawGateway({
    onConnection(peer) {
      peer.send(settingsFrame({ initialWindowSize: 2 ** 20 }));
      if (peer.index > 0) {
        peer.send({ type: 'WINDOW_UPDATE', streamId: 0, increment: 2 ** 24 });
        return;
      }
      const timer = setInterval(() => peer.send({ type: 'WINDOW_UPDATE', streamId: 0, increment: 1 }), 20);
      peer.socket.once('close', () => clearInterval(timer));
    },
  });
  const sent = await sendAll(
    { ...gateway.options, timeoutMs: 2000 },
    notifications(40, `"${'x'.repeat(4000)}"`),
  );
  expect(sent.counts.accepted).toBe(40);
});

test('stays with a connection that lets each body through slowly', async () => {
  const gateway = await startRawGateway({
    settings: { initialWindowSize: 100 },
    onHeaders(peer, { streamId }) {
      const timer = setInterval(() => {
        if (peer.requests.some((it) => it.streamId === streamId && (it.isComplete || it.isReset)))
          clearInterval(timer);
        else peer.send({ type: 'WINDOW_UPDATE', streamId, increment: 100 });
      }, 60);
      peer.socket.once('close', () => clearInterval(timer));
    },
  });
  // 1,500 bytes take 0.9 s, and without an answer a connection is stalled after 0.7 s.
  const sent = await sendAll(
    { ...gateway.options, timeoutMs: 2100 },
    notifications(5, `"${'x'.repeat(1500)}"`),
  );
  expect(statuses(sent)).toEqual(Array(5).fill('accepted'));
  expect(sent.counts.resent).toBe(0);
});

test('goes on after more connections than backoff allows attempts, when each of them ended by GOAWAY', async () => {
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      if (peer.index >= 8) peer.respond(request, 200);
      else if (peer.requests.length === 1) {
        peer.goaway(0);
        peer.socket.end();
      }
    },
  });
  const sent = await sendAll({ ...gateway.options, timeoutMs: 5000 }, notifications(3));
  expect(statuses(sent)).toEqual(Array(3).fill('accepted'));
});
