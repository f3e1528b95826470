import { constants, type ServerHttp2Session } from 'node:http2';
import { expect, onTestFinished, test } from 'vitest';
import {
  type ChannelManager,
  type ChannelManagerOptions,
  createChannelManager,
} from '../../src/channels/channel-manager.js';
import { ApnsError, ChannelError } from '../../src/core/errors.js';
import type { Http2ServiceOptions } from '../../src/simulator/http2/service.js';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.js';
import {
  type ArrivedRequest,
  type RunningHttp2Gateway,
  startHttp2Gateway,
} from '../support/http2-gateway.js';
import { authority, listen, listenTls } from '../support/loopback.js';

const TOPIC = 'com.example.app';
const CHANNEL = 'dHN0LXNyY2gtY2hubA==';

async function simulate(http2: Http2ServiceOptions = {}): Promise<Simulator> {
  const simulator = await createSimulator({ http2 });
  onTestFinished(() => simulator.close());
  return simulator;
}

function manage(options: ChannelManagerOptions): ChannelManager {
  const manager = createChannelManager(options);
  onTestFinished(() => manager.close());
  return manager;
}

function withToken({ http2: { host, port }, credentials }: Simulator): ChannelManagerOptions {
  const { ca, providerKey: key, keyId, teamId, topic } = credentials;
  return { host, port, tls: { ca }, topic, providerToken: { key, keyId, teamId } };
}

function withCertificate({ http2: { host, port }, credentials }: Simulator): ChannelManagerOptions {
  const { ca, cert, key, topic } = credentials;
  return { host, port, tls: { ca, cert, key }, topic };
}

/** A service that answers everything in one way. */
async function answering(
  onRequest: (request: ArrivedRequest) => void,
  options: Partial<ChannelManagerOptions> = {},
): Promise<{ readonly manager: ChannelManager; readonly service: RunningHttp2Gateway }> {
  const service = await startHttp2Gateway({ onRequest });
  return { service, manager: manage({ ...service.options, topic: TOPIC, ...options }) };
}

function answer(status: number, headers: object = {}, body: string | Buffer = '') {
  return ({ stream }: ArrivedRequest): void => {
    if (stream.destroyed) return;
    stream.respond({ ':status': status, ...headers });
    stream.end(body);
  };
}

async function failure(promise: Promise<unknown>): Promise<ApnsError> {
  const error: unknown = await promise.then(
    () => 'fulfilled',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApnsError);
  return error as ApnsError;
}

test.each([
  ['a provider token', withToken],
  ['a certificate', withCertificate],
])('creates, reads, lists and deletes channels over one connection, with %s', async (_who, optionsFor) => {
  const simulator = await simulate();
  const manager = manage(optionsFor(simulator));
  expect(await manager.list()).toEqual([]);
  const [forgetful, storing] = await Promise.all([
    manager.create(),
    manager.create({ storesMessages: true }),
  ]);
  expect(await manager.read(forgetful)).toEqual({ channelId: forgetful, storesMessages: false });
  expect(await manager.read(storing)).toEqual({ channelId: storing, storesMessages: true });
  expect((await manager.list()).toSorted()).toEqual([forgetful, storing].toSorted());
  await manager.delete(forgetful);
  expect(await manager.list()).toEqual([storing]);
  expect(simulator.counts.connections).toBe(1);
  expect(simulator.channels.list(TOPIC)).toEqual([storing]);
});

test.each([
  ['ahead', -2],
  ['behind', 2],
])(
  'works although the clock is two hours %s, on a connection of its own for the new token',
  async (_which, hours) => {
    const simulator = await simulate({ clockSkewMs: hours * 3_600_000 });
    const channels = manage(withToken(simulator));
    const ids = await Promise.all([channels.create(), channels.create()]);
    expect(await channels.list()).toEqual(expect.arrayContaining(ids));
    expect(simulator.counts.connections).toBe(2);
  },
);

test('tells what the service says of a channel that is not there', async () => {
  const manager = manage(withToken(await simulate()));
  const error = await failure(manager.read(CHANNEL));
  expect(error).toBeInstanceOf(ChannelError);
  expect(error).toMatchObject({
    name: 'ChannelError',
    code: 'APNS_ERR_CHANNEL',
    reason: 'ChannelNotRegistered',
  });
  expect(await failure(manager.delete(CHANNEL))).toMatchObject({ reason: 'ChannelNotRegistered' });
});

test.each([
  { faults: { broadcastDisabled: true }, reason: 'FeatureNotEnabled' },
  { faults: { topics: ['com.example.other'] }, reason: 'TopicMismatch' },
])('tells that the service refuses every request ($reason)', async ({ faults, reason }) => {
  const manager = manage(withToken(await simulate(faults)));
  for (const refused of [manager.create(), manager.list()])
    expect(await failure(refused)).toMatchObject({ code: 'APNS_ERR_CHANNEL', reason });
});

test('makes another provider token where the clock of the service is ahead', async () => {
  const manager = manage(withToken(await simulate({ clockSkewMs: 7_200_000 })));
  expect(await manager.list()).toEqual([]);
});

test('sends what Apple documents', async () => {
  const { manager, service } = await answering(answer(201, { 'apns-channel-id': CHANNEL }));
  expect(await manager.create({ storesMessages: true })).toBe(CHANNEL);
  const [{ headers, body }] = service.requests as [ArrivedRequest];
  expect(headers).toMatchObject({
    ':method': 'POST',
    ':path': '/1/apps/com.example.app/channels',
    ':authority': `127.0.0.1:${service.options.port}`,
  });
  expect(body).toBe('{"message-storage-policy":1,"push-type":"LiveActivity"}');
});

test.each([
  { what: 'no body', status: 400, body: '' },
  { what: 'HTML', status: 502, body: '<html></html>' },
  { what: 'broken JSON', status: 500, body: '{"reason":' },
  { what: 'a reason that is no text', status: 400, body: '{"reason":42}' },
  { what: 'no list', status: 200, body: '{"channels":null}' },
  { what: 'a list of something else', status: 200, body: '{"channels":[1]}' },
  { what: 'nothing', status: 200, body: '' },
])('bears an answer $status with $what', async ({ status, body }) => {
  const { manager } = await answering(answer(status, {}, body));
  expect(await failure(manager.list())).toMatchObject({
    code: 'APNS_ERR_CHANNEL',
    statusCode: status,
    reason: 'Unknown',
  });
});

test('misses the id of a channel that was made, and the policy of one that was read', async () => {
  const made = await answering(answer(201));
  expect(await failure(made.manager.create())).toMatchObject({ code: 'APNS_ERR_CHANNEL', statusCode: 201 });
  const read = await answering(answer(200, {}, '{"message-storage-policy":2}'));
  expect(await failure(read.manager.read(CHANNEL))).toMatchObject({ code: 'APNS_ERR_CHANNEL' });
});

test('reads no endless answer', async () => {
  const { manager } = await answering(answer(200, {}, Buffer.alloc(2 << 20, 'x')));
  expect(await failure(manager.list())).toMatchObject({ code: 'APNS_ERR_PACKET_TOO_LARGE' });
});

test('gives up on an answer that does not come, and asks again on another connection', async () => {
  const { manager, service } = await answering(
    (request) => {
      if (request.connection > 0) answer(200, {}, '{"channels":[]}')(request);
    },
    { timeoutMs: 50 },
  );
  expect(await failure(manager.list())).toMatchObject({ code: 'APNS_ERR_TIMEOUT' });
  expect(await manager.list()).toEqual([]);
  expect(service.sessions).toHaveLength(2);
});

test.each<[string, (session: ServerHttp2Session) => void]>([
  ['closes', (session) => session.close()],
  ['breaks off', (session) => session.destroy()],
])('connects again when the service %s between two requests', async (_how, end) => {
  const { manager, service } = await answering(answer(200, {}, '{"channels":[]}'));
  for (let times = 0; times < 3; times++) {
    expect(await manager.list()).toEqual([]);
    const session = service.sessions.at(-1)!;
    const ended = new Promise((resolve) => session.once('close', resolve));
    end(session);
    await ended;
  }
  expect(service.sessions).toHaveLength(3);
});

test('connects again when the service has said that it goes away', async () => {
  const { manager, service } = await answering((request) => {
    request.session.goaway(constants.NGHTTP2_NO_ERROR, request.stream.id!);
    answer(200, {}, '{"channels":[]}')(request);
  });
  for (let times = 0; times < 3; times++) expect(await manager.list()).toEqual([]);
  expect(service.sessions).toHaveLength(3);
});

test('asks again for what was refused, but not for ever', async () => {
  const { manager, service } = await answering((request) => {
    if (request.connection < 2) request.stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else answer(200, {}, '{"channels":[]}')(request);
  });
  expect(await manager.list()).toEqual([]);
  expect(service.requests).toHaveLength(3);
  const never = await answering(({ stream }) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
  expect(await failure(never.manager.list())).toMatchObject({ code: 'APNS_ERR_CONNECTION_LOST' });
  expect(never.service.requests).toHaveLength(3);
});

test('tells that the connection was lost under a request', async () => {
  const { manager } = await answering(({ session }) => setImmediate(() => session.destroy()));
  expect(await failure(manager.list())).toMatchObject({ code: 'APNS_ERR_CONNECTION_LOST' });
});

test('takes an end before any word for refused credentials', async () => {
  const port = await listenTls((socket) => socket.end(), { ALPNProtocols: ['h2'] });
  const manager = manage({ host: '127.0.0.1', port, tls: { ca: authority.cert }, topic: TOPIC });
  expect(await failure(manager.list())).toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
});

test('dials as every sink does', async () => {
  const silent = await listen(() => {});
  const options = { host: '127.0.0.1', topic: TOPIC, tls: { ca: authority.cert } };
  const waiting = manage({ ...options, port: silent, connectTimeoutMs: 20 });
  expect(await failure(waiting.list())).toMatchObject({ code: 'APNS_ERR_CONNECT_TIMEOUT' });
  const deaf = await listenTls(() => {});
  expect(await failure(manage({ ...options, port: deaf }).list())).toMatchObject({
    code: 'APNS_ERR_NOT_HTTP2',
  });
  const proxied = manage({ ...options, port: silent, proxy: { host: '127.0.0.1', port: deaf } });
  expect(await failure(proxied.list())).toBeInstanceOf(ApnsError);
});

test('ends with its signal, under a request and before one', async () => {
  const abort = new AbortController();
  const { manager } = await answering(() => abort.abort(), { signal: abort.signal });
  expect(await failure(manager.list())).toMatchObject({ code: 'APNS_ERR_CLOSED' });
  expect(await failure(manager.list())).toMatchObject({ code: 'APNS_ERR_CLOSED' });
});

test('answers what is under way before it closes, and takes nothing more', async () => {
  const { manager, service } = await answering((request) =>
    setImmediate(() => answer(200, {}, '{"channels":[]}')(request)),
  );
  await manager.list();
  const list = manager.list();
  await Promise.all([manager.close(), manager[Symbol.asyncDispose]()]);
  expect(await list).toEqual([]);
  expect(await failure(manager.list())).toMatchObject({ code: 'APNS_ERR_CLOSED' });
  expect(service.sessions).toHaveLength(1);
});

test.each([
  undefined,
  { topic: '' },
  { topic: 'com.example.app\n' },
  { topic: TOPIC, timeoutMs: 0 },
  { topic: TOPIC, host: 'localhost', deadline: 5 },
  { topic: TOPIC },
  { topic: TOPIC, environment: 'development' },
  { topic: TOPIC, host: 'localhost', providerToken: null },
])('refuses options that cannot be used (%o)', (options) => {
  expect(() => createChannelManager(options as ChannelManagerOptions)).toThrow(
    expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }),
  );
});

test('refuses arguments that cannot be used', async () => {
  const manager = manage({ environment: 'sandbox', topic: TOPIC });
  for (const refused of [
    manager.read(''),
    manager.delete('a b\r\n'),
    manager.create({ storesMessages: 1 as unknown as boolean }),
    manager.create({ stores: true } as object),
  ])
    expect(await failure(refused)).toMatchObject({ code: 'APNS_ERR_INVALID_OPTION' });
});
