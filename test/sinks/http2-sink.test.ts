import { constants, type ServerHttp2Session } from 'node:http2';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import type { Notification } from '../../src/core/notification.js';
import type { Outcome } from '../../src/core/outcome.js';
import { mintCredentials } from '../../src/simulator/pki/credentials.js';
import { createHttp2Sink, type Http2Sink } from '../../src/sinks/http2-sink.js';
import { type ArrivedRequest, respond, startHttp2Gateway } from '../support/http2-gateway.js';
import { startRawGateway } from '../support/http2-raw-gateway.js';

function token(i: number): string {
  return i.toString(16).padStart(64, '0');
}

function notifications(count: number): Notification[] {
  return Array.from({ length: count }, (_, i) => ({
    deviceToken: token(i),
    payload: { aps: { alert: `nümber ${i}` } },
    topic: 'com.example.app',
    pushType: 'alert',
  }));
}

async function send(sink: Http2Sink, input: Iterable<Notification>): Promise<Outcome[]> {
  const outcomes = sink.outcomes.toArray();
  await pipeline(Readable.from(input), sink);
  return outcomes;
}

test('has every notification accepted, byte for byte', async () => {
  const gateway = await startHttp2Gateway();
  const input = notifications(300);
  const sink = createHttp2Sink(gateway.options);
  const outcomes = await send(sink, input);
  expect(sink.counts).toMatchObject({ accepted: 300, resent: 0 });
  expect(new Set(outcomes.map(({ notification }) => notification)).size).toBe(300);
  expect(gateway.requests.map(({ deviceToken }) => deviceToken).sort()).toEqual(
    input.map((n) => n.deviceToken),
  );
  for (const { deviceToken, body, headers } of gateway.requests) {
    expect(body).toBe(JSON.stringify(input[Number.parseInt(deviceToken, 16)]!.payload));
    expect(headers).toMatchObject({
      'apns-topic': 'com.example.app',
      'apns-push-type': 'alert',
      ':method': 'POST',
    });
  }
  expect(outcomes[0]!.apnsId).toMatch(/^[0-9a-f-]{36}$/);
});

test('has a payload of its own once a write has called back', async () => {
  const gateway = await startRawGateway();
  const sink = createHttp2Sink(gateway.options);
  const payload = Buffer.alloc(7);
  for (const [i, notification] of notifications(3).entries()) {
    payload.write(`{"a":${i}}`);
    await new Promise((resolve) => sink.write({ ...notification, payload }, resolve));
  }
  await new Promise<void>((resolve) => sink.end(resolve));
  expect(gateway.requests.map(({ body }) => body)).toEqual(['{"a":0}', '{"a":1}', '{"a":2}']);
});

test('reports a rejection with its reason and timestamp', async () => {
  const gateway = await startHttp2Gateway({
    onRequest: (request) => {
      if (request.deviceToken === token(1))
        respond(request, 410, { reason: 'Unregistered', timestamp: 1741190400000 });
      else respond(request, 200);
    },
  });
  const sink = createHttp2Sink(gateway.options);
  const outcomes = await send(sink, notifications(3));
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
    deviceToken: token(1),
    statusCode: 410,
    reason: 'Unregistered',
    timestamp: 1741190400000,
  });
  expect(sink.counts).toMatchObject({ accepted: 2, rejected: 1 });
});

test('never opens more streams than the server allows, and follows every change', async () => {
  let open = 0;
  let most = 0;
  const gateway = await startHttp2Gateway({
    settings: { maxConcurrentStreams: 1 },
    onRequest: (request) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open--;
        if (gateway.requests.length === 5) request.session.settings({ maxConcurrentStreams: 10 });
        respond(request, 200);
      });
    },
  });
  const sink = createHttp2Sink(gateway.options);
  await send(sink, notifications(100));
  expect(sink.counts).toMatchObject({ accepted: 100, resent: 0 });
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(10);
});

test('sends refused streams again, and none of them twice to the end', async () => {
  const refused = new Set<string>();
  const accepted: string[] = [];
  const gateway = await startHttp2Gateway({
    onRequest: (request) => {
      if (Number.parseInt(request.deviceToken, 16) % 3 === 0 && !refused.has(request.deviceToken)) {
        refused.add(request.deviceToken);
        request.stream.close(7);
      } else {
        accepted.push(request.deviceToken);
        respond(request, 200);
      }
    },
  });
  const sink = createHttp2Sink(gateway.options);
  await send(sink, notifications(100));
  expect(sink.counts).toMatchObject({ accepted: 100, resent: 34 });
  expect(new Set(accepted).size).toBe(accepted.length);
});

test('replays 40 of 40 in flight above the stream that GOAWAY names, on a new connection', async () => {
  const gateway = await startHttp2Gateway({
    onRequest: (request) => {
      if (request.connection > 0) respond(request, 200);
      else if (gateway.requests.length === 41) {
        const [first] = gateway.requests;
        request.session.goaway(0, first!.stream.id!);
        respond(first!, 200);
      }
    },
  });
  const sink = createHttp2Sink(gateway.options);
  const outcomes = await send(sink, notifications(41));
  expect(outcomes).toHaveLength(41);
  expect(sink.counts).toMatchObject({ accepted: 41, resent: 40 });
});

test('reports what lay at or below the named stream without an answer as unknown', async () => {
  const gateway = await startHttp2Gateway({
    onRequest: (request) => {
      if (request.connection > 0) respond(request, 200);
      else if (gateway.requests.length === 10) {
        request.session.goaway(0, gateway.requests[4]!.stream.id!);
        setImmediate(() => request.session.destroy());
      }
    },
  });
  const sink = createHttp2Sink(gateway.options);
  await send(sink, notifications(10));
  expect(sink.counts).toMatchObject({ accepted: 5, unknown: 5, resent: 5 });
});

test('waits as long as retry-after says', async () => {
  const times: number[] = [];
  const gateway = await startHttp2Gateway({
    onRequest: (request) => {
      times.push(performance.now());
      if (times.length === 1) respond(request, 429, { reason: 'TooManyRequests' }, { 'retry-after': '1' });
      else respond(request, 200);
    },
  });
  const sink = createHttp2Sink(gateway.options);
  const outcomes = await send(sink, notifications(1));
  expect(outcomes).toMatchObject([{ status: 'accepted', attempts: 2 }]);
  expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(1000);
});

test('sends bodies through windows smaller than they are', async () => {
  const gateway = await startHttp2Gateway({ settings: { initialWindowSize: 10, maxConcurrentStreams: 5 } });
  const sink = createHttp2Sink(gateway.options);
  await send(sink, notifications(50));
  expect(sink.counts.accepted).toBe(50);
  for (const { body } of gateway.requests) expect(JSON.parse(body)).toHaveProperty('aps');
});

test('delivers 400 of 400 to a server with 10 streams and 300 ms', { timeout: 30_000 }, async () => {
  const gateway = await startHttp2Gateway({
    settings: { maxConcurrentStreams: 10 },
    onRequest: (request) => void setTimeout(() => respond(request, 200), 300),
  });
  const sink = createHttp2Sink(gateway.options);
  await send(sink, notifications(400));
  expect(sink.counts).toMatchObject({ accepted: 400, resent: 0 });
});

test('keeps clean traffic going past a server that falls to one stream after each rejection', async () => {
  const limits = new Map<ServerHttp2Session, number>();
  const open = new Map<ServerHttp2Session, Set<ArrivedRequest>>();
  const accepted: string[] = [];
  const setLimit = (session: ServerHttp2Session, maxConcurrentStreams: number): void => {
    if (limits.get(session) === maxConcurrentStreams || session.destroyed) return;
    limits.set(session, maxConcurrentStreams);
    session.settings({ maxConcurrentStreams });
  };
  const gateway = await startHttp2Gateway({
    settings: { maxConcurrentStreams: 1 },
    onRequest: (request) => {
      const { session } = request;
      const waiting = open.get(session) ?? new Set();
      open.set(session, waiting.add(request));
      setTimeout(() => {
        if (!waiting.delete(request)) return;
        if (Number.parseInt(request.deviceToken, 16) % 50 === 49) {
          respond(request, 400, { reason: 'BadDeviceToken' });
          setLimit(session, 1);
          for (const { stream } of waiting) stream.close(constants.NGHTTP2_REFUSED_STREAM);
          waiting.clear();
        } else {
          accepted.push(request.deviceToken);
          respond(request, 200);
          setLimit(session, 100);
        }
      }, 10);
    },
  });
  const sink = createHttp2Sink(gateway.options);
  const outcomes = await send(sink, notifications(1000));
  expect(outcomes).toHaveLength(1000);
  expect(sink.counts).toMatchObject({ accepted: 980, rejected: 20, unknown: 0, unsent: 0 });
  expect(new Set(accepted).size).toBe(accepted.length);
  expect(gateway.sessions.length).toBeGreaterThan(1);
  expect(gateway.sessions.length).toBeLessThanOrEqual(9);
});

test('sends a broadcast to its channel', async () => {
  const gateway = await startHttp2Gateway();
  const sink = createHttp2Sink({ ...gateway.options, topic: 'com.example.app' });
  const outcomes = sink.outcomes.toArray();
  const aps = { event: 'update', timestamp: 1_700_000_000, 'content-state': {} } as const;
  const broadcast = { channelId: 'dHN0LXNyY2gtY2hubA==', payload: { aps }, context: 7 };
  sink.end(broadcast);
  expect(await outcomes).toMatchObject([{ status: 'accepted', channelId: broadcast.channelId, context: 7 }]);
  expect(gateway.requests[0]!.headers).toMatchObject({
    ':path': '/4/broadcasts/apps/com.example.app',
    'apns-channel-id': broadcast.channelId,
    'apns-push-type': 'liveactivity',
    'apns-expiration': '0',
  });
  expect(gateway.requests[0]!.body).toBe(JSON.stringify(broadcast.payload));
});

test('sends a notification once more whose fresh provider token is called expired', async () => {
  const seen: string[] = [];
  const gateway = await startHttp2Gateway({
    onRequest: (request) => {
      seen.push(request.headers['authorization']!);
      if (seen.length === 1 || request.deviceToken === token(1)) {
        respond(request, 403, { reason: 'ExpiredProviderToken' });
      } else {
        respond(request, 200);
      }
    },
  });
  const { providerKey: key, keyId, teamId } = mintCredentials('com.example.app');
  const sink = createHttp2Sink({ ...gateway.options, providerToken: { key, keyId, teamId } });
  const outcomes = await send(sink, notifications(2));
  expect(outcomes.map(({ status, attempts }) => [status, attempts])).toEqual([
    ['accepted', 2],
    ['rejected', 2],
  ]);
  expect(new Set(seen).size).toBe(1);
});

test.each([
  ['ahead', -2, 'InvalidProviderToken'],
  ['behind', 2, 'ExpiredProviderToken'],
] as const)(
  'has everything accepted although the clock is two hours %s, on connections that carried no other token',
  async (_direction, hours, reason) => {
    const serverNow = Date.now() + hours * 3_600_000;
    const carried = new Map<number, Set<string>>();
    const gateway = await startHttp2Gateway({
      onRequest: (request) => {
        const authorization = request.headers['authorization']!;
        const { connection } = request;
        carried.set(connection, (carried.get(connection) ?? new Set()).add(authorization));
        const { iat } = JSON.parse(Buffer.from(authorization.split('.')[1]!, 'base64url').toString());
        const date = new Date(serverNow).toUTCString();
        if (Math.abs(serverNow / 1000 - iat) < 3600) respond(request, 200, undefined, { date });
        else respond(request, 403, { reason }, { date });
      },
    });
    const { providerKey: key, keyId, teamId } = mintCredentials('com.example.app');
    const sink = createHttp2Sink({
      ...gateway.options,
      connections: 2,
      providerToken: { key, keyId, teamId },
    });
    const outcomes = await send(sink, notifications(50));
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['accepted']));
    for (const tokens of carried.values()) expect(tokens.size).toBe(1);
    expect(new Set([...carried.values()].flatMap((tokens) => [...tokens])).size).toBe(2);
  },
);

test('is aborted by a signal that is aborted already, with everything settled', async () => {
  const gateway = await startHttp2Gateway();
  const sink = createHttp2Sink({ ...gateway.options, signal: AbortSignal.abort() });
  const failure = await new Promise<Error>((resolve) => sink.once('error', resolve));
  expect(failure).toMatchObject({ name: 'AbortError' });
  expect(gateway.sessions).toHaveLength(0);
});

test('refuses the options that only the binary wire has', () => {
  const where = { host: '127.0.0.1' };
  expect(() => createHttp2Sink({ ...where, checkpoint: 'end' } as never)).toThrow(/checkpoint/);
  expect(() => createHttp2Sink({ ...where, window: { ageMs: 5 } } as never)).toThrow(/ageMs/);
});

test.each([{ providerToken: null }, { tls: null }, { window: null }])('refuses %j at once', (options) => {
  expect(() => createHttp2Sink({ host: '127.0.0.1', ...options } as never)).toThrow(
    expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }),
  );
});
