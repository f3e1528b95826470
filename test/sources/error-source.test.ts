import { once } from 'node:events';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { dial } from '../../src/connection/dial.js';
import { resolveTarget } from '../../src/connection/target.js';
import type { ErrorResponse } from '../../src/protocol/binary/error-response.js';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { createErrorSource } from '../../src/sources/error-source.js';
import { frames, until } from '../support/frames.js';
import { authority } from '../support/loopback.js';
import { startResettingGateway } from '../support/resetting-gateway.js';
import { type GatewayPeer, startScriptedGateway } from '../support/scripted-gateway.js';

async function connect(port: number): Promise<TLSSocket> {
  return dial(resolveTarget({ host: '127.0.0.1', port, tls: { ca: authority.cert } }, 'gateway'));
}

/** A socket whose gateway does this as soon as it is connected. */
async function socketTo(onConnection: (peer: GatewayPeer) => void): Promise<TLSSocket> {
  const { options } = await startScriptedGateway({ onConnection });
  return connect(options.port);
}

/** What can be read, and the code of the error behind it. */
async function readAll(source: Readable): Promise<{ responses: ErrorResponse[]; code?: string }> {
  const responses: ErrorResponse[] = [];
  try {
    for await (const response of source) {
      // A reader that takes its time.
      await new Promise(setImmediate);
      responses.push(response as ErrorResponse);
    }
  } catch (error) {
    return { responses, code: (error as NodeJS.ErrnoException).code! };
  }
  return { responses };
}

/** So many error responses of a sink may wait to be read. */
const MAX_UNREAD_RESPONSES = 65_536;

const INVALID_TOKEN = { statusCode: 8, reason: 'InvalidToken', identifier: 7 };

test('tells every error response of a sink but the answers to checkpoints, and ends with it', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, { identifier }) => {
      if (identifier === 2 || identifier === 4) peer.answer(8, identifier);
    },
  });
  const sink = createBinarySink(gateway.options);
  const reading = readAll(createErrorSource(sink));
  await pipeline(Readable.from(frames(5)), sink);
  expect(await reading).toEqual({
    responses: [
      { ...INVALID_TOKEN, identifier: 2 },
      { ...INVALID_TOKEN, identifier: 4 },
    ],
  });
});

test('ends at once for a sink that is closed already', async () => {
  const sink = createBinarySink({ host: '127.0.0.1', port: 1 });
  sink.destroy();
  await once(sink, 'close');
  expect(await readAll(createErrorSource(sink))).toEqual({ responses: [] });
});

test('leaves a sink alone when it is destroyed', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink(gateway.options);
  createErrorSource(sink).destroy();
  await pipeline(Readable.from(frames(2)), sink);
  expect(sink.counts.accepted).toBe(2);
  expect(sink.listenerCount('errorResponse')).toBe(0);
});

test('tells what a socket brings, and ends with it', async () => {
  const socket = await socketTo((peer) => peer.answer(8, 7));
  expect(await readAll(createErrorSource(socket))).toEqual({ responses: [INVALID_TOKEN] });
});

test('reads six bytes in six pieces, and twelve as two', async () => {
  const pieces = await socketTo((peer) => {
    for (const byte of Buffer.from('080800000007', 'hex')) peer.socket.write(Buffer.of(byte));
    peer.socket.end();
  });
  expect(await readAll(createErrorSource(pieces))).toEqual({ responses: [INVALID_TOKEN] });
  const twice = await socketTo((peer) => peer.say('080800000007080800000007'));
  expect(await readAll(createErrorSource(twice))).toEqual({ responses: [INVALID_TOKEN, INVALID_TOKEN] });
});

test.each([
  ['', undefined],
  ['08', 'APNS_ERR_TRUNCATED_PACKET'],
  ['0808000000', 'APNS_ERR_TRUNCATED_PACKET'],
  ['090800000007', 'APNS_ERR_MALFORMED_PACKET'],
  ['485454502f312e3120', 'APNS_ERR_MALFORMED_PACKET'],
])('takes %o and a close for %s', async (bytes, code) => {
  const socket = await socketTo((peer) => peer.say(bytes));
  expect((await readAll(createErrorSource(socket))).code).toBe(code);
});

test('fails behind what came before the garbage', async () => {
  const socket = await socketTo((peer) => peer.say(`080800000007${'00'.repeat(100_000)}`));
  expect(await readAll(createErrorSource(socket))).toEqual({
    responses: [INVALID_TOKEN],
    code: 'APNS_ERR_MALFORMED_PACKET',
  });
});

test('fails behind what came before the garbage, although the socket has closed meanwhile', async () => {
  const socket = await socketTo((peer) => peer.say('08080000000709080000000708'));
  const source = createErrorSource(socket);
  await until(() => socket.closed);
  expect(await readAll(source)).toEqual({ responses: [INVALID_TOKEN], code: 'APNS_ERR_MALFORMED_PACKET' });
});

test('is closed when 65,537 error responses of a sink wait in it', async () => {
  const sink = createBinarySink({ host: '127.0.0.1', port: 1 });
  const listeners = sink.listenerCount('close');
  const source = createErrorSource(sink);
  for (let i = 0; i < 65_536; i++) sink.emit('errorResponse', INVALID_TOKEN);
  expect(source.destroyed).toBe(false);
  const failed = once(source, 'error');
  sink.emit('errorResponse', INVALID_TOKEN);
  expect((await failed)[0]).toMatchObject({ code: 'APNS_ERR_CLOSED' });
  await until(() => source.closed);
  expect([sink.listenerCount('errorResponse'), sink.listenerCount('close')]).toEqual([0, listeners]);
  sink.destroy();
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'tells the error response of a gateway that resets while this side writes (%s)',
  async (version) => {
    const packet = Buffer.from('080800000007', 'hex');
    const socket = await connect(await startResettingGateway(version, packet));
    const reading = readAll(createErrorSource(socket));
    const chunk = Buffer.alloc(64 * 1024);
    const write = (): void => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', write);
    write();
    expect(await reading).toEqual({ responses: [INVALID_TOKEN], code: 'APNS_ERR_CONNECTION_LOST' });
  },
);

test('holds no more than its highWaterMark and a chunk, however much arrives', async () => {
  const socket = await socketTo((peer) => peer.socket.end(Buffer.alloc(6 * 100_000, '080800000007', 'hex')));
  const source = createErrorSource(socket, { highWaterMark: 1 });
  expect(source.readableHighWaterMark).toBe(1);
  await once(source, 'readable');
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  expect(source.readableLength).toBeLessThan(60_000);
  let count = 0;
  for await (const _ of source) count++;
  expect(count).toBe(100_000);
});

test('lets the socket go on when it is destroyed', async () => {
  const socket = await socketTo((peer) => peer.socket.end(Buffer.alloc(6 * 100_000, '080800000007', 'hex')));
  const source = createErrorSource(socket, { highWaterMark: 1 });
  await once(source, 'readable');
  source.destroy();
  await until(() => socket.closed);
});

test('is aborted by its signal', async () => {
  const sink = createBinarySink({ host: '127.0.0.1', port: 1 });
  const abort = new AbortController();
  const reading = readAll(createErrorSource(sink, { signal: abort.signal }));
  abort.abort();
  expect((await reading).code).toBe('ABORT_ERR');
  sink.destroy();
});

test.each<[string, unknown, object]>([
  ['origin', new Readable(), {}],
  ['options.limit', undefined, { limit: 1 }],
  ['highWaterMark', undefined, { highWaterMark: -1 }],
  ['signal', undefined, { signal: {} }],
])('refuses %s that it does not know', (path, origin, options) => {
  const sink = createBinarySink({ host: '127.0.0.1', port: 1 });
  onTestFinished(() => void sink.destroy());
  expect(() => createErrorSource((origin ?? sink) as never, options)).toThrow(
    expect.objectContaining({
      code: 'APNS_ERR_INVALID_OPTION',
      message: expect.stringMatching(`^${path} `),
    }),
  );
});

test.each([
  ['options\\.colour', () => createErrorSource(new Socket(), { colour: 1 } as object)],
  ['options', () => createErrorSource(new Socket(), null as never)],
  ['highWaterMark', () => createErrorSource(new Socket(), { highWaterMark: -1 })],
  ['signal', () => createErrorSource(new Socket(), { signal: {} as AbortSignal })],
  ['origin', () => createErrorSource({} as Socket)],
])('names what is wrong with its arguments: %s', (start, create) => {
  expect(create).toThrow(
    expect.objectContaining({
      code: 'APNS_ERR_INVALID_OPTION',
      message: expect.stringMatching(new RegExp(`^${start} `)),
    }),
  );
});

test('takes as many error responses ahead of its reader as highWaterMark says', () => {
  const source = createErrorSource(new Socket(), { highWaterMark: 3 });
  expect(source.readableHighWaterMark).toBe(3);
  source.destroy();
});

test('fails when too many error responses of a sink wait in it, and lets go of the sink', async () => {
  const sink = createBinarySink({ host: '127.0.0.1', port: 1, tls: { ca: authority.cert } });
  const listeners = () => [sink.listenerCount('errorResponse'), sink.listenerCount('close')];
  const before = listeners();
  const source = createErrorSource(sink);
  for (let i = 0; i < MAX_UNREAD_RESPONSES; i++) sink.emit('errorResponse', INVALID_TOKEN);
  expect(source.destroyed).toBe(false);
  const failed = once(source, 'error');
  sink.emit('errorResponse', INVALID_TOKEN);
  expect(await failed).toMatchObject([{ code: 'APNS_ERR_CLOSED' }]);
  if (!source.closed) await once(source, 'close');
  expect(listeners()).toEqual(before);
  sink.destroy();
});
