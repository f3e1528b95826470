import { describe, expect, it } from 'vitest';
import { PUSH_TYPES, topicSuffix } from '../../../src/protocol/apns/push-type.js';
import { lintNotification } from '../../../src/rules/rules.js';
import {
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
  type Simulator,
} from '../../../src/simulator/index.js';
import { bearer, connectHttp2, type Http2Client } from '../http2-client.js';
import { exchange, startSimulator } from '../raw-client.js';

const TOKEN = 'ab'.repeat(32);
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NOW = Math.floor(Date.now() / 1000);

async function start(): Promise<{ simulator: Simulator; client: Http2Client }> {
  const simulator = await startSimulator();
  return { simulator, client: await connectHttp2(simulator) };
}

function reasonOf({ status, body }: { status: number; body: string }): [number, string] {
  return [status, JSON.parse(body).reason];
}

describe('the HTTP/2 side', () => {
  it('accepts and records a notification', async () => {
    const { simulator, client } = await start();
    const apnsId = '0f7e9b6a-3c1d-4e5f-8a9b-0c1d2e3f4a5b';
    const response = await client.notify(
      TOKEN.toUpperCase(),
      {
        'apns-id': apnsId,
        'apns-expiration': '1800000000',
        'apns-priority': '5',
        'apns-collapse-id': 'score',
      },
      '{"aps":{"alert":"hé"}}',
    );
    expect(response).toMatchObject({ status: 200, body: '', headers: { 'apns-id': apnsId } });
    expect(Math.abs(Date.parse(response.headers['date'] ?? '') - Date.now())).toBeLessThan(60_000);
    expect([...simulator.accepted]).toEqual([
      {
        wire: 'http2',
        connection: 1,
        deviceToken: TOKEN,
        apnsId,
        expiration: 1_800_000_000,
        priority: 5,
        payload: Buffer.from('{"aps":{"alert":"hé"}}'),
        topic: 'com.example.app',
        pushType: 'alert',
        collapseId: 'score',
      },
    ]);
    expect(simulator.counts).toMatchObject({ requests: 1, accepted: 1, rejected: 0, discarded: 0 });
  });

  it.each([...PUSH_TYPES, 'alarm', 'Alert', 'hologram'])(
    'judges push type %s as lint does',
    async (pushType) => {
      const { client } = await start();
      const topic = `com.example.app${topicSuffix(pushType) ?? ''}`;
      const { status, body } = await client.notify(TOKEN, {
        'apns-push-type': pushType,
        'apns-topic': topic,
        'apns-priority': '5',
      });
      const isRefused = status === 400 && JSON.parse(body).reason === 'InvalidPushType';
      const payload = { aps: {} };
      const findings = lintNotification({ deviceToken: TOKEN, payload, topic, pushType }, { auth: 'token' });
      const errors = findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
      expect(errors).toEqual(isRefused ? ['push-type-unknown'] : []);
      expect(isRefused).toBe(!(PUSH_TYPES as string[]).includes(pushType));
    },
  );

  it('makes an apns-id where there is none', async () => {
    const { simulator, client } = await start();
    const { headers } = await client.request(
      { ':method': 'POST', ':path': `/3/device/${TOKEN}`, 'apns-topic': 'com.example.app' },
      '{}',
    );
    expect(headers['apns-id']).toMatch(UUID);
    expect(headers['apns-unique-id']).toBeUndefined();
    expect([...simulator.accepted]).toMatchObject([{ apnsId: headers['apns-id'] }]);
  });

  it('gives an apns-unique-id where it is told to', async () => {
    const client = await connectHttp2(await startSimulator({ http2: { uniqueId: true } }));
    expect((await client.notify(TOKEN)).headers['apns-unique-id']).toMatch(UUID);
  });

  it('announces the settings of APNs', async () => {
    const { client } = await start();
    expect(client.session.remoteSettings).toMatchObject({
      maxConcurrentStreams: 1000,
      maxHeaderListSize: 8000,
    });
    expect(client.session.alpnProtocol).toBe('h2');
  });

  it.each<[string, string, Record<string, string | string[]>, string | Buffer | undefined, number]>([
    ['BadPath', '', { ':path': '/' }, '{}', 404],
    ['BadPath', '', { ':path': '/3/devices/abcd' }, '{}', 404],
    ['MethodNotAllowed', TOKEN, { ':method': 'GET' }, undefined, 405],
    ['MissingDeviceToken', '', {}, '{}', 400],
    ['MissingDeviceToken', '', { ':path': '/3/device' }, '{}', 400],
    ['BadDeviceToken', 'xyz', {}, '{}', 400],
    ['BadDeviceToken', 'abc', {}, '{}', 400],
    ['BadDeviceToken', 'ab'.repeat(101), {}, '{}', 400],
    ['BadMessageId', TOKEN, { 'apns-id': '7' }, '{}', 400],
    ['BadTopic', TOKEN, { 'apns-topic': 'com example' }, '{}', 400],
    ['TopicDisallowed', TOKEN, { 'apns-topic': 'com.example.other' }, '{}', 400],
    ['TopicDisallowed', TOKEN, { 'apns-push-type': 'voip' }, '{}', 400],
    ['InvalidPushType', TOKEN, { 'apns-push-type': 'alarm' }, '{}', 400],
    ['BadPriority', TOKEN, { 'apns-priority': '7' }, '{}', 400],
    ['BadPriority', TOKEN, { 'apns-priority': '10', 'apns-push-type': 'background' }, '{}', 400],
    ['BadExpirationDate', TOKEN, { 'apns-expiration': 'soon' }, '{}', 400],
    ['BadExpirationDate', TOKEN, { 'apns-expiration': '1800000000000' }, '{}', 400],
    ['BadCollapseId', TOKEN, { 'apns-collapse-id': 'x'.repeat(65) }, '{}', 400],
    ['DuplicateHeaders', TOKEN, { 'apns-collapse-id': ['a', 'b'] }, '{}', 400],
    ['PayloadEmpty', TOKEN, {}, undefined, 400],
    ['PayloadEmpty', TOKEN, {}, '', 400],
    ['PayloadTooLarge', TOKEN, {}, 'x'.repeat(4097), 413],
    ['PayloadTooLarge', TOKEN, {}, Buffer.alloc(1 << 20), 413],
  ])('answers %s for the token %j with %j', async (reason, deviceToken, headers, body, status) => {
    const { simulator, client } = await start();
    const response =
      body === undefined
        ? await client.request({
            'apns-topic': 'com.example.app',
            ':method': 'POST',
            ':path': `/3/device/${deviceToken}`,
            ...headers,
          })
        : await client.notify(deviceToken, headers, body);
    expect(reasonOf(response)).toEqual([status, reason]);
    expect(response.headers['apns-id']).toMatch(UUID);
    expect(simulator.counts).toMatchObject({ requests: 1, accepted: 0, rejected: 1, discarded: 0 });
    // The connection goes on.
    expect((await client.notify(TOKEN)).status).toBe(200);
  });

  it('answers MissingTopic', async () => {
    const { client } = await start();
    const response = await client.request({ ':method': 'POST', ':path': `/3/device/${TOKEN}` }, '{}');
    expect(reasonOf(response)).toEqual([400, 'MissingTopic']);
  });

  it('takes payloads and collapse ids up to their limits', async () => {
    const { simulator, client } = await start();
    const voip = { 'apns-push-type': 'voip', 'apns-topic': 'com.example.app.voip' };
    const responses = await Promise.all([
      client.notify(TOKEN, { 'apns-collapse-id': 'x'.repeat(64) }, 'x'.repeat(4096)),
      client.notify(TOKEN, voip, 'x'.repeat(5120)),
      client.notify(TOKEN, voip, 'x'.repeat(5121)),
    ]);
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 413]);
    expect(simulator.counts.accepted).toBe(2);
  });

  it('holds a device to its topic', async () => {
    const simulator = await startSimulator({ http2: { topics: ['com.example.app', 'com.example.two'] } });
    simulator.devices.register(TOKEN, 'com.example.two');
    const client = await connectHttp2(simulator);
    expect(reasonOf(await client.notify(TOKEN))).toEqual([400, 'DeviceTokenNotForTopic']);
    expect((await client.notify(TOKEN, { 'apns-topic': 'com.example.two' })).status).toBe(200);
    simulator.devices.register(TOKEN);
    expect((await client.notify(TOKEN)).status).toBe(200);
  });

  it('answers BadDeviceToken for a token that was invalidated', async () => {
    const { simulator, client } = await start();
    simulator.devices.invalidate(TOKEN);
    expect(reasonOf(await client.notify(TOKEN))).toEqual([400, 'BadDeviceToken']);
  });

  it('answers Unregistered with milliseconds, and lists the device for feedback', async () => {
    const { simulator, client } = await start();
    simulator.devices.unregister(TOKEN, NOW - 60);
    await exchange(simulator.feedback, simulator.credentials, Buffer.alloc(0));
    const { status, body } = await client.notify(TOKEN);
    expect(status).toBe(410);
    expect(JSON.parse(body)).toEqual({ reason: 'Unregistered', timestamp: (NOW - 60) * 1000 });
    const { bytes } = await exchange(simulator.feedback, simulator.credentials, Buffer.alloc(0));
    expect(bytes.toString('hex')).toBe(`${(NOW - 60).toString(16).padStart(8, '0')}0020${TOKEN}`);
  });

  it('keeps what it accepted although the client no longer wants the answer', async () => {
    const { simulator, client } = await start();
    simulator.http2.setFaults({ latencyMs: 50 });
    const stream = client.session.request({
      ':method': 'POST',
      ':path': `/3/device/${TOKEN}`,
      'apns-topic': 'com.example.app',
      authorization: bearer(simulator.credentials),
    });
    stream.on('error', () => {});
    stream.end('{}');
    await simulator.waitFor(({ requests }) => requests === 1);
    await client.notify(TOKEN);
    stream.close();
    await simulator.waitFor(({ accepted }) => accepted === 2);
    expect(simulator.counts.discarded).toBe(0);
  });

  it('discards what never arrives whole', async () => {
    const { simulator, client } = await start();
    const stream = client.session.request({ ':method': 'POST', ':path': `/3/device/${TOKEN}` });
    stream.on('error', () => {});
    stream.write('{');
    await simulator.waitFor(({ requests }) => requests === 1);
    // Closing the stream would have node:http2 end the body first.
    client.session.destroy();
    await simulator.waitFor(({ discarded }) => discarded === 1);
    expect(simulator.counts).toMatchObject({ requests: 1, accepted: 0, rejected: 0 });
  });
});

describe('a provider token', () => {
  it.each<[string, (simulator: Simulator) => string | null]>([
    ['MissingProviderToken', () => null],
    ['InvalidProviderToken', () => 'bearer'],
    ['InvalidProviderToken', () => 'bearer a.b.c'],
    ['InvalidProviderToken', ({ credentials }) => bearer(credentials, { kid: 'AAAAAAAAAA' })],
    ['InvalidProviderToken', ({ credentials }) => bearer(credentials, { iss: 'AAAAAAAAAA' })],
    ['InvalidProviderToken', ({ credentials }) => bearer(credentials, { iat: 'now' })],
    ['InvalidProviderToken', ({ credentials }) => bearer(credentials, { key: credentials.key })],
    ['InvalidProviderToken', ({ credentials }) => bearer(credentials, { iat: NOW + 3600 })],
    ['ExpiredProviderToken', ({ credentials }) => bearer(credentials, { iat: NOW - 3660 })],
  ])('gets %s', async (reason, token) => {
    const simulator = await startSimulator();
    const client = await connectHttp2(simulator, { token: token(simulator) });
    expect(reasonOf(await client.notify(TOKEN))).toEqual([403, reason]);
    expect(simulator.counts).toMatchObject({ accepted: 0, rejected: 1 });
  });

  it.each(['der', 'ieee-p1363'] as const)('is good with a signature in %s', async (dsaEncoding) => {
    const simulator = await startSimulator();
    const token = bearer(simulator.credentials, { dsaEncoding });
    const client = await connectHttp2(simulator, { token });
    expect((await client.notify(TOKEN)).status).toBe(200);
    const upper = await connectHttp2(simulator, { token: token.replace('bearer', 'Bearer') });
    expect((await upper.notify(TOKEN)).status).toBe(200);
  });

  it('may not change too often on one connection', async () => {
    const simulator = await startSimulator({ http2: { maxProviderTokens: 2 } });
    const client = await connectHttp2(simulator);
    const tokens = [1, 2, 3].map((age) => bearer(simulator.credentials, { iat: NOW - age }));
    const answers = [];
    for (const authorization of [...tokens, tokens[0] as string]) {
      answers.push(await client.notify(TOKEN, { authorization }));
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 200]);
    expect(reasonOf(answers[2]!)).toEqual([429, 'TooManyProviderTokenUpdates']);
    const other = await connectHttp2(simulator);
    expect((await other.notify(TOKEN, { authorization: tokens[2] as string })).status).toBe(200);
  });
});

describe('a client certificate', () => {
  it('speaks for the provider, and implies the topic', async () => {
    const simulator = await startSimulator();
    const client = await connectHttp2(simulator, { certificate: true, token: null });
    const response = await client.request({ ':method': 'POST', ':path': `/3/device/${TOKEN}` }, '{}');
    expect(response.status).toBe(200);
    expect([...simulator.accepted]).toMatchObject([{ topic: 'com.example.app' }]);
    expect((await client.notify(TOKEN, { authorization: 'bearer nonsense' })).status).toBe(200);
    const other = await client.notify(TOKEN, { 'apns-topic': 'com.example.other' });
    expect(reasonOf(other)).toEqual([400, 'TopicDisallowed']);
    const voip = { 'apns-topic': 'com.example.app.voip', 'apns-push-type': 'voip' };
    expect((await client.notify(TOKEN, voip)).status).toBe(200);
  });

  it('may not ask for a location, as a provider token may', async () => {
    const simulator = await startSimulator();
    const headers = { 'apns-topic': 'com.example.app.location-query', 'apns-push-type': 'location' };
    const client = await connectHttp2(simulator, { certificate: true, token: null });
    expect(reasonOf(await client.notify(TOKEN, headers))).toEqual([400, 'TopicDisallowed']);
    expect((await (await connectHttp2(simulator)).notify(TOKEN, headers)).status).toBe(200);
  });

  it('for several topics implies none', async () => {
    const authority = mintAuthority();
    const server = mintServerCertificate(authority);
    const pair = mintClientCertificate(authority, { topics: ['com.example.two'] });
    const base = (await startSimulator()).credentials;
    const simulator = await startSimulator({
      credentials: { ...base, ca: authority.cert, serverCert: server.cert, serverKey: server.key },
    });
    const client = await connectHttp2(simulator, { certificate: pair, token: null });
    const bare = await client.request({ ':method': 'POST', ':path': `/3/device/${TOKEN}` }, '{}');
    expect(reasonOf(bare)).toEqual([400, 'MissingTopic']);
    const statuses = [];
    for (const topic of ['com.example.app', 'com.example.two', 'com.example.three']) {
      statuses.push((await client.notify(TOKEN, { 'apns-topic': topic })).status);
    }
    expect(statuses).toEqual([200, 200, 400]);
  });

  it('of another authority gets BadCertificate', async () => {
    const simulator = await startSimulator();
    const certificate = mintClientCertificate(mintAuthority());
    const client = await connectHttp2(simulator, { certificate });
    expect(reasonOf(await client.notify(TOKEN))).toEqual([403, 'BadCertificate']);
  });
});
