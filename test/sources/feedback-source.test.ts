import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { stat } from 'node:fs';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { expect, onTestFinished, test, vi } from 'vitest';
import { encodeFeedbackTuple, type FeedbackTuple } from '../../src/protocol/binary/feedback-tuple.js';
import { createFeedbackSource, type FeedbackSourceOptions } from '../../src/sources/feedback-source.js';
import { CONNECTION_CHANNEL, type ConnectionEvent } from '../../src/telemetry/connection-event.js';
import { until } from '../support/frames.js';
import { authority, listen, listenTls } from '../support/loopback.js';

function tuples(count: number, first = 0): FeedbackTuple[] {
  return Array.from({ length: count }, (_, i) => ({
    timestamp: 1_800_000_000,
    deviceToken: (first + i).toString(16).padStart(64, '0'),
  }));
}

function encode(list: readonly FeedbackTuple[]): Buffer {
  return Buffer.concat(list.map(encodeFeedbackTuple));
}

/** A feedback service that does this with each connection, and the source that reads it. */
async function source(
  onConnection: (socket: TLSSocket, index: number, raw: Socket) => void,
  options: Omit<FeedbackSourceOptions, 'host'> = {},
) {
  const service = { connections: 0, open: 0 };
  const port = await listenTls(
    (socket, raw) => onConnection(socket, service.connections++, raw),
    {},
    (raw) => {
      service.open++;
      raw.once('close', () => service.open--);
    },
  );
  const stream = createFeedbackSource({ host: '127.0.0.1', port, tls: { ca: authority.cert }, ...options });
  return { stream, service };
}

async function readAll(stream: Readable): Promise<{ read: FeedbackTuple[]; code?: string }> {
  const read: FeedbackTuple[] = [];
  try {
    for await (const tuple of stream) {
      // A reader that takes its time.
      if (read.length < 20) await new Promise(setImmediate);
      read.push(tuple as FeedbackTuple);
    }
  } catch (error) {
    return { read, code: (error as NodeJS.ErrnoException).code! };
  }
  return { read };
}

test('reads the list once and ends where the service closes', async () => {
  const { stream, service } = await source((socket) => socket.end(encode(tuples(500))));
  expect(await readAll(stream)).toEqual({ read: tuples(500) });
  await until(() => service.open === 0);
  expect(service.connections).toBe(1);
});

test('ends for an empty list', async () => {
  const { stream } = await source((socket) => socket.end());
  expect(await readAll(stream)).toEqual({ read: [] });
});

test('does not connect before it is read', async () => {
  const { stream, service } = await source((socket) => socket.end());
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  expect(service.open).toBe(0);
  stream.destroy();
});

test('reads tuples of any length, cut anywhere, of any time', async () => {
  const list = [
    { timestamp: 0, deviceToken: 'ab' },
    { timestamp: 0xffff_ffff, deviceToken: 'ab'.repeat(100) },
    { timestamp: 1, deviceToken: 'cd'.repeat(65_535) },
    ...tuples(1),
  ];
  const bytes = encode(list);
  const { stream } = await source(async (socket) => {
    for (let at = 0; at < bytes.length; at += 4099) {
      socket.write(bytes.subarray(at, at + 4099));
      await new Promise(setImmediate);
    }
    socket.end();
  });
  expect(await readAll(stream)).toEqual({ read: list });
});

/** RFC 9113: a SETTINGS frame of 18 bytes, as the first bytes of an HTTP/2 server. */
const SETTINGS = Buffer.from('000012040000000000000300000064000400100000000601000000', 'hex');

test.each<[string, Buffer, RegExp]>([
  ['HTTP/2', SETTINGS, /responded in HTTP\/2, so it is not a feedback service: give .* 2196$/],
  ['HTTP/2 with an empty SETTINGS', Buffer.from('000000040000000000', 'hex'), /responded in HTTP\/2/],
  ['HTTP/1', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /responded in HTTP\/1/],
  ['an empty token', encode([{ timestamp: 1, deviceToken: '' }]), /a tuple without a device token/],
])('fails for %s, also while polling', async (_name, bytes, message) => {
  for (const options of [{}, { intervalMs: 1 }]) {
    const { stream, service } = await source((socket) => socket.end(bytes), options);
    const error: NodeJS.ErrnoException = await stream.toArray().then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error.code).toBe('APNS_ERR_MALFORMED_PACKET');
    expect(error.message).toMatch(message);
    expect(service.connections).toBe(1);
  }
});

test('fails for a tuple without a token, behind those before it', async () => {
  const { stream } = await source((socket) =>
    socket.end(encode([...tuples(30), { timestamp: 1, deviceToken: '' }, ...tuples(1)])),
  );
  expect(await readAll(stream)).toEqual({ read: tuples(30), code: 'APNS_ERR_MALFORMED_PACKET' });
});

test('fails for an end inside a tuple, behind all those before it', async () => {
  const { stream } = await source((socket) => socket.end(encode(tuples(300)).subarray(0, -1)));
  expect(await readAll(stream)).toEqual({ read: tuples(299), code: 'APNS_ERR_TRUNCATED_PACKET' });
});

test('fails for a reset, behind all that came before it', async () => {
  const { stream } = await source((socket, _index, raw) => {
    socket.write(encode(tuples(300)), () => raw.resetAndDestroy());
  });
  const { read, code } = await readAll(stream);
  expect(read).toEqual(tuples(read.length));
  expect(code).toBe('APNS_ERR_CONNECTION_LOST');
});

test.each([0, 300])('gives up on a service that never closes, after %i tuples', async (count) => {
  const { stream, service } = await source((socket) => socket.write(encode(tuples(count))), {
    idleTimeoutMs: 50,
  });
  expect(await readAll(stream)).toEqual({ read: tuples(count), code: 'APNS_ERR_TIMEOUT' });
  await until(() => service.open === 0);
});

test('reads what was sent while the event loop was blocked beyond idleTimeoutMs', async () => {
  let service: TLSSocket | undefined;
  const { stream } = await source(
    (socket) => {
      service = socket;
      socket.write(encode(tuples(1)));
    },
    { idleTimeoutMs: 100 },
  );
  const read: FeedbackTuple[] = [];
  stream.on('data', (tuple) => read.push(tuple));
  await until(() => read.length === 1);
  const ended = once(stream, 'end');
  service!.end(encode(tuples(5, 1)));
  // Ends in the poll phase, so that timers are the next thing that runs.
  await new Promise<void>((resolve) => {
    stat('.', () => {
      const end = performance.now() + 300;
      while (performance.now() < end);
      resolve();
    });
  });
  await ended;
  expect(read).toEqual(tuples(6));
});

test('goes on when a data listener throws', async () => {
  const thrown: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error));
  onTestFinished(() => process.setUncaughtExceptionCaptureCallback(null));
  const { stream } = await source((socket) => socket.end(encode(tuples(60))));
  const read: FeedbackTuple[] = [];
  stream.on('data', (tuple) => {
    read.push(tuple);
    throw new Error('of a listener');
  });
  await once(stream, 'end');
  expect(read).toEqual(tuples(60));
  await until(() => thrown.length === 60);
});

test('gives up on a service that sends a byte now and then, and never a whole tuple', async () => {
  const { stream, service } = await source(
    (socket) => {
      // The head of a tuple of 65,535 bytes, and then its token.
      socket.write(Buffer.concat([encode(tuples(3)), Buffer.from('00000001ffff', 'hex')]));
      const timer = setInterval(() => socket.write('x'), 10);
      socket.once('close', () => clearInterval(timer));
    },
    { idleTimeoutMs: 200 },
  );
  expect(await readAll(stream)).toEqual({ read: tuples(3), code: 'APNS_ERR_TIMEOUT' });
  await until(() => service.open === 0);
});

test('leaves with the service what nobody reads, and takes no offence at the pause', async () => {
  const count = 200_000;
  const bytes = encode(tuples(count));
  const { stream } = await source((socket) => socket.end(bytes), { idleTimeoutMs: 1000, highWaterMark: 1 });
  expect(stream.readableHighWaterMark).toBe(1);
  await once(stream, 'readable');
  await delay(1500);
  expect(stream.readableLength).toBeLessThan(20_000);
  let read = 0;
  for await (const _ of stream) read++;
  expect(read).toBe(count);
});

test('reads again and again with an interval, past failures, until it is aborted', async () => {
  const abort = new AbortController();
  const { stream, service } = await source(
    (socket, index, raw) => {
      if (index === 1) raw.resetAndDestroy();
      else socket.end(encode(tuples(2, 2 * index)));
    },
    { intervalMs: 1, backoff: { initialMs: 1, attempts: 2 }, signal: abort.signal },
  );
  const read: FeedbackTuple[] = [];
  await expect(async () => {
    for await (const tuple of stream) {
      read.push(tuple as FeedbackTuple);
      if (read.length === 8) abort.abort();
    }
  }).rejects.toMatchObject({ name: 'AbortError' });
  expect(read).toEqual([...tuples(2), ...tuples(6, 4)]);
  await until(() => service.open === 0);
});

test('gives up polling after the last attempt', async () => {
  const { stream, service } = await source((_socket, _index, raw) => raw.resetAndDestroy(), {
    intervalMs: 1,
    backoff: { initialMs: 1, attempts: 2 },
  });
  expect(await readAll(stream)).toMatchObject({ read: [], code: 'APNS_ERR_CONNECTION_LOST' });
  expect(service.connections).toBe(3);
});

test('leaves no socket when it is aborted in a dial', async () => {
  const abort = new AbortController();
  const { stream, service } = await source(() => {}, { signal: abort.signal });
  const reading = readAll(stream);
  await until(() => service.open === 1);
  abort.abort();
  expect((await reading).code).toBe('ABORT_ERR');
  await until(() => service.open === 0);
});

test('ends a dial when it is destroyed', async () => {
  let closed: Promise<unknown> | undefined;
  const port = await listen((socket) => {
    closed = once(socket.resume(), 'close');
    stream.destroy();
  });
  const stream = createFeedbackSource({ host: '127.0.0.1', port });
  stream.resume();
  await once(stream, 'close');
  await until(() => closed !== undefined);
  await closed;
});

test('leaves no socket when it is destroyed at the moment of its connection', async () => {
  const { stream, service } = await source(() => {});
  const onEvent = (message: unknown): void => {
    if ((message as ConnectionEvent).event === 'connected') stream.destroy();
  };
  subscribe(CONNECTION_CHANNEL, onEvent);
  onTestFinished(() => void unsubscribe(CONNECTION_CHANNEL, onEvent));
  stream.resume();
  await once(stream, 'close');
  await until(() => service.open === 0);
});

test('sets no timer for another reading when it is destroyed in one', async () => {
  const { stream, service } = await source((socket) => socket.write(encode(tuples(1))), {
    intervalMs: 86_400_000,
  });
  const timers = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => timers.mockRestore());
  await once(stream, 'data');
  stream.destroy();
  await until(() => service.open === 0);
  expect(timers.mock.calls.map(([, ms]) => ms)).not.toContain(86_400_000);
});

test('is aborted by a signal that was aborted before', async () => {
  const { stream } = await source(() => {}, { signal: AbortSignal.abort() });
  expect((await readAll(stream)).code).toBe('ABORT_ERR');
});

test('leaves no socket when its reader goes away', async () => {
  const { stream, service } = await source((socket) => socket.write(encode(tuples(100))));
  for await (const _ of stream) break;
  await until(() => service.open === 0);
});

test('tells that nothing listens', async () => {
  const stream = createFeedbackSource({ host: '127.0.0.1', port: 1 });
  expect((await readAll(stream)).code).toBe('APNS_ERR_CONNECTION_REFUSED');
});

test('asks on port 2196 unless it is given another', async () => {
  const stream = createFeedbackSource({ host: '127.0.0.2' });
  const [error] = await once(stream.resume(), 'error');
  expect(error.message).toContain('127.0.0.2:2196: ');
});

test('takes every option', () => {
  const stream = createFeedbackSource({
    host: '127.0.0.1',
    port: 1,
    tls: {},
    connectTimeoutMs: 1000,
    proxy: { host: '127.0.0.1', port: 1 },
    intervalMs: 1000,
    idleTimeoutMs: 1000,
    backoff: {},
    signal: new AbortController().signal,
    highWaterMark: 3,
  });
  expect(stream.readableHighWaterMark).toBe(3);
  stream.destroy();
});

test('counts the attempts from the beginning after a reading that succeeded', async () => {
  const { stream } = await source(
    (socket, index, raw) => {
      if (index % 2 === 0) raw.resetAndDestroy();
      else socket.end(encode(tuples(1, index)));
    },
    { intervalMs: 1, backoff: { initialMs: 1, attempts: 1 } },
  );
  const read: FeedbackTuple[] = [];
  for await (const tuple of stream) if (read.push(tuple as FeedbackTuple) === 3) break;
  expect(read).toEqual([...tuples(1, 1), ...tuples(1, 3), ...tuples(1, 5)]);
});

test('waits for a service that sends a whole tuple now and then', async () => {
  const list = tuples(7);
  const { stream } = await source(
    (socket) => {
      let sent = 0;
      const timer = setInterval(() => {
        if (sent === list.length) socket.end();
        else socket.write(encode([list[sent++]!]));
      }, 100);
      socket.once('close', () => clearInterval(timer));
    },
    { idleTimeoutMs: 400 },
  );
  const read: FeedbackTuple[] = [];
  stream.on('data', (tuple) => read.push(tuple));
  await once(stream, 'end');
  expect(read).toEqual(list);
});

test.each([
  ['holds nothing', 0, 1],
  ['holds less than its highWaterMark', 16, 10],
])('polls while it %s', async (_what, highWaterMark, count) => {
  const { stream, service } = await source(
    (socket, index) => socket.end(encode(tuples(index === 0 ? count : 0))),
    { intervalMs: 1, highWaterMark },
  );
  stream.once('data', () => void (count > 1 && stream.pause()));
  await until(() => service.connections > 2);
  expect(stream.readableLength).toBe(count - 1);
  stream.destroy();
});

test('refuses to be called without options', () => {
  expect(() => createFeedbackSource(undefined as never)).toThrow(
    expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }),
  );
});

test.each<[string, object]>([
  ['intervalMs', { intervalMs: 0 }],
  ['intervalMs', { intervalMs: 2 ** 31 }],
  ['idleTimeoutMs', { idleTimeoutMs: 0 }],
  ['highWaterMark', { highWaterMark: -1 }],
  ['signal', { signal: {} }],
  ['options.interval', { interval: 1 }],
  ['environment', { environment: 'production' }],
])('refuses %s at once in %o', (path, options) => {
  expect(() => createFeedbackSource({ host: '127.0.0.1', ...options })).toThrow(
    expect.objectContaining({
      code: 'APNS_ERR_INVALID_OPTION',
      message: expect.stringMatching(`^${path} `),
    }),
  );
});

test.each([17, 500])(
  'leaves the list with the service while all but one of %i tuples wait',
  async (count) => {
    let dials = 0;
    const onEvent = (message: unknown): void => {
      if ((message as ConnectionEvent).event === 'connecting') dials++;
    };
    subscribe(CONNECTION_CHANNEL, onEvent);
    onTestFinished(() => void unsubscribe(CONNECTION_CHANNEL, onEvent));
    const { stream, service } = await source((socket) => socket.end(encode(tuples(count))), {
      intervalMs: 1,
    });
    stream.once('data', () => stream.pause());
    await until(() => stream.readableLength === count - 1);
    // Long enough for many readings.
    await delay(200);
    expect([dials, stream.readableLength]).toEqual([1, count - 1]);
    stream.resume();
    await until(() => service.connections > 2);
    stream.destroy();
  },
);

test('loses no tuple, and hides no error, where a listener throws while polling', async () => {
  const thrown: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error));
  onTestFinished(() => process.setUncaughtExceptionCaptureCallback(null));
  const { stream, service } = await source(
    (socket, index) => socket.end(index === 0 ? encode(tuples(4)) : Buffer.alloc(0)),
    { intervalMs: 10 },
  );
  const error = new Error('of a listener');
  const read: FeedbackTuple[] = [];
  stream.on('data', (tuple: FeedbackTuple) => {
    if (read.push(tuple) === 2) throw error;
  });
  await until(() => service.connections > 1);
  stream.destroy();
  // The service has sent them once, and has forgotten them.
  expect(read).toEqual(tuples(4));
  expect(thrown).toEqual([error]);
});
