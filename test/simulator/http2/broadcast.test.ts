import { describe, expect, it } from 'vitest';
import { type ApnsReason, REASON_STATUS } from '../../../src/core/reason.js';
import type { Simulator } from '../../../src/simulator/index.js';
import { connectHttp2, type Http2Client, type Http2Response } from '../http2-client.js';
import { startSimulator } from '../raw-client.js';

const APP = 'com.example.app';
const CHANNELS = `/1/apps/${APP}/channels`;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAAAA==';

type Headers = Record<string, string>;

async function start(): Promise<{ simulator: Simulator; client: Http2Client }> {
  const simulator = await startSimulator();
  return { simulator, client: await connectHttp2(simulator) };
}

function create(client: Http2Client, body: string): Promise<Http2Response> {
  return client.request({ ':method': 'POST', ':path': CHANNELS }, body);
}

function broadcast(
  client: Http2Client,
  channelId: string,
  headers: Headers = {},
  body = '{"aps":{}}',
): Promise<Http2Response> {
  const path = `/4/broadcasts/apps/${APP}`;
  const base = {
    ':method': 'POST',
    ':path': path,
    'apns-push-type': 'liveactivity',
    'apns-expiration': '0',
    'apns-priority': '10',
  };
  return client.request({ ...base, 'apns-channel-id': channelId, ...headers }, body);
}

function reasonOf({ status, body }: Http2Response): [number, string] {
  return [status, JSON.parse(body).reason];
}

describe('channel management', () => {
  it('creates, reads, lists and deletes', async () => {
    const { simulator, client } = await start();
    const created = await create(client, '{"message-storage-policy":1,"push-type":"LiveActivity"}');
    expect(created.status).toBe(201);
    const id = created.headers['apns-channel-id'] ?? '';
    expect(Buffer.from(id, 'base64').length).toBe(16);
    expect(simulator.channels.list(APP)).toEqual([id]);
    const headers = { 'apns-channel-id': id, 'apns-request-id': '7a3f' };
    const read = await client.request({ ':method': 'GET', ':path': CHANNELS, ...headers });
    expect([read.status, JSON.parse(read.body)]).toEqual([
      200,
      { 'message-storage-policy': 1, 'push-type': 'LiveActivity' },
    ]);
    expect(read.headers['apns-request-id']).toBe('7a3f');
    const listed = await client.request({ ':method': 'GET', ':path': `/1/apps/${APP}/all-channels` });
    expect(JSON.parse(listed.body)).toEqual({ channels: [id] });
    const deleted = await client.request({ ':method': 'DELETE', ':path': CHANNELS, ...headers });
    expect([deleted.status, deleted.body]).toEqual([204, '']);
    const gone = await client.request({ ':method': 'GET', ':path': CHANNELS, ...headers });
    expect(reasonOf(gone)).toEqual([400, 'ChannelNotRegistered']);
    expect(simulator.channels.list(APP)).toEqual([]);
  });

  it.each<[ApnsReason, string, string, Headers, string | undefined]>([
    ['BadRequestPayload', 'POST', CHANNELS, {}, 'no JSON'],
    ['BadRequestPayload', 'POST', CHANNELS, {}, '[]null'],
    ['BadRequestPayload', 'POST', CHANNELS, {}, '{"push-type":"LiveActivity","message-storage-policy":2}'],
    ['BadRequestPayload', 'POST', CHANNELS, {}, '{"push-type":"LiveActivity"}'],
    [
      'BadRequestParams',
      'POST',
      CHANNELS,
      {},
      '{"push-type":"LiveActivity","message-storage-policy":0,"x":1}',
    ],
    ['MissingPushType', 'POST', CHANNELS, {}, '{}'],
    ['InvalidPushType', 'POST', CHANNELS, {}, '{"push-type":"alert"}'],
    ['TopicMismatch', 'GET', '/1/apps/com.example.other/channels', {}, undefined],
    ['MissingChannelId', 'GET', CHANNELS, {}, undefined],
    ['BadChannelId', 'DELETE', CHANNELS, { 'apns-channel-id': '***' }, undefined],
    ['ChannelNotRegistered', 'DELETE', CHANNELS, { 'apns-channel-id': UNKNOWN }, undefined],
    ['MethodNotAllowed', 'PUT', CHANNELS, {}, '{}'],
    ['MethodNotAllowed', 'DELETE', `/1/apps/${APP}/all-channels`, {}, undefined],
    ['BadPath', 'GET', `/1/apps/${APP}`, {}, undefined],
  ])('answers %s to %s %s with %j', async (reason, method, path, headers, body) => {
    const { client } = await start();
    const response = await client.request({ ':method': method, ':path': path, ...headers }, body);
    expect(reasonOf(response)).toEqual([REASON_STATUS[reason], reason]);
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.headers['apns-request-id']).toMatch(UUID);
  });

  it('makes an id for a request that has none, and no apns-id', async () => {
    const { simulator, client } = await start();
    const created = await create(client, '{"message-storage-policy":0,"push-type":"LiveActivity"}');
    expect(created.headers['apns-request-id']).toMatch(UUID);
    expect(created.headers).not.toHaveProperty('apns-id');
    const response = await broadcast(client, simulator.channels.list(APP)[0]!);
    expect(response.headers).not.toHaveProperty('apns-id');
    expect(response.headers['apns-unique-id']).toMatch(UUID);
    const [accepted] = simulator.accepted;
    expect(accepted).toMatchObject({ requestId: response.headers['apns-request-id'] });
    expect(accepted).not.toHaveProperty('apnsId');
  });

  it('says of what it answers that it is JSON', async () => {
    const { client } = await start();
    const listed = await client.request({ ':method': 'GET', ':path': `/1/apps/${APP}/all-channels` });
    expect(listed.headers['content-type']).toBe('application/json');
  });

  it('makes no more than 10,000 channels for an app', async () => {
    const { simulator, client } = await start();
    for (let i = 0; i < 10_000; i++) simulator.channels.create(APP);
    const response = await create(client, '{"message-storage-policy":0,"push-type":"LiveActivity"}');
    expect(reasonOf(response)).toEqual([400, 'CannotCreateChannelConfig']);
  });

  it('can be switched off', async () => {
    const { simulator, client } = await start();
    simulator.http2.setFaults({ broadcastDisabled: true });
    const created = await create(client, '{"push-type":"LiveActivity"}');
    expect(reasonOf(created)[1]).toBe('FeatureNotEnabled');
    expect(reasonOf(await broadcast(client, UNKNOWN))[1]).toBe('FeatureNotEnabled');
  });
});

it('answers 403 TopicMismatch, and no other 4xx, where the credentials are not good for the app', async () => {
  const { client } = await start();
  const channels = { ':method': 'GET', ':path': '/1/apps/com.example.other/channels' };
  expect(reasonOf(await client.request(channels))).toEqual([403, 'TopicMismatch']);
  const path = { ':path': '/4/broadcasts/apps/com.example.other' };
  expect(reasonOf(await broadcast(client, UNKNOWN, path))).toEqual([403, 'TopicMismatch']);
});

describe('a broadcast', () => {
  it('is accepted and recorded', async () => {
    const { simulator, client } = await start();
    const channelId = simulator.channels.create(APP, 1) ?? '';
    const headers = { 'apns-expiration': '1800000000', 'apns-priority': '5', 'apns-request-id': '7a3f' };
    const response = await broadcast(client, channelId, headers, 'x'.repeat(5120));
    expect([response.status, response.headers['apns-request-id']]).toEqual([200, '7a3f']);
    expect([...simulator.accepted]).toMatchObject([
      {
        deviceToken: '',
        channelId,
        topic: APP,
        pushType: 'liveactivity',
        priority: 5,
        expiration: 1_800_000_000,
      },
    ]);
    expect(simulator.counts).toMatchObject({ requests: 1, accepted: 1 });
  });

  it.each<[ApnsReason, Headers, string]>([
    ['BadChannelId', { 'apns-channel-id': '*' }, '{}'],
    ['ChannelNotRegistered', { 'apns-channel-id': UNKNOWN }, '{}'],
    ['InvalidPushType', { 'apns-push-type': 'alert' }, '{}'],
    ['BadPriority', { 'apns-priority': '3' }, '{}'],
    ['BadExpirationDate', { 'apns-expiration': 'never' }, '{}'],
    ['BadExpirationDate', { 'apns-expiration': '1800000000' }, '{}'],
    ['PayloadEmpty', {}, ''],
    ['PayloadTooLarge', {}, 'x'.repeat(5121)],
    ['TopicMismatch', { ':path': '/4/broadcasts/apps/com.example.other' }, '{}'],
    ['MethodNotAllowed', { ':method': 'PUT' }, '{}'],
  ])('gets %s with %j', async (reason, headers, body) => {
    const { simulator, client } = await start();
    const channelId = simulator.channels.create(APP) ?? '';
    const response = await broadcast(client, channelId, headers, body);
    expect(reasonOf(response)).toEqual([REASON_STATUS[reason], reason]);
    expect(simulator.counts).toMatchObject({ accepted: 0, rejected: 1 });
  });

  it('needs a channel, a push type, a priority and an expiration', async () => {
    const { simulator, client } = await start();
    const request = { ':method': 'POST', ':path': `/4/broadcasts/apps/${APP}` };
    expect(reasonOf(await client.request(request, '{}'))[1]).toBe('MissingChannelId');
    const channel = { 'apns-channel-id': simulator.channels.create(APP) ?? '' };
    expect(reasonOf(await client.request({ ...request, ...channel }, '{}'))[1]).toBe('MissingPushType');
    const pushed = { ...request, ...channel, 'apns-push-type': 'liveactivity' };
    expect(reasonOf(await client.request(pushed, '{}'))[1]).toBe('BadPriority');
    const response = await client.request({ ...pushed, 'apns-priority': '10' }, '{}');
    expect(reasonOf(response)[1]).toBe('BadExpirationDate');
  });
});
