import http2 from 'node:http2';
import { describe, expect, it } from 'vitest';
import { encodeTokenFault, type Http2Faults, type Simulator } from '../../../src/simulator/index.js';
import { bearer, connectHttp2, type Http2Client, openHttp2 } from '../http2-client.js';
import { connectRaw, startSimulator } from '../raw-client.js';

const GOOD = 'ab'.repeat(32);
const BAD = encodeTokenFault('reject', 8);

async function start(faults: Http2Faults): Promise<{ simulator: Simulator; client: Http2Client }> {
  const simulator = await startSimulator({ http2: faults });
  return { simulator, client: await connectHttp2(simulator) };
}

/** Sends to the same token so many times at once; the statuses, 0 where there was no answer. */
async function send(client: Http2Client, times: number, token = GOOD): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: times }, () => client.notify(token)));
  return answers.map(({ status }) => status);
}

function limitOf(client: Http2Client): number | undefined {
  return client.session.remoteSettings.maxConcurrentStreams;
}

async function nextSettings(client: Http2Client): Promise<void> {
  await new Promise((resolve) => client.session.once('remoteSettings', resolve));
}

function sum({ counts }: Simulator): number {
  return counts.accepted + counts.rejected + counts.discarded + counts.refused;
}

describe('maxConcurrentStreams', () => {
  it('is what SETTINGS announce, and can change on an open connection', async () => {
    const { simulator, client } = await start({ maxConcurrentStreams: 10 });
    expect(limitOf(client)).toBe(10);
    const changed = nextSettings(client);
    simulator.http2.setFaults({ maxConcurrentStreams: 3 });
    await changed;
    expect(limitOf(client)).toBe(3);
    expect(await send(client, 20)).toEqual(Array(20).fill(200));
  });

  it('of 0 lets nothing through until it is raised', async () => {
    const { simulator, client } = await start({ maxConcurrentStreams: 0 });
    expect(limitOf(client)).toBe(0);
    const changed = nextSettings(client);
    simulator.http2.setFaults({ maxConcurrentStreams: 5 });
    await changed;
    expect(await send(client, 5)).toEqual([200, 200, 200, 200, 200]);
  });
});

describe('startAtOneStream', () => {
  it('holds a connection to one stream until the first acceptance', async () => {
    const { client } = await start({ startAtOneStream: true });
    expect(limitOf(client)).toBe(1);
    await client.notify(BAD);
    expect(limitOf(client)).toBe(1);
    const raised = nextSettings(client);
    await client.notify(GOOD);
    await raised;
    expect(limitOf(client)).toBe(1000);
  });

  it('does not concern a connection with a certificate', async () => {
    const simulator = await startSimulator({ http2: { startAtOneStream: true } });
    expect(limitOf(await connectHttp2(simulator, { certificate: true }))).toBe(1000);
  });

  it('and hundreds that were queued all arrive', async () => {
    const { simulator, client } = await start({ startAtOneStream: true });
    expect(new Set(await send(client, 500))).toEqual(new Set([200]));
    expect(simulator.counts).toMatchObject({ accepted: 500, refused: 0 });
  });
});

describe('fallToOneAfterRejection', () => {
  it('takes the limit to one, until the next acceptance', async () => {
    const { client } = await start({ fallToOneAfterRejection: true, maxConcurrentStreams: 50 });
    const lowered = nextSettings(client);
    await client.notify(BAD);
    await lowered;
    expect(limitOf(client)).toBe(1);
    const raised = nextSettings(client);
    await client.notify(GOOD);
    await raised;
    expect(limitOf(client)).toBe(50);
  });

  it('refuses the open streams but the oldest', async () => {
    const { simulator, client } = await start({ fallToOneAfterRejection: true });
    const late = encodeTokenFault('latency', 20);
    const waiting = [1, 2, 3].map(() => client.notify(late));
    const rejected = await client.notify(BAD);
    const answers = await Promise.all(waiting);
    expect(rejected.status).toBe(400);
    expect(answers.map(({ status, rstCode }) => [status, rstCode])).toEqual([
      [200, 0],
      [0, 7],
      [0, 7],
    ]);
    expect(simulator.counts).toMatchObject({ requests: 4, accepted: 1, rejected: 1, refused: 2 });
  });

  it('loses nothing that a client sends again when it was refused', async () => {
    const { simulator, client } = await start({ fallToOneAfterRejection: true });
    const deliver = async (token: string): Promise<number> => {
      for (;;) {
        const { status, rstCode } = await client.notify(token);
        if (status !== 0 || rstCode !== http2.constants.NGHTTP2_REFUSED_STREAM) return status;
      }
    };
    const tokens = Array.from({ length: 100 }, (_, i) => (i % 7 === 3 ? BAD : GOOD));
    const statuses = await Promise.all(tokens.map(deliver));
    expect(statuses).toEqual(tokens.map((token) => (token === BAD ? 400 : 200)));
    expect(simulator.counts).toMatchObject({ accepted: 86, rejected: 14 });
    expect(sum(simulator)).toBe(simulator.counts.requests);
  });
});

describe('goaway', () => {
  it('comes after so many requests, answers all of them, and ends the connection', async () => {
    const { simulator, client } = await start({ goaway: { afterRequests: 3 } });
    expect(await send(client, 3)).toEqual([200, 200, 200]);
    await client.closed;
    expect(client.goaways).toEqual([{ code: 0, lastStreamId: 5, debugData: '{"reason":"Shutdown"}' }]);
    expect(simulator.counts).toMatchObject({ accepted: 3, goaways: 1 });
  });

  it('that names stream 1 leaves what is above it unprocessed', async () => {
    const { simulator, client } = await start({
      latencyMs: 20,
      goaway: { afterRequests: 40, lastStream: 1 },
    });
    expect(await send(client, 40)).toEqual([200, ...Array(39).fill(0)]);
    expect(client.goaways).toMatchObject([{ lastStreamId: 1 }]);
    expect(simulator.counts).toMatchObject({ accepted: 1, discarded: 39 });
    expect(sum(simulator)).toBe(40);
  });

  it('processes nothing that it is going to deny, however the requests arrive', async () => {
    const { simulator, client } = await start({ goaway: { afterRequests: 3, lastStream: 1 } });
    expect((await client.notify(GOOD)).status).toBe(200);
    const second = client.notify(GOOD);
    await simulator.waitFor(({ requests }) => requests === 2);
    expect([(await client.notify(GOOD)).status, (await second).status]).toEqual([0, 0]);
    expect(client.goaways).toMatchObject([{ lastStreamId: 1 }]);
    expect(simulator.counts).toMatchObject({ accepted: 1, discarded: 2 });
  });

  it('names what was processed because it was too long in coming', async () => {
    const simulator = await startSimulator({
      limits: { drainTimeoutMs: 1 },
      http2: { goaway: { afterRequests: 2, lastStream: 'none' } },
    });
    const client = await connectHttp2(simulator);
    expect((await client.notify(GOOD)).status).toBe(200);
    await client.notify(GOOD);
    expect(client.goaways).toMatchObject([{ lastStreamId: 1 }]);
    expect(simulator.counts).toMatchObject({ accepted: 1, discarded: 1 });
  });

  it('that names none leaves everything unprocessed', async () => {
    const { simulator, client } = await start({
      latencyMs: 20,
      goaway: { afterRequests: 4, lastStream: 'none' },
    });
    expect(await send(client, 4)).toEqual([0, 0, 0, 0]);
    expect(client.goaways).toMatchObject([{ lastStreamId: 0 }]);
    expect(simulator.counts).toMatchObject({ accepted: 0, discarded: 4 });
  });

  it('that closes at once answers nothing, not even what it names', async () => {
    const goaway = { afterRequests: 4, lastStream: 3, afterwards: 'close' } as const;
    const { simulator, client } = await start({ latencyMs: 20, goaway });
    expect(await send(client, 4)).toEqual([0, 0, 0, 0]);
    expect(client.goaways).toMatchObject([{ lastStreamId: 3 }]);
    expect(simulator.counts).toMatchObject({ accepted: 0, discarded: 4 });
  });

  it('can leave the end to the client', async () => {
    const { client } = await start({ goaway: { afterwards: 'stay' } });
    expect((await client.notify(GOOD)).status).toBe(200);
    expect(client.goaways).toMatchObject([{ lastStreamId: 1 }]);
  });

  it('can come several times with a falling last stream', async () => {
    const lastStream = [0x7fff_ffff, 'all', 1, 'none'] as const;
    const { simulator, client } = await start({ latencyMs: 20, goaway: { afterRequests: 3, lastStream } });
    await send(client, 3);
    await client.closed;
    expect(client.goaways.map(({ lastStreamId }) => lastStreamId)).toEqual([0x7fff_ffff, 5, 1, 0]);
    expect(simulator.counts).toMatchObject({ goaways: 4, discarded: 3 });
  });

  it.each([
    ['json', '{"reason":"Shutdown"}'],
    ['text', 'the simulator closes the connection'],
    ['empty', ''],
  ] as const)('carries %s', async (debugData, text) => {
    const { client } = await start({ goaway: { debugData, errorCode: 2 } });
    await client.notify(GOOD);
    await client.closed;
    expect(client.goaways).toMatchObject([{ code: 2, debugData: text }]);
  });

  it('strikes as often as it is told to', async () => {
    const { simulator, client } = await start({ goaway: { times: 1 } });
    await client.notify(GOOD);
    await client.closed;
    expect(await send(await connectHttp2(simulator), 3)).toEqual([200, 200, 200]);
    expect(simulator.counts.goaways).toBe(1);
  });

  it('before SETTINGS is the first frame, and the last thing but', async () => {
    const simulator = await startSimulator({ http2: { goaway: { beforeSettings: true, times: 1 } } });
    const { socket, closed } = await connectRaw(simulator.http2, simulator.credentials, {
      ALPNProtocols: ['h2'],
    });
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
    socket.once('end', () => socket.end());
    const { bytes } = await closed;
    expect(bytes.subarray(3, 4).toString('hex')).toBe('07');
    expect(bytes.subarray(9, 17).toString('hex')).toBe('0000000000000000');
    expect((await send(await connectHttp2(simulator), 1))[0]).toBe(200);
  });
});

describe('the other faults of the HTTP/2 side', () => {
  it('refuseStreams refuses every so-manyth request', async () => {
    const { simulator, client } = await start({ refuseStreams: 3 });
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => client.notify(GOOD)));
    expect(answers.map(({ status, rstCode }) => [status, rstCode])).toEqual([
      [200, 0],
      [200, 0],
      [0, 7],
      [200, 0],
      [200, 0],
      [0, 7],
    ]);
    expect(simulator.counts).toMatchObject({ requests: 6, accepted: 4, refused: 2 });
  });

  it('ignorePing leaves PINGs alone and everything else as it is', async () => {
    const { simulator, client } = await start({ ignorePing: true });
    let answered = false;
    client.session.ping(() => {
      answered = true;
    });
    expect(await send(client, 20)).toEqual(Array(20).fill(200));
    expect(answered).toBe(false);
    simulator.http2.setFaults({ ignorePing: false });
    const other = await connectHttp2(simulator);
    await new Promise((resolve) => other.session.ping(resolve));
  });

  it('latencyMs delays every answer', async () => {
    const { client } = await start({ latencyMs: 80 });
    const begin = performance.now();
    expect(await send(client, 20)).toEqual(Array(20).fill(200));
    expect(performance.now() - begin).toBeGreaterThan(75);
  });

  it('storm429 answers so many requests with 429', async () => {
    const { client } = await start({ storm429: { count: 2, retryAfterSeconds: 3 } });
    const first = await client.notify(GOOD);
    expect(first).toMatchObject({ status: 429, body: '{"reason":"TooManyRequests"}' });
    expect(first.headers['retry-after']).toBe('3');
    expect(await send(client, 3)).toEqual([429, 200, 200]);
  });

  it.each([
    ['html', 'text/html'],
    ['empty', undefined],
    ['huge', 'text/plain'],
    ['brokenJson', 'application/json'],
    ['numberReason', 'application/json'],
  ] as const)('bodyKind %s is the form of every rejection, of type %s', async (bodyKind, type) => {
    const { client } = await start({ bodyKind });
    const { status, body, headers } = await client.notify('xyz');
    expect(status).toBe(400);
    expect(body).not.toContain('"BadDeviceToken"}');
    expect(headers['content-type']).toBe(type);
  });

  it('clockSkewMs sets the clock of the gateway', async () => {
    const hours = 2 * 3_600_000;
    const { simulator, client } = await start({ clockSkewMs: hours });
    const old = await client.notify(GOOD);
    expect(old).toMatchObject({ status: 403, body: '{"reason":"ExpiredProviderToken"}' });
    expect(Math.abs(Date.parse(old.headers['date'] ?? '') - Date.now() - hours)).toBeLessThan(60_000);
    const authorization = bearer(simulator.credentials, { iat: Math.floor((Date.now() + hours) / 1000) });
    expect((await client.notify(GOOD, { authorization })).status).toBe(200);
    simulator.http2.setFaults({ clockSkewMs: -hours });
    expect((await client.notify(GOOD)).body).toBe('{"reason":"InvalidProviderToken"}');
  });

  it('disconnect ends every connection, in the way that is asked for', async () => {
    const simulator = await startSimulator();
    for (const how of ['goaway', 'close', 'reset'] as const) {
      const client = await connectHttp2(simulator);
      expect((await client.notify(GOOD)).status).toBe(200);
      simulator.http2.disconnect(how);
      await client.closed;
      expect(client.goaways.length).toBe(how === 'goaway' ? 1 : 0);
    }
  });

  it('an idle connection gets a GOAWAY that says so', async () => {
    const simulator = await startSimulator({ limits: { idleTimeoutMs: 50 } });
    const client = await connectHttp2(simulator);
    await client.closed;
    expect(client.goaways).toMatchObject([{ debugData: '{"reason":"IdleTimeout"}' }]);
  });

  it('close ends what waits, and leaves no timer behind', async () => {
    const simulator = await startSimulator({ http2: { latencyMs: 60_000 } });
    const client = openHttp2(simulator);
    const answers = send(client, 3);
    await simulator.waitFor(({ requests }) => requests === 3);
    await Promise.all([simulator.close(), simulator.close()]);
    expect(await answers).toEqual([0, 0, 0]);
    await client.closed;
    expect(simulator.counts).toMatchObject({ discarded: 3, openConnections: 0 });
    expect(process.getActiveResourcesInfo().filter((name) => /^(?:TCP|TLS)/.test(name))).toEqual([]);
  });

  it.each([
    { unknown: 1 },
    { port: -1 },
    { topics: 'com.example.app' },
    { topics: [''] },
    { uniqueId: 1 },
    { maxConcurrentStreams: -1 },
    { startAtOneStream: 'yes' },
    { goaway: { unknown: 1 } },
    { goaway: { lastStream: 'some' } },
    { goaway: { lastStream: [] } },
    { goaway: { debugData: 'xml' } },
    { storm429: { count: -1 } },
    { bodyKind: 'xml' },
    { latencyMs: 0.5 },
  ])('are refused when they are none: %j', async (options) => {
    const simulator = await startSimulator();
    await expect(startSimulator({ http2: options as unknown as Http2Faults })).rejects.toMatchObject({
      code: 'APNS_ERR_INVALID_OPTION',
    });
    if ('port' in options || 'topics' in options || 'uniqueId' in options) return;
    expect(() => simulator.http2.setFaults(options as unknown as Http2Faults)).toThrow(
      expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }),
    );
  });

  it('bear a client that speaks no HTTP/2', async () => {
    const simulator = await startSimulator();
    const { socket, closed } = await connectRaw(simulator.http2, simulator.credentials);
    socket.once('end', () => socket.end());
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await closed;
    expect((await send(await connectHttp2(simulator), 1))[0]).toBe(200);
  });
});

describe('a GOAWAY behind large answers', () => {
  it('cuts none of them short', async () => {
    const { simulator, client } = await start({ bodyKind: 'huge', goaway: { afterRequests: 8 } });
    client.session.setLocalWindowSize(32 << 20);
    client.session.settings({ initialWindowSize: 2 << 20 });
    await new Promise((resolve) => client.session.once('localSettings', resolve));
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.notify('xyz')));
    expect(answers.map(({ body }) => body.length)).toEqual(Array(8).fill(1 << 20));
    await client.closed;
    expect(simulator.counts).toMatchObject({ rejected: 8, goaways: 1 });
  });
});
