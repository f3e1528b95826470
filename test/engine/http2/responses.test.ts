/** Answers that APNs gives, and those that it should not: what becomes of each. */
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { Http2ErrorCode } from '../../../src/protocol/http2/error-code.js';
import { respond, startHttp2Gateway } from '../../support/http2-gateway.js';
import { dataFrame, type Fields, type RawPeer, startRawGateway } from '../../support/http2-raw-gateway.js';
import { answerFirst, notifications, sendAll, statuses, tokenOf } from '../../support/http2-sending.js';

test('accepts a 200 without apns-id', async () => {
  expect(statuses(await answerFirst((peer, request) => peer.respond(request, 200)))).toEqual([
    'accepted',
    'accepted',
  ]);
});

test.each([
  ['no body', undefined],
  ['HTML', '<html><h1>Bad Request</h1></html>'],
  ['broken JSON', '{"reason":"BadDev'],
  ['a reason that is no string', '{"reason":{"a":1}}'],
  ['null', 'null'],
  ['an array', '[1]'],
])('rejects with status and without reason for a 400 with %s', async (_name, body) => {
  const sent = await answerFirst((peer, request) => peer.respond(request, 400, body));
  expect(sent.outcomes[0]).toMatchObject({ status: 'rejected', statusCode: 400, reason: 'Unknown' });
  expect(statuses(sent)[1]).toBe('accepted');
  expect(sent.peers).toHaveLength(1);
});

test('rejects for a 400 with 10 MB, keeping the connection where the windows are kept', async () => {
  const gateway = await startHttp2Gateway({
    onRequest(request) {
      if (request.deviceToken !== tokenOf(0)) return respond(request, 200);
      request.stream.respond({ ':status': 400 });
      Readable.from(Array(1000).fill(Buffer.alloc(10_000))).pipe(request.stream);
    },
  });
  const sent = await sendAll(gateway.options, notifications(3));
  expect(statuses(sent)).toEqual(['rejected Unknown', 'accepted', 'accepted']);
  expect(gateway.sessions).toHaveLength(1);
});

test('leaves a gateway that sends 10 MB whatever the windows say', async () => {
  const sent = await answerFirst((peer, { streamId }) => {
    peer.send(peer.headers(streamId, [[':status', '400']], false));
    for (let i = 0; i < 640; i++) peer.send(dataFrame(streamId, Buffer.alloc(16_000), false));
  }, 1);
  expect(statuses(sent)).toEqual(['rejected Unknown']);
  expect(sent.peers[0]!.resets).toMatchObject([{ errorCode: Http2ErrorCode.CANCEL }]);
});

test('reports the timestamp of a 410, and none where there is none', async () => {
  const withTimestamp = await answerFirst((peer, request) =>
    peer.respond(request, 410, '{"reason":"Unregistered","timestamp":1741190400000}'),
  );
  expect(withTimestamp.outcomes[0]).toMatchObject({ reason: 'Unregistered', timestamp: 1741190400000 });
  const without = await answerFirst((peer, request) =>
    peer.respond(request, 410, '{"reason":"Unregistered"}'),
  );
  expect(without.outcomes[0]).toMatchObject({ status: 'rejected', reason: 'Unregistered' });
  expect(without.outcomes[0]).not.toHaveProperty('timestamp');
});

test('retries 429, 500 and 503, no sooner than retry-after says in seconds', async () => {
  const times = new Map<string, number[]>();
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      const { deviceToken } = request;
      const seen = times.get(deviceToken) ?? [];
      times.set(deviceToken, seen);
      const status = [429, 500, 503][Number.parseInt(deviceToken, 16)]!;
      if (seen.push(performance.now()) > 1) peer.respond(request, 200);
      else peer.respond(request, status, '{"reason":"Shutdown"}', [['retry-after', '1']]);
    },
  });
  const sent = await sendAll(gateway.options, notifications(3));
  expect(sent.outcomes).toMatchObject(Array(3).fill({ status: 'accepted', attempts: 2 }));
  for (const [first, second] of times.values()) expect(second! - first!).toBeGreaterThanOrEqual(1000);
});

test('takes the date in retry-after by the clock of the gateway', async () => {
  const date = 'Wed, 01 Jan 2020 00:00:00 GMT';
  const times: number[] = [];
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      times.push(performance.now());
      const fields: Fields = [
        ['date', date],
        ['retry-after', 'Wed, 01 Jan 2020 00:00:01 GMT'],
      ];
      if (times.length > 1) peer.respond(request, 200);
      else peer.respond(request, 503, undefined, fields);
    },
  });
  expect(statuses(await sendAll(gateway.options, notifications(1)))).toEqual(['accepted']);
  expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(1000);
});

test('gives a rejection as it is when retry-after lies beyond the deadline', async () => {
  const sent = await answerFirst((peer, request) =>
    peer.respond(request, 429, '{"reason":"TooManyRequests"}', [['retry-after', '3600']]),
  );
  expect(sent.outcomes[0]).toMatchObject({ status: 'rejected', statusCode: 429, reason: 'TooManyRequests' });
});

test('is not hurried by a retry-after of nothing', async () => {
  let requests = 0;
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      requests++;
      peer.respond(request, 503, undefined, [['retry-after', '0']]);
    },
  });
  const sent = await sendAll({ ...gateway.options, timeoutMs: 1000 }, notifications(1));
  expect(statuses(sent)).toEqual(['rejected Unknown']);
  expect(requests).toBeLessThan(30);
});

const CODES: readonly (readonly [string, number])[] = [...Object.entries(Http2ErrorCode), ['0x2a', 0x2a]];

test.each(CODES)('reports RST_STREAM with %s by when it comes', async (name, code) => {
  const body = Buffer.from('{"reason":"BadTopic"}');
  const answers: ((peer: RawPeer, streamId: number) => void)[] = [
    (peer, id) => peer.reset(id, code),
    (peer, id) => {
      peer.send(peer.headers(id, [[':status', '100']], false));
      peer.reset(id, code);
    },
    (peer, id) => {
      peer.send(peer.headers(id, [[':status', '200']], false));
      peer.reset(id, code);
    },
    (peer, id) => {
      peer.send(peer.headers(id, [[':status', '400']], false), dataFrame(id, body, false));
      peer.reset(id, code);
    },
    (peer, id) => {
      peer.respond({ streamId: id }, 200);
      peer.reset(id, code);
    },
  ];
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      const { deviceToken, streamId } = request;
      const isSecond = gateway.requests.some((it) => it !== request && it.deviceToken === deviceToken);
      if (isSecond) peer.respond(request, 200);
      else answers[Number.parseInt(deviceToken, 16)]!(peer, streamId);
    },
  });
  const sent = await sendAll(gateway.options, notifications(answers.length));
  expect(statuses(sent).slice(2)).toEqual(['accepted', 'rejected BadTopic', 'accepted']);
  const [before, interim] = sent.outcomes;
  expect(interim!.status).toBe(before!.status);
  if (name === 'REFUSED_STREAM') expect(before).toMatchObject({ status: 'accepted', attempts: 2 });
  else expect(before).toMatchObject({ status: 'unknown', reason: expect.stringMatching(/^Stream[A-Z0-9]/) });
  expect(gateway.peers).toHaveLength(1);
});

test('waits behind interim responses, and reads trailers', async () => {
  const sent = await answerFirst((peer, { streamId }) => {
    peer.send(
      peer.headers(streamId, [[':status', '100']], false),
      peer.headers(
        streamId,
        [
          [':status', '103'],
          ['link', '</x>'],
        ],
        false,
      ),
      peer.headers(streamId, [[':status', '400']], false),
      dataFrame(streamId, Buffer.from('{"reason":"BadTopic"}'), false),
      peer.headers(streamId, [['x-checksum', '1']]),
    );
  });
  expect(statuses(sent)).toEqual(['rejected BadTopic', 'accepted']);
});

test('stops sending a body that has been answered', async () => {
  const gateway = await startRawGateway({
    settings: { initialWindowSize: 3 },
    onHeaders(peer, request) {
      if (request.deviceToken === tokenOf(0)) peer.respond(request, 200);
      else if (request.deviceToken === tokenOf(1)) peer.respond(request, 413, '{"reason":"PayloadTooLarge"}');
      else peer.send({ type: 'WINDOW_UPDATE', streamId: request.streamId, increment: 100 });
    },
  });
  const sent = await sendAll(gateway.options, notifications(3));
  expect(statuses(sent)).toEqual(['accepted', 'rejected PayloadTooLarge', 'accepted']);
  await gateway.closed();
  expect(gateway.peers[0]!.resets).toMatchObject([{ streamId: 1 }, { streamId: 3 }]);
});
