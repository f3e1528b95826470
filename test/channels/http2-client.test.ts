import { getEventListeners, once } from 'node:events';
import { constants, type ServerHttp2Session } from 'node:http2';
import { expect, onTestFinished, test } from 'vitest';
import { type Http2Answer, Http2Client } from '../../src/channels/http2-client.js';
import { resolveTarget } from '../../src/connection/target.js';
import {
  type ArrivedRequest,
  type Http2Script,
  type RunningHttp2Gateway,
  respond,
  startHttp2Gateway,
} from '../support/http2-gateway.js';
import { startRawGateway } from '../support/http2-raw-gateway.js';
import { authority, listenTls, unusedPort } from '../support/loopback.js';

const GET = { ':method': 'GET', ':path': '/' };

interface Settings {
  readonly timeoutMs?: number;
  /** One that never aborts before the test is finished, unless given; none at all for `null`. */
  readonly signal?: AbortSignal | null;
}

function clientAt(port: number, { timeoutMs = 10_000, signal }: Settings = {}): Http2Client {
  const target = resolveTarget({ host: '127.0.0.1', port, tls: { ca: authority.cert } }, 'http2');
  const end = new AbortController();
  onTestFinished(() => end.abort());
  return new Http2Client({
    target,
    authority: 'manager.example:2196',
    timeoutMs,
    signal: signal === null ? undefined : (signal ?? end.signal),
  });
}

async function connected(
  script: Http2Script,
  settings?: Settings,
): Promise<{ readonly service: RunningHttp2Gateway; readonly client: Http2Client }> {
  const service = await startHttp2Gateway(script);
  return { service, client: clientAt(service.options.port, settings) };
}

const codeOf = (promise: Promise<Http2Answer>): Promise<string> =>
  promise.then(
    ({ statusCode }) => String(statusCode),
    (error) => error.code,
  );

test('sends headers and body, and resolves with status, headers and the whole body', async () => {
  const { service, client } = await connected({
    onRequest({ stream, body }) {
      stream.respond({ ':status': 404, 'x-of': 'service' });
      stream.write(`${body} and `);
      setImmediate(() => stream.end('back'));
    },
  });
  const answer = await client.request({ ':method': 'POST', ':path': '/a' }, Buffer.from('there'));
  expect(answer).toMatchObject({ statusCode: 404, headers: { 'x-of': 'service' } });
  expect(answer.body.toString()).toBe('there and back');
  const [request] = service.requests;
  expect(request?.headers).toMatchObject({
    ':authority': 'manager.example:2196',
    ':path': '/a',
    ':method': 'POST',
  });
  expect(request?.session.alpnProtocol).toBe('h2');
  expect(request?.session.remoteSettings.enablePush).toBe(false);
});

test('sends a request without a body whatever its method, and needs no signal', async () => {
  const { service, client } = await connected(
    {
      onRequest: (request) =>
        request.headers[':path'] === '/' ? respond(request, 200) : request.session.destroy(),
    },
    { signal: null },
  );
  expect(await codeOf(client.request({ ':method': 'POST', ':path': '/' }))).toBe('200');
  expect(await codeOf(client.request({ ...GET, ':path': '/lost' }))).toBe('APNS_ERR_CONNECTION_LOST');
  expect(await codeOf(client.request(GET))).toBe('200');
  await client.close();
  expect(service.sessions).toHaveLength(2);
});

test('sends all requests on one connection', async () => {
  const { service, client } = await connected({});
  await Promise.all([client.request(GET), client.request(GET)]);
  await client.request(GET);
  expect(service.sessions).toHaveLength(1);
});

test.each([
  [1024 * 1024, '200'],
  [1024 * 1024 + 1, 'APNS_ERR_PACKET_TOO_LARGE'],
])('answers a response of %i bytes with %s', async (bytes, result) => {
  const { client } = await connected({
    onRequest({ stream }) {
      stream.respond({ ':status': 200 });
      stream.end(Buffer.alloc(bytes));
    },
  });
  expect(await codeOf(client.request(GET))).toBe(result);
});

test('sends a refused request again on other connections, three times in all', async () => {
  let refusals = 2;
  const { service, client } = await connected({
    onRequest(request) {
      if (refusals-- > 0) request.stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else respond(request, 200);
    },
  });
  expect(await codeOf(client.request(GET))).toBe('200');
  expect(service.requests.map(({ connection }) => connection)).toEqual([0, 1, 2]);
  refusals = 3;
  await expect(client.request(GET)).rejects.toMatchObject({
    code: 'APNS_ERR_CONNECTION_LOST',
    message: expect.stringContaining('refused the request 3 times'),
  });
  expect(service.requests).toHaveLength(6);
});

test.each<[string, string, (request: ArrivedRequest) => void]>([
  [
    'a reset without an answer',
    'APNS_ERR_CONNECTION_LOST',
    ({ stream }) => stream.close(constants.NGHTTP2_NO_ERROR),
  ],
  [
    'an end of the connection in the middle of an answer',
    'APNS_ERR_CONNECTION_LOST',
    ({ stream, session }) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => session.destroy());
    },
  ],
  [
    'a reset with an error',
    'APNS_ERR_CONNECTION_LOST',
    ({ stream }) => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  ],
  ['an end of the connection', 'APNS_ERR_CONNECTION_LOST', ({ session }) => session.destroy()],
])('fails on %s with %s, and does not send the request again', async (_what, code, onRequest) => {
  const { service, client } = await connected({ onRequest });
  expect(await codeOf(client.request(GET))).toBe(code);
  expect(service.requests).toHaveLength(1);
});

test('does not take an answer that is cut off by CANCEL for a whole one', async () => {
  const gateway = await startRawGateway({
    onRequest(peer, { streamId }) {
      const half = { type: 'DATA', streamId, endStream: false, data: Buffer.from('half') } as const;
      peer.send(peer.headers(streamId, [[':status', '200']], false), half);
      peer.reset(streamId, constants.NGHTTP2_CANCEL);
    },
  });
  const client = clientAt(gateway.options.port);
  expect(await codeOf(client.request(GET))).toBe('APNS_ERR_CONNECTION_LOST');
});

test('takes an end before the first frame for refused credentials', async () => {
  const port = await listenTls((socket) => socket.end(), { ALPNProtocols: ['h2'] });
  expect(await codeOf(clientAt(port).request(GET))).toBe('APNS_ERR_CREDENTIALS_REFUSED');
});

test('fails as the dial does, and dials again for the next request', async () => {
  const port = await unusedPort();
  const client = clientAt(port);
  const refused = 'APNS_ERR_CONNECTION_REFUSED';
  expect(await codeOf(client.request(GET))).toBe(refused);
  client.reconnect();
  expect(await codeOf(client.request(GET))).toBe(refused);
  const request = codeOf(client.request(GET));
  client.reconnect();
  expect(await request).toBe(refused);
  await client.close();
});

test('gives up on an answer at its deadline, and asks the next time on another connection', async () => {
  const { service, client } = await connected(
    {
      onRequest: (request) => {
        if (request.connection > 0) respond(request, 200);
      },
    },
    { timeoutMs: 100 },
  );
  expect(await codeOf(client.request(GET))).toBe('APNS_ERR_TIMEOUT');
  // The deadline is short: a slow machine may need it more than once.
  for (let code = ''; code !== '200'; ) code = await codeOf(client.request(GET));
  expect(service.requests.at(-1)!.connection).toBeGreaterThan(0);
});

test('leaves a connection that refuses a request to those that wait on it', async () => {
  const held: ArrivedRequest[] = [];
  const { client } = await connected({
    onRequest(request) {
      if (request.headers[':path'] === '/held') held.push(request);
      else if (request.connection === 0) request.stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else respond(request, 200);
    },
  });
  const waiting = codeOf(client.request({ ...GET, ':path': '/held' }));
  await until(() => held.length === 1);
  expect(await codeOf(client.request(GET))).toBe('200');
  respond(held[0]!, 200);
  expect(await waiting).toBe('200');
});

test('dials again after the service has closed the connection', async () => {
  const { service, client } = await connected({});
  for (const end of [(session: ServerHttp2Session) => session.close(), 'destroy'] as const) {
    expect(await codeOf(client.request(GET))).toBe('200');
    const session = service.sessions.at(-1)!;
    const closed = once(session, 'close');
    if (end === 'destroy') session.destroy();
    else end(session);
    await closed;
  }
  expect(await codeOf(client.request(GET))).toBe('200');
  expect(service.sessions).toHaveLength(3);
});

test('spends none of its three attempts on a connection that has ended before', async () => {
  let refusals = 0;
  const { service, client } = await connected({
    onRequest(request) {
      if (refusals-- > 0) request.stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else respond(request, 200);
    },
  });
  await client.request(GET);
  const closed = once(service.sessions[0]!, 'close');
  service.sessions[0]!.close();
  await closed;
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  refusals = 2;
  expect(await codeOf(client.request(GET))).toBe('200');
});

test('sends on another connection what is asked after GOAWAY, while an answer is still to come', async () => {
  const held: ArrivedRequest[] = [];
  const { service, client } = await connected({ onRequest: (request) => void held.push(request) });
  const before = codeOf(client.request(GET));
  await until(() => held.length === 1);
  const [session] = service.sessions as [ServerHttp2Session];
  const noticed = once(session, 'goaway');
  session.goaway(constants.NGHTTP2_NO_ERROR, held[0]!.stream.id!);
  await noticed;
  const after = codeOf(client.request(GET));
  await until(() => held.length === 2);
  for (const request of held) respond(request, 200);
  expect([await before, await after]).toEqual(['200', '200']);
  expect(held.map(({ connection }) => connection)).toEqual([0, 1]);
});

test('answers on the old connection what was asked before it reconnects, then closes that', async () => {
  const held: ArrivedRequest[] = [];
  const { service, client } = await connected({ onRequest: (request) => void held.push(request) });
  client.reconnect();
  const before = codeOf(client.request(GET));
  await until(() => held.length === 1);
  client.reconnect();
  const after = codeOf(client.request(GET));
  await until(() => held.length === 2);
  const closed = once(service.sessions[0]!, 'close');
  for (const request of held) respond(request, 200);
  expect([await before, await after]).toEqual(['200', '200']);
  await closed;
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  const last = codeOf(client.request(GET));
  await until(() => held.length === 3);
  respond(held[2]!, 200);
  expect(await last).toBe('200');
  expect(held.map(({ connection }) => connection)).toEqual([0, 1, 1]);
});

test('closes when everything is answered, as often as it is asked to, and takes no more', async () => {
  const held: ArrivedRequest[] = [];
  const { service, client } = await connected({ onRequest: (request) => void held.push(request) });
  const requests = [codeOf(client.request(GET)), codeOf(client.request(GET))];
  await until(() => held.length === 2);
  let closings = 0;
  const closing = [client.close(), client.close()].map((promise) => promise.then(() => closings++));
  expect(await codeOf(client.request(GET))).toBe('APNS_ERR_CLOSED');
  respond(held[0]!, 200);
  expect(await requests[0]).toBe('200');
  await new Promise(setImmediate);
  expect(closings).toBe(0);
  respond(held[1]!, 200);
  await Promise.all(closing);
  expect(await requests[1]).toBe('200');
  await until(() => service.sessions[0]!.closed);
  await client.close();
});

test('sends what was asked before it is closed, and says good-bye', async () => {
  const errorCodes: number[] = [];
  const { client } = await connected({
    onSession: (session) => session.on('goaway', (code) => errorCodes.push(code)),
  });
  const request = codeOf(client.request(GET));
  await client.close();
  expect(await request).toBe('200');
  await until(() => errorCodes.length > 0);
  expect(errorCodes).toEqual([constants.NGHTTP2_NO_ERROR]);
});

test('closes at once where nothing was sent', async () => {
  await clientAt(1).close();
});

test('gives a service one second to close its side', async () => {
  // SETTINGS, and the headers of a response 200 that ends stream 1.
  const answer = Buffer.from('00000004000000000000000101050000000188', 'hex');
  const port = await listenTls(
    (socket) => {
      socket.once('data', () => socket.write(answer));
      // What is not read is not closed.
      socket.on('data', () => void socket.pause());
    },
    { ALPNProtocols: ['h2'] },
  );
  const client = clientAt(port);
  expect(await codeOf(client.request(GET))).toBe('200');
  await client.close();
});

test('ends with its signal: before a request, in one, and in a dial', async () => {
  const reason = new Error('enough');
  for (const when of ['before', 'in the request', 'in the dial']) {
    const abort = new AbortController();
    const { client } = await connected(
      {
        onSession: () => void (when === 'in the dial' && abort.abort(reason)),
        onRequest: () => abort.abort(reason),
      },
      { signal: abort.signal },
    );
    if (when === 'before') abort.abort(reason);
    await expect(client.request(GET)).rejects.toMatchObject({ code: 'APNS_ERR_CLOSED', cause: reason });
    await expect(client.request(GET)).rejects.toMatchObject({ code: 'APNS_ERR_CLOSED' });
    await until(() => getEventListeners(abort.signal, 'abort').length === 0);
  }
});

test('leaves no listener on its signal behind a connection that has ended', async () => {
  const { signal } = new AbortController();
  const { client } = await connected({}, { signal });
  await client.request(GET);
  await client.close();
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}
