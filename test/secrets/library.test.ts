/** Planted secrets never come out of the library, whatever goes wrong. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Duplex, type Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createChannelManager } from '../../src/channels/channel-manager.js';
import type { InvalidNotificationError } from '../../src/core/errors.js';
import type { Notification } from '../../src/core/notification.js';
import { createBinaryDelivery, createHttp2Delivery } from '../../src/deliveries/delivery.js';
import { encodeFeedbackTuple } from '../../src/protocol/binary/feedback-tuple.js';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import { createSimulator } from '../../src/simulator/index.js';
import { mintAuthority, mintServerCertificate } from '../../src/simulator/pki/certificates.js';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { createHttp2Sink } from '../../src/sinks/http2-sink.js';
import { createFeedbackSource } from '../../src/sources/feedback-source.js';
import { createFrameEncoder } from '../../src/transforms/frame-encoder.js';
import { createNdjsonParser } from '../../src/transforms/ndjson-parser.js';
import { createNdjsonStringifier } from '../../src/transforms/ndjson-stringifier.js';
import { until } from '../support/frames.js';
import { respond, startHttp2Gateway } from '../support/http2-gateway.js';
import { type RawPeer, type RawRequest, startRawGateway } from '../support/http2-raw-gateway.js';
import { authority, listen, listenTls } from '../support/loopback.js';
import { exportPkcs12 } from '../support/pkcs12.js';
import { Secrets } from '../support/secrets.js';

const FAST = { connectTimeoutMs: 2000, backoff: { initialMs: 1, attempts: 1 } };

let secrets: Secrets;
let warnings: Error[];
const onWarning = (warning: Error): number => warnings.push(warning);

beforeEach(() => {
  secrets = new Secrets();
  warnings = [];
  process.on('warning', onWarning);
});

afterEach(() => {
  process.off('warning', onWarning);
  for (const warning of warnings) secrets.expectNoneShown(warning, 'a warning');
});

function thrownBy(create: () => unknown): NodeJS.ErrnoException {
  try {
    create();
  } catch (error) {
    return error as Error;
  }
  return expect.fail('nothing was thrown');
}

/** Every factory that takes credentials. */
const FACTORIES = {
  'binary sink': createBinarySink,
  'binary delivery': createBinaryDelivery,
  'HTTP/2 sink': createHttp2Sink,
  'HTTP/2 delivery': createHttp2Delivery,
  'feedback source': createFeedbackSource,
  'channel manager': (options: object) => createChannelManager({ topic: 'com.example.app', ...options }),
} as const;

const FACTORY_NAMES = Object.keys(FACTORIES) as (keyof typeof FACTORIES)[];

describe.each(FACTORY_NAMES)('credentials that cannot be used, given to a %s', (name) => {
  it.each<[string, (s: Secrets) => object]>([
    [
      'a wrong passphrase',
      (s) => ({ tls: { ...s.certificate, key: s.encryptedKey, passphrase: `${s.passphrase}x` } }),
    ],
    ['no passphrase', (s) => ({ tls: { ...s.certificate, key: s.encryptedKey } })],
    ['a passphrase of the wrong type', (s) => ({ tls: { ...s.certificate, passphrase: [s.passphrase] } })],
    ['another key', (s) => ({ tls: { ...s.certificate, key: s.encryptedKey, passphrase: s.passphrase } })],
    ['a garbled key', (s) => ({ tls: { ...s.certificate, key: s.garbledKey } })],
    ['a key that is no PEM', (s) => ({ tls: { ...s.certificate, key: s.comment } })],
    ['a key for a certificate', (s) => ({ tls: { ...s.certificate, cert: s.certificate.key } })],
    ['a key for an authority', (s) => ({ tls: { ca: s.certificate.key } })],
    ['a key in place of PKCS#12', (s) => ({ tls: { pfx: Buffer.from(s.certificate.key) } })],
    ['a path in place of PEM', (s) => ({ tls: { cert: `/${s.comment}.pem`, key: `/${s.comment}.key` } })],
    ['a path in place of an authority', (s) => ({ tls: { ca: [`/${s.comment}.pem`] } })],
    ['a path in place of PKCS#12', (s) => ({ tls: { pfx: `/${s.comment}.p12` } })],
    ['a key in place of all that tls is', (s) => ({ tls: s.certificate.key })],
    ['a key in place of a name', (s) => ({ tls: { ...s.certificate, servername: s.providerKey } })],
    ['a key in place of the host', (s) => ({ host: s.providerKey })],
    ['a key in place of the proxy', (s) => ({ proxy: s.providerKey })],
    ['a key in place of an option', (s) => ({ tls: { [s.providerKey]: true } })],
    ['a key alone', (s) => ({ tls: { key: s.certificate.key, passphrase: s.passphrase } })],
    [
      'an option that does not exist',
      (s) => ({ tls: { ...s.certificate, passphrase: s.passphrase, rejectUnauthorized: false } }),
    ],
    ['a proxy URL with a password', (s) => ({ proxy: `http://user:${s.proxyPassword}@127.0.0.1:1` })],
    ['a proxy URL that is none', (s) => ({ proxy: `user:${s.proxyPassword}@127.0.0.1:1` })],
    [
      'a proxy whose host has a password',
      (s) => ({ proxy: { host: `user:${s.proxyPassword}@127.0.0.1`, port: 1 } }),
    ],
    [
      'a user name with a password',
      (s) => ({ proxy: { host: '127.0.0.1', port: 1, username: `user:${s.proxyPassword}` } }),
    ],
    [
      'a proxy without a port',
      (s) => ({ proxy: { host: '127.0.0.1', username: 'user', password: s.proxyPassword } }),
    ],
  ])('keeps %s to itself', (_what, options) => {
    const create = FACTORIES[name] as (options: object) => unknown;
    const given = { host: '127.0.0.1', ...options(secrets) };
    const error = thrownBy(() => create(given));
    expect(error.code).toMatch(/^APNS_ERR_(BAD_CREDENTIALS|INVALID_OPTION)$/);
    secrets.expectNoneShown(error, 'the error');
  });
});

it('keeps a PKCS#12 file and its passphrase to itself', () => {
  const pfx = exportPkcs12(secrets.certificate, secrets.passphrase);
  for (const passphrase of [undefined, `${secrets.passphrase}x`]) {
    const tls = { pfx, ...(passphrase === undefined ? {} : { passphrase }) };
    const error = thrownBy(() => createBinarySink({ host: '127.0.0.1', tls }));
    expect(error.code).toBe('APNS_ERR_BAD_CREDENTIALS');
    secrets.expectNoneShown(error, 'the error');
  }
});

it.each<[string, (s: Secrets) => object]>([
  ['a garbled one', (s) => ({ key: s.providerKey.replace(/(KEY-----\n.{20})./, '$1!') })],
  ['one that is no PEM', (s) => ({ key: s.comment })],
  ['one in one line that is cut off', (s) => ({ key: s.providerKey.replaceAll('\n', '\\n').slice(0, -30) })],
  ['one in base64', (s) => ({ key: Buffer.from(s.providerKey).toString('base64') })],
  ['one without its first and last line', (s) => ({ key: s.providerKey.replaceAll(/-----.*-----/g, '') })],
  ['one that is encrypted', (s) => ({ key: s.encryptedKey })],
  ['one of the wrong type', (s) => ({ key: { pem: s.providerKey } })],
  ['one with a bad id', (s) => ({ key: s.providerKey, keyId: s.comment })],
  ['a path', (s) => ({ key: `/${s.comment}/AuthKey_ABC123DEFG.p8` })],
  ['a path in bytes', (s) => ({ key: Buffer.from(`/${s.comment}.p8`) })],
  ['base64 without its lines', (s) => ({ key: s.providerKey.split('\n').slice(1, -2).join('!') })],
  ['one in place of its id', (s) => ({ keyId: s.providerKey })],
  ['one in place of the team', (s) => ({ teamId: s.providerKey })],
  ['one in place of an option', (s) => ({ [s.providerKey]: 1 })],
])('keeps a provider key to itself: %s', (_what, change) => {
  const providerToken = { ...secrets.providerToken, ...change(secrets) } as typeof secrets.providerToken;
  for (const name of ['HTTP/2 sink', 'HTTP/2 delivery', 'channel manager'] as const) {
    const error = thrownBy(() => FACTORIES[name]({ host: '127.0.0.1', providerToken }));
    expect(error.code).toMatch(/^APNS_ERR_(BAD_CREDENTIALS|INVALID_OPTION)$/);
    secrets.expectNoneShown(error, 'the error');
  }
});

it('keeps a key to itself that stands where the simulator wants a directory', async () => {
  const error = await createSimulator({ credentials: secrets.providerKey }).catch((thrown: Error) => thrown);
  expect(error).toMatchObject({ code: 'APNS_ERR_INVALID_OPTION' });
  secrets.expectNoneShown(error, 'the error');
});

/** Writes notifications into a stream, and looks at it and at what comes of it, all the while. */
async function sendThrough(
  stream: Writable | Duplex,
  count = 40,
): Promise<NodeJS.ErrnoException | undefined> {
  let failure: Error | undefined;
  const outcomes: Readable | undefined =
    stream instanceof Duplex ? stream : (stream as { outcomes?: Readable }).outcomes;
  const look = (): void => {
    secrets.expectNoneShown(stream, 'the stream');
    if (outcomes !== undefined) secrets.expectNoneShown(outcomes, 'its outcomes');
  };
  const over = finished(stream, { readable: false }).catch((error) => {
    failure = error;
  });
  look();
  const frame = encodeFrame({ deviceToken: secrets.deviceToken, payload: '{"aps":{}}', identifier: 1 });
  for (let i = 0; i < count; i++) stream.write(stream.writableObjectMode ? secrets.notification : frame);
  look();
  stream.end();
  look();
  outcomes?.read(0);
  // Not read until something has been settled, so that outcomes lie in the stream.
  await Promise.race([until(() => (outcomes?.readableLength ?? 0) > 0 || stream.destroyed), over]);
  look();
  outcomes?.on('error', () => {}).resume();
  await over;
  look();
  secrets.expectNoneShown(failure, 'the error');
  return failure;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

/** What sends frames, and what sends notifications over HTTP/2, with every secret in its options. */
function senders(place: Place, more: object = {}): (Writable | Duplex)[] {
  const tls = { ca: authority.cert, ...secrets.certificate, passphrase: secrets.passphrase };
  const options = { ...place, tls, ...FAST, ...more };
  const withToken = { ...options, tls: { ca: authority.cert }, providerToken: secrets.providerToken };
  return [
    createBinarySink(options),
    createBinaryDelivery(options),
    createHttp2Sink(options),
    createHttp2Delivery(options),
    createHttp2Sink(withToken),
    createHttp2Delivery(withToken),
  ];
}

describe('a sink and a delivery keep secrets', () => {
  const stranger = mintServerCertificate(mintAuthority());

  it.each<[string, () => Promise<number>]>([
    ['nobody listens', async () => 1],
    ['the certificate is unknown', () => listenTls(() => {}, stranger)],
    ['the peer speaks no TLS', () => listen((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))],
    ['the peer closes', () => listen((socket) => socket.once('data', () => socket.end()))],
    ['the peer resets', () => listen((socket) => socket.once('data', () => socket.resetAndDestroy()))],
    ['the peer sends back what it gets', () => listen((socket) => socket.pipe(socket))],
    ['the peer closes once TLS is made', () => listenTls((socket) => socket.end())],
    [
      'the gateway sends back what it gets',
      () => listenTls((socket) => socket.pipe(socket), { ALPNProtocols: ['h2'] }),
    ],
    [
      'certificates are refused',
      () => listenTls(() => {}, { requestCert: true, ca: mintAuthority().cert, ALPNProtocols: ['h2'] }),
    ],
    [
      'certificates are refused in TLS 1.2',
      () =>
        listenTls(() => {}, {
          requestCert: true,
          ca: mintAuthority().cert,
          ALPNProtocols: ['h2'],
          maxVersion: 'TLSv1.2',
        }),
    ],
  ])('when %s', async (_what, start) => {
    const port = await start();
    for (const stream of senders({ host: '127.0.0.1', port }, { pingTimeoutMs: 300 })) {
      await sendThrough(stream);
    }
  });

  it.each([
    [
      '407 that repeats them',
      (head: string) => `HTTP/1.1 407 ${head}\r\nProxy-Authenticate: ${head}\r\n\r\n${head}`,
    ],
    ['another status', (head: string) => `HTTP/1.1 502 ${head}\r\n\r\n`],
    ['what is no HTTP', (head: string) => head],
  ])('when the proxy answers %s', async (_what, answer) => {
    const port = await listen((socket) =>
      socket.once('data', (chunk) => {
        const sent = /Proxy-Authorization: (.*)\r\n/.exec(String(chunk))![1]!;
        expect(sent).toBe(`Basic ${Buffer.from(`user:${secrets.proxyPassword}`).toString('base64')}`);
        socket.end(answer(sent));
      }),
    );
    const proxy = { host: '127.0.0.1', port, username: 'user', password: secrets.proxyPassword };
    for (const stream of senders({ host: 'gateway.example', port: 2195 }, { proxy })) {
      const error = await sendThrough(stream);
      expect(error!.code).toMatch(/^APNS_ERR_(PROXY|UNREACHABLE)$/);
    }
    const source = createFeedbackSource({ host: 'feedback.example', proxy, ...FAST });
    const [error] = await once(source.resume(), 'error');
    secrets.expectNoneShown(error, 'the error of the source');
    secrets.expectNoneShown(source, 'the source');
  });

  it('when all is well, through a proxy, with notifications in every buffer', async () => {
    const simulator = await createSimulator({ http2: { latencyMs: 20 } });
    onTestFinished(() => simulator.close());
    const proxyServer = createServer().on('connect', (request, client) => {
      const tunnel = connect(Number(request.url!.split(':')[1]), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        tunnel
          .on('error', () => {})
          .pipe(client)
          .on('error', () => {})
          .pipe(tunnel);
      });
    });
    await once(proxyServer.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void proxyServer.close());
    const { port } = proxyServer.address() as AddressInfo;
    const { ca, cert, key, providerKey, keyId, teamId } = simulator.credentials;
    const proxy = { host: '127.0.0.1', port, username: 'user', password: secrets.proxyPassword };
    const at = ({ host, port }: Place) => ({ host, port, proxy, ...FAST, window: { count: 5 } });
    const providerToken = { key: providerKey, keyId, teamId };
    const streams = [
      createBinarySink({ ...at(simulator.gateway), tls: { ca, cert, key } }),
      createBinaryDelivery({ ...at(simulator.gateway), tls: { ca, cert, key } }),
      createHttp2Sink({ ...at(simulator.http2), tls: { ca }, providerToken }),
      createHttp2Delivery({ ...at(simulator.http2), tls: { ca }, providerToken }),
    ];
    for (const stream of streams) {
      expect(await sendThrough(stream)).toBeUndefined();
      expect((stream as { counts?: { accepted: number } }).counts).toMatchObject({ accepted: 40 });
    }
  });
});

/** Sends through both HTTP/2 streams, to a gateway that says what it likes. */
async function sendOverHttp2(
  onRequest: (peer: RawPeer, request: RawRequest) => void,
): Promise<(NodeJS.ErrnoException | undefined)[]> {
  const errors: (NodeJS.ErrnoException | undefined)[] = [];
  for (const create of [createHttp2Sink, createHttp2Delivery]) {
    const gateway = await startRawGateway({
      onRequest(peer, request) {
        secrets.noteAuthorization(request.headers['authorization']);
        onRequest(peer, request);
      },
    });
    const options = { ...gateway.options, ...FAST, providerToken: secrets.providerToken, timeoutMs: 5000 };
    errors.push(await sendThrough(create(options), 3));
  }
  return errors;
}

describe('what an HTTP/2 gateway sends back is not shown', () => {
  /** All that a gateway could repeat. */
  const echo = ({ headers, deviceToken }: RawRequest): string => `${headers['authorization']} ${deviceToken}`;

  it('in GOAWAY', async () => {
    const errors = await sendOverHttp2((peer, request) => {
      peer.goaway(0, 11, JSON.stringify({ reason: echo(request) }));
    });
    for (const error of errors) expect(error).toMatchObject({ code: 'APNS_ERR_HTTP2_PROTOCOL' });
  });

  it('in GOAWAY that is a device token and nothing else', async () => {
    const errors = await sendOverHttp2((peer, { deviceToken }) => {
      peer.goaway(0, 11, JSON.stringify({ reason: deviceToken }));
    });
    for (const error of errors) expect(error).toMatchObject({ code: 'APNS_ERR_HTTP2_PROTOCOL' });
  });

  it('in a refusal of the credentials', async () => {
    const errors = await sendOverHttp2((peer, request) => {
      peer.respond(request, 403, JSON.stringify({ reason: echo(request) }));
    });
    for (const error of errors) expect(error).toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
  });

  it('in names of headers', async () => {
    await sendOverHttp2((peer, request) => {
      const name = `:${request.deviceToken}`;
      peer.send(
        peer.headers(request.streamId, [
          [':status', '200'],
          [name, echo(request)],
        ]),
      );
    });
  });

  it('in outcomes, but for device tokens', async () => {
    const gateway = await startHttp2Gateway({
      onRequest(request) {
        secrets.noteAuthorization(request.headers['authorization']);
        const reason = `${request.headers['authorization']} ${request.deviceToken}`;
        respond(request, 400, { reason }, { 'apns-unique-id': String(request.headers['authorization']) });
      },
    });
    const delivery = createHttp2Delivery({ ...gateway.options, providerToken: secrets.providerToken });
    delivery.end(secrets.notification);
    const [outcome] = await delivery.toArray();
    expect(outcome).toMatchObject({ status: 'rejected', deviceToken: secrets.deviceToken });
    expect(outcome?.reason).toContain('bearer eyJ…');
    expect(secrets.seen.size).toBeGreaterThan(0);
    secrets.expectNoneIn(JSON.stringify(outcome), 'an outcome', 'appear');
  });

  it('in what a channel manager reports', async () => {
    const gateway = await startHttp2Gateway({
      onRequest(request) {
        secrets.noteAuthorization(request.headers['authorization']);
        respond(request, 400, { reason: request.headers['authorization'] });
      },
    });
    const { tls, ...place } = gateway.options;
    const manager = createChannelManager({
      ...place,
      tls: { ...tls, ...secrets.certificate },
      topic: 'com.example.app',
      providerToken: secrets.providerToken,
    });
    const error = await manager.list().catch((caught) => caught);
    expect(error).toMatchObject({ code: 'APNS_ERR_CHANNEL', reason: 'Unknown' });
    expect(secrets.seen.size).toBeGreaterThan(0);
    secrets.expectNoneShown(error, 'the error');
    secrets.expectNoneShown(manager, 'the channel manager');
    await manager.close();
  });
});

describe('an invalid notification shows 8 digits of its token at most', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;

  it.each<[string, (token: string) => object]>([
    ['an odd token', (token) => ({ deviceToken: token.slice(1) })],
    ['a token with spaces', (token) => ({ deviceToken: `<${token}>` })],
    ['a token that is too long', (token) => ({ deviceToken: token.repeat(4) })],
    ['a token that is no hex', (token) => ({ deviceToken: `${token}xy` })],
    ['a token where a field should be', (token) => ({ [token]: 1 })],
    ['a token as a field with more', (token) => ({ [`x".\n${token}${token}`]: 1 })],
    ['a token as a payload', (token) => ({ payload: [token] })],
    ['a token and a channel', (token) => ({ channelId: token })],
    ['a token as an identifier', (token) => ({ identifier: token })],
    ['a token as an expiration', (token) => ({ expiration: token })],
    ['a token as a priority', (token) => ({ priority: token })],
    ['a token with a newline as a topic', (token) => ({ topic: `${token}\n` })],
    ['a token as a push type', (token) => ({ pushType: `${token}\n` })],
    ['a token as a collapse id', (token) => ({ collapseId: token.repeat(2) })],
    ['a token as an apnsId', (token) => ({ apnsId: token })],
    ['a cyclic payload', () => ({ payload: cyclic })],
    ['a payload too long', (token) => ({ payload: { aps: { alert: token.repeat(200) } } })],
    ['a token as a key in aps', (token) => ({ payload: { aps: { [token]: token } }, priority: 3 })],
  ])('for %s', async (_what, change) => {
    const invalid = { ...secrets.notification, ...change(secrets.deviceToken) } as Notification;
    const errors: InvalidNotificationError[] = [];
    const encoder = createFrameEncoder({ onInvalid: (error) => errors.push(error) });
    secrets.expectNoneShown(encoder, 'an encoder');
    encoder.end(invalid);
    await encoder.resume().toArray();
    if (invalid.payload !== cyclic) {
      const parser = createNdjsonParser({ onInvalid: (error) => errors.push(error) });
      parser.end(`${JSON.stringify(invalid)}\n`);
      secrets.expectNoneShown(parser, 'a parser');
      await parser.toArray();
    }
    const delivery = createHttp2Delivery({ host: '127.0.0.1', port: 1, ...FAST });
    delivery.end(invalid);
    for (const { field, message } of await delivery.toArray().catch(() => []))
      secrets.expectNoneIn(`${field} ${message}`, 'an outcome');
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) secrets.expectNoneShown(error, 'the error');
  });

  it.each<[string, (token: string) => string]>([
    ['breaks off in the token', (token) => `{"deviceToken":"${token}`],
    ['has no quotes', (token) => `{deviceToken:${token}}`],
    ['is the token', (token) => `"${token}"`],
    ['is the token without quotes', (token) => token],
    ['names it twice', (token) => `{"deviceToken":"${token}","deviceToken":"${token}","payload":{}}`],
    ['escapes it', (token) => `{"deviceToken":"${token}\\x","payload":{}}`],
  ])('for a line that %s', async (_what, line) => {
    const errors: InvalidNotificationError[] = [];
    const parser = createNdjsonParser({ onInvalid: (error) => errors.push(error) });
    parser.end(`${line(secrets.deviceToken)}\n`);
    await parser.toArray();
    for (const error of errors) secrets.expectNoneShown(error, 'the error');
    const strict = createNdjsonParser();
    strict.end(`${line(secrets.deviceToken)}\n`);
    const error = await strict.toArray().catch((caught: unknown) => caught);
    if (errors.length > 0) secrets.expectNoneShown(error, 'the error of the stream');
  });

  it('when outcomes and notifications are made into lines', async () => {
    const stringifier = createNdjsonStringifier();
    const slow = new Writable({ write() {} });
    stringifier.pipe(slow);
    for (let i = 0; i < 5000; i++) stringifier.write(secrets.notification);
    secrets.expectNoneShown(stringifier, 'a stringifier');
    const failing = createNdjsonStringifier();
    failing.write({ ...secrets.notification, context: 1n });
    const [error] = await once(failing, 'error');
    secrets.expectNoneShown(error, 'the error');
  });
});

describe('a feedback source keeps tokens', () => {
  it.each(['whole', 'truncated', 'reset'])('when the list is %s', async (how) => {
    const { deviceToken } = secrets;
    const list = Buffer.concat(Array(100).fill(encodeFeedbackTuple({ timestamp: 1, deviceToken })));
    const port = await listenTls((socket, raw) => {
      if (how === 'reset') socket.write(list, () => raw.resetAndDestroy());
      else socket.end(how === 'whole' ? list : list.subarray(0, -5));
    });
    const tls = { ca: authority.cert, ...secrets.certificate, passphrase: secrets.passphrase };
    const source = createFeedbackSource({ host: '127.0.0.1', port, tls });
    source.read(0);
    await until(() => source.readableLength > 0);
    secrets.expectNoneShown(source, 'the source');
    const error: unknown = await source.toArray().catch((caught: unknown) => caught);
    if (error instanceof Error) secrets.expectNoneShown(error, 'the error');
    secrets.expectNoneShown(source, 'the source');
  });
});

describe('a simulator keeps secrets', () => {
  it('when it is shown, with credentials that were given to it and tokens that it recorded', async () => {
    const first = await createSimulator();
    onTestFinished(() => first.close());
    const given = { ...first.credentials, key: secrets.certificate.key, cert: secrets.certificate.cert };
    const simulator = await createSimulator({ credentials: { ...given, ca: authority.cert } });
    onTestFinished(() => simulator.close());
    simulator.devices.unregister(secrets.deviceToken);
    const delivery = createHttp2Delivery({
      host: simulator.http2.host,
      port: simulator.http2.port,
      tls: { ca: authority.cert },
    });
    delivery.on('error', () => {}).resume();
    delivery.end(secrets.notification);
    secrets.expectNoneShown(simulator, 'the simulator');
    for (const part of [simulator.gateway, simulator.feedback, simulator.http2, simulator.accepted])
      secrets.expectNoneShown(part, 'a part of the simulator');
    secrets.expectNoneShown(simulator.devices, 'the devices');
    expect(JSON.parse(JSON.stringify(simulator))).toEqual({
      gateway: { host: '127.0.0.1', port: simulator.gateway.port },
      feedback: { host: '127.0.0.1', port: simulator.feedback.port },
      http2: { host: '127.0.0.1', port: simulator.http2.port },
    });
    expect(simulator.credentials.key).toBe(secrets.certificate.key);
  });
});
