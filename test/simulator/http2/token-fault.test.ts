import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import { encodeTokenFault, type Simulator, type TokenFaultName } from '../../../src/simulator/index.js';
import { bearer, collect, connectHttp2, type Http2Client } from '../http2-client.js';
import { exchange, startSimulator } from '../raw-client.js';

const GOOD = 'ab'.repeat(32);

async function start(): Promise<{ simulator: Simulator; client: Http2Client }> {
  const simulator = await startSimulator();
  return { simulator, client: await connectHttp2(simulator) };
}

/** A good one, one whose token asks for a fault, and another good one, all written at once. */
function around(client: Http2Client, name: TokenFaultName, argument?: number): ReturnType<typeof sendAll> {
  return sendAll(client, [GOOD, encodeTokenFault(name, argument), GOOD]);
}

function sendAll(
  client: Http2Client,
  tokens: readonly string[],
): Promise<{ status: number; body: string }[]> {
  return Promise.all(tokens.map((token) => client.notify(token)));
}

function statuses(answers: readonly { status: number }[]): number[] {
  return answers.map(({ status }) => status);
}

describe('over HTTP/2, a device token that asks for', () => {
  it.each<[number, number, string]>([
    [1, 500, 'InternalServerError'],
    [2, 400, 'MissingDeviceToken'],
    [3, 400, 'MissingTopic'],
    [4, 400, 'PayloadEmpty'],
    [5, 400, 'BadDeviceToken'],
    [6, 400, 'BadTopic'],
    [7, 413, 'PayloadTooLarge'],
    [8, 400, 'BadDeviceToken'],
    [10, 503, 'Shutdown'],
    [255, 400, 'StatusCode255'],
  ])('reject with status code %d gets %d %s, every time', async (code, status, reason) => {
    const { simulator, client } = await start();
    for (let times = 0; times < 2; times++) {
      const [before, rejected, after] = await around(client, 'reject', code);
      expect([before?.status, rejected?.status, after?.status]).toEqual([200, status, 200]);
      expect(JSON.parse(rejected?.body ?? '')).toEqual({ reason });
    }
    expect(simulator.counts).toMatchObject({ requests: 6, accepted: 4, rejected: 2 });
  });

  it('reject with status code 0 is accepted', async () => {
    const { client } = await start();
    expect(statuses(await around(client, 'reject', 0))).toEqual([200, 200, 200]);
  });

  it.each<[TokenFaultName, number]>([
    ['shutdown', 3],
    ['shutdownUnnamed', 0x7fff_ffff],
  ])('%s is accepted, and gets a GOAWAY that names stream %d', async (name, lastStreamId) => {
    const { simulator, client } = await start();
    const answers = await around(client, name);
    await client.closed;
    expect(client.goaways[0]).toEqual({ code: 0, lastStreamId, debugData: '{"reason":"Shutdown"}' });
    const all = name === 'shutdownUnnamed';
    expect(statuses(answers)).toEqual([200, 200, all ? 200 : 0]);
    expect(simulator.counts).toMatchObject({ accepted: all ? 3 : 2, discarded: all ? 0 : 1, goaways: 1 });
    const again = await connectHttp2(simulator);
    expect(statuses(await around(again, name))).toEqual([200, 200, 200]);
  });

  it.each<TokenFaultName>(['shutdown', 'shutdownUnnamed'])(
    '%s is answered before its GOAWAY',
    async (name) => {
      const { simulator, client } = await start();
      const seen: string[] = [];
      client.session.on('goaway', () => seen.push('GOAWAY'));
      const stream = client.session.request({
        ':method': 'POST',
        ':path': `/3/device/${encodeTokenFault(name)}`,
        'apns-topic': simulator.credentials.topic,
        authorization: bearer(simulator.credentials),
      });
      stream.on('response', () => seen.push('response'));
      stream.end('{"aps":{}}');
      await Promise.all([collect(stream), client.closed]);
      expect(seen).toEqual(['response', 'GOAWAY']);
    },
  );

  it('close is not accepted: GOAWAY names the stream before, which is answered', async () => {
    const { simulator, client } = await start();
    expect(statuses(await around(client, 'close'))).toEqual([200, 0, 0]);
    await client.closed;
    expect(client.goaways).toMatchObject([{ code: 0, lastStreamId: 1 }]);
    expect(simulator.counts).toMatchObject({ accepted: 1, discarded: 2, goaways: 1 });
    const again = await connectHttp2(simulator);
    expect(statuses(await around(again, 'close'))).toEqual([200, 200, 200]);
  });

  it('reset is not accepted; the connection is cut without a GOAWAY', async () => {
    const { simulator, client } = await start();
    await around(client, 'reset');
    await client.closed;
    expect(client.goaways).toEqual([]);
    expect(simulator.counts).toMatchObject({ requests: 3, goaways: 0, rejected: 0 });
    expect(simulator.counts.accepted + simulator.counts.discarded).toBe(3);
    const again = await connectHttp2(simulator);
    expect(statuses(await around(again, 'reset'))).toEqual([200, 200, 200]);
  });

  it('rejectReset is rejected, and the connection is cut behind it', async () => {
    const { simulator, client } = await start();
    await client.notify(encodeTokenFault('rejectReset', 8));
    await client.closed;
    expect(simulator.counts).toMatchObject({ rejected: 1, goaways: 0 });
  });

  it('rejectSplit is rejected, byte by byte', async () => {
    const { simulator, client } = await start();
    const stream = client.session.request({
      ':method': 'POST',
      ':path': `/3/device/${encodeTokenFault('rejectSplit', 8)}`,
      'apns-topic': simulator.credentials.topic,
      authorization: bearer(simulator.credentials),
    });
    const sizes: number[] = [];
    stream.on('data', (chunk: Buffer) => sizes.push(chunk.length));
    const answer = collect(stream);
    stream.end('{}');
    expect(await answer).toMatchObject({ status: 400, body: '{"reason":"BadDeviceToken"}' });
    expect(sizes.length).toBeGreaterThan(5);
  });

  it('stall keeps what is behind it waiting', async () => {
    const { simulator, client } = await start();
    const start_ = performance.now();
    const [stalled] = await Promise.all([client.notify(encodeTokenFault('stall', 2)), client.notify(GOOD)]);
    expect(performance.now() - start_).toBeGreaterThan(190);
    expect(stalled.status).toBe(200);
    expect([...simulator.accepted].map(({ deviceToken }) => deviceToken)).toEqual([
      encodeTokenFault('stall', 2),
      GOOD,
    ]);
  });

  it('stall for ever answers no PING either', async () => {
    const { simulator, client } = await start();
    const answer = client.notify(encodeTokenFault('stall', 0));
    await simulator.waitFor(({ requests }) => requests === 1);
    client.session.ping(() => {});
    await (await connectHttp2(simulator)).notify(GOOD);
    expect(simulator.counts.accepted).toBe(1);
    await simulator.close();
    expect((await answer).status).toBe(0);
  });

  it('latency is accepted later, and nothing waits behind it', async () => {
    const { simulator, client } = await start();
    const late = encodeTokenFault('latency', 10);
    expect(statuses(await sendAll(client, [late, GOOD]))).toEqual([200, 200]);
    expect([...simulator.accepted].map(({ deviceToken }) => deviceToken)).toEqual([GOOD, late]);
  });

  it('slowRead is accepted, and what follows comes slowly', async () => {
    const { client } = await start();
    await client.notify(encodeTokenFault('slowRead', 10));
    const begin = performance.now();
    const payload = 'x'.repeat(4000);
    const answers = [1, 2, 3, 4, 5].map(() => client.notify(GOOD, {}, payload));
    expect(statuses(await Promise.all(answers))).toEqual([200, 200, 200, 200, 200]);
    await client.notify(GOOD);
    expect(performance.now() - begin).toBeGreaterThan(150);
  });

  it('temporary gets 503 so many times', async () => {
    const { client } = await start();
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await client.notify(encodeTokenFault('temporary', 2)));
    expect(statuses(answers)).toEqual([503, 503, 200]);
    expect(answers[0]?.body).toBe('{"reason":"ServiceUnavailable"}');
  });

  it('discard gets no answer, and its stream stays open', async () => {
    const { simulator, client } = await start();
    const answer = client.notify(encodeTokenFault('discard'));
    await client.notify(GOOD);
    expect(simulator.counts).toMatchObject({ accepted: 1, discarded: 1 });
    client.session.destroy();
    expect((await answer).status).toBe(0);
  });

  it('refuse is refused the first time', async () => {
    const { simulator, client } = await start();
    const token = encodeTokenFault('refuse');
    expect(await client.notify(token)).toMatchObject({ status: 0, rstCode: 7 });
    expect((await client.notify(token)).status).toBe(200);
    expect(simulator.counts).toMatchObject({ requests: 2, accepted: 1, refused: 1, discarded: 0 });
  });

  it.each([1, 2, 5, 8, 11])('resetStream gets RST_STREAM with %d, once', async (code) => {
    const { simulator, client } = await start();
    const token = encodeTokenFault('resetStream', code);
    expect(await client.notify(token)).toMatchObject({ status: 0, rstCode: code });
    expect((await client.notify(token)).status).toBe(200);
    expect(simulator.counts).toMatchObject({ accepted: 1, discarded: 1 });
  });

  it('tooManyRequests gets 429 with retry-after the first time', async () => {
    const { client } = await start();
    const token = encodeTokenFault('tooManyRequests', 2);
    const first = await client.notify(token);
    expect(first).toMatchObject({ status: 429, body: '{"reason":"TooManyRequests"}' });
    expect(first.headers['retry-after']).toBe('2');
    expect((await client.notify(token)).status).toBe(200);
  });

  it('unregistered gets 410, and is listed for feedback', async () => {
    const { simulator, client } = await start();
    const token = encodeTokenFault('unregistered', 24);
    const { status, body } = await client.notify(token);
    const { reason, timestamp } = JSON.parse(body);
    expect([status, reason]).toEqual([410, 'Unregistered']);
    expect(Math.abs(Date.now() - 86_400_000 - timestamp)).toBeLessThan(10_000);
    expect((await client.notify(token)).status).toBe(410);
    const { bytes } = await exchange(simulator.feedback, simulator.credentials, Buffer.alloc(0));
    expect(bytes.subarray(6).toString('hex')).toBe(token);
  });

  it('expiredProviderToken gets 403 the first time', async () => {
    const { client } = await start();
    const token = encodeTokenFault('expiredProviderToken');
    expect(await client.notify(token)).toMatchObject({
      status: 403,
      body: '{"reason":"ExpiredProviderToken"}',
    });
    expect((await client.notify(token)).status).toBe(200);
  });

  it.each<[number, RegExp]>([
    [0, /^<html>/],
    [1, /^$/],
    [2, /^(?:apns-streams )+.{0,12}$/],
    [3, /^\{"reason":"BadDeviceToken$/],
    [4, /^\{"reason":42/],
  ])('strayBody %d gets 400 with a body that says nothing', async (kind, body) => {
    const { client } = await start();
    const answer = await client.notify(encodeTokenFault('strayBody', kind));
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(body);
    expect(answer.body.length).toBe(kind === 2 ? 1 << 20 : answer.body.length);
  });

  it('earlyResponse is answered before its body has come', async () => {
    const { simulator, client } = await start();
    const stream = client.session.request({
      ':method': 'POST',
      ':path': `/3/device/${encodeTokenFault('earlyResponse')}`,
      'apns-topic': simulator.credentials.topic,
      authorization: bearer(simulator.credentials),
    });
    await new Promise((resolve) => stream.once('response', resolve));
    expect(simulator.counts.accepted).toBe(0);
    stream.on('error', () => {});
    stream.end('{}');
    await simulator.waitFor(({ accepted }) => accepted === 1);
    expect((await client.notify(GOOD)).status).toBe(200);
  });

  it('interim gets 103 first', async () => {
    const { client } = await start();
    expect(await client.notify(encodeTokenFault('interim'))).toMatchObject({ status: 200, interim: [103] });
  });

  it('trailers gets trailers last', async () => {
    const { client } = await start();
    const { status, trailers } = await client.notify(encodeTokenFault('trailers'));
    expect([status, trailers]).toMatchObject([200, { 'apns-trailer': 'end' }]);
  });

  it('withoutId gets no apns-id', async () => {
    const { client } = await start();
    const { status, headers } = await client.notify(encodeTokenFault('withoutId'));
    expect([status, headers['apns-id']]).toEqual([200, undefined]);
  });
});

describe('on the binary wire, a device token that asks for', () => {
  it.each<TokenFaultName>(['refuse', 'resetStream', 'strayBody', 'interim'])(
    '%s is accepted',
    async (name) => {
      const simulator = await startSimulator();
      const bytes = encodeFrame({ deviceToken: encodeTokenFault(name), payload: '{}' });
      await exchange(
        simulator.gateway,
        simulator.credentials,
        Buffer.concat([bytes, encodeFrame({ deviceToken: '', payload: '{}' })]),
      );
      expect(simulator.counts).toMatchObject({ accepted: 1, rejected: 1 });
    },
  );

  it('unregistered is accepted, and listed for feedback', async () => {
    const simulator = await startSimulator();
    const bad = encodeFrame({ deviceToken: '', payload: '{}' });
    const gone = encodeFrame({ deviceToken: encodeTokenFault('unregistered'), payload: '{}' });
    await exchange(simulator.gateway, simulator.credentials, Buffer.concat([gone, bad]));
    expect(simulator.counts).toMatchObject({ accepted: 1, rejected: 1 });
    const { bytes } = await exchange(simulator.feedback, simulator.credentials, Buffer.alloc(0));
    expect(bytes.length).toBe(38);
  });
});
