import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ConnectionScript, type FaultProxy, startFaultProxy } from './fault-proxy.js';
import { listen } from './loopback.js';

/** Neither end may ever see more than this. */
const BYTES = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251));

interface Ends {
  readonly client: Socket;
  readonly server: Socket;
  readonly proxy: FaultProxy;
}

async function startProxy(script: ConnectionScript, onServer: (server: Socket) => void): Promise<FaultProxy> {
  const port = await listen((socket) => {
    socket.allowHalfOpen = true;
    onServer(socket);
  });
  const proxy = await startFaultProxy({ host: '127.0.0.1', port }, () => script);
  onTestFinished(() => proxy.close());
  return proxy;
}

function connectTo({ host, port }: FaultProxy): Socket {
  const client = connect({ host, port, allowHalfOpen: true });
  onTestFinished(() => void client.destroy());
  return client.on('error', () => {});
}

/** Both ends of a connection through a proxy that follows the script. */
async function open(script: ConnectionScript): Promise<Ends> {
  let onServer: (server: Socket) => void = () => {};
  const arrived = new Promise<Socket>((resolve) => {
    onServer = resolve;
  });
  const proxy = await startProxy(script, (server) => onServer(server));
  const client = connectTo(proxy);
  return { client, server: await arrived, proxy };
}

/** What comes out at the other end, and how it ends there. */
async function received(socket: Socket): Promise<{ bytes: Buffer; end: 'end' | 'reset' | 'close' }> {
  const chunks: Buffer[] = [];
  let end: 'end' | 'reset' | 'close' = 'close';
  const onEnd = (): void => {
    end = 'end';
    socket.end();
  };
  socket.on('data', (chunk) => chunks.push(chunk)).once('end', onEnd);
  if (socket.readableEnded) onEnd();
  socket.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') end = 'reset';
  });
  await once(socket, 'close').catch(() => once(socket, 'close'));
  return { bytes: Buffer.concat(chunks), end };
}

/** Everything up to the end. Iterating would destroy the socket there, and its other direction with it. */
async function collect(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

/** Resolves when the socket has brought so many bytes; returns them. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let got = 0; got < length; got += chunks.at(-1)!.length) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    chunks.push(chunk);
  }
  socket.pause();
  return Buffer.concat(chunks);
}

describe.each(['toServer', 'toClient'] as const)('%s', (direction) => {
  /** The end that sends in this direction, the one that receives, and the proxy. */
  async function openTo(
    faults: ConnectionScript['toServer'],
  ): Promise<{ sender: Socket; receiver: Socket; proxy: FaultProxy }> {
    const { client, server, proxy } = await open({ [direction]: faults });
    const [sender, receiver] = direction === 'toServer' ? [client, server] : [server, client];
    return { sender, receiver, proxy };
  }

  test('passes everything on, and the end, when nothing is scripted', async () => {
    const { sender, receiver, proxy } = await openTo({});
    receiver.end('answer');
    sender.end(BYTES);
    const [there, back] = await Promise.all([collect(receiver), collect(sender)]);
    expect(there).toEqual(BYTES);
    expect(back.toString()).toBe('answer');
    await expect.poll(() => proxy.open).toBe(0);
    expect(proxy.struck).toEqual({});
  });

  test('delays', async () => {
    const { sender, receiver, proxy } = await openTo({ delayMs: 80 });
    const start = performance.now();
    sender.write(BYTES);
    expect(await take(receiver, BYTES.length)).toEqual(BYTES);
    expect(performance.now() - start).toBeGreaterThan(75);
    expect(proxy.struck.delay).toBeGreaterThan(0);
  });

  test('delays unevenly, and keeps the order', async () => {
    const { sender, receiver, proxy } = await openTo({ jitterMs: 20 });
    const arrivals: number[] = [];
    receiver.on('data', () => arrivals.push(performance.now()));
    const chunks = 10;
    const taken = take(receiver, chunks * 4);
    for (let i = 0; i < chunks; i++) {
      sender.write(Buffer.alloc(4, i));
      await delay(5);
    }
    expect(await taken).toEqual(Buffer.concat(Array.from({ length: chunks }, (_, i) => Buffer.alloc(4, i))));
    expect(proxy.struck.jitter).toBeGreaterThan(1);
  });

  test('has a bandwidth', async () => {
    const { sender, receiver, proxy } = await openTo({ bytesPerMs: 50 });
    const start = performance.now();
    sender.write(BYTES);
    expect(await take(receiver, BYTES.length)).toEqual(BYTES);
    expect(performance.now() - start).toBeGreaterThan(BYTES.length / 50 - 5);
    expect(proxy.struck.bandwidth).toBeGreaterThan(0);
  });

  test('cuts chunks into pieces', async () => {
    const { sender, receiver, proxy } = await openTo({ sliceBytes: 7 });
    const sizes: number[] = [];
    receiver.on('data', ({ length }) => sizes.push(length));
    sender.write(BYTES.subarray(0, 700));
    expect(await take(receiver, 700)).toEqual(BYTES.subarray(0, 700));
    expect(proxy.struck.slice).toBe(100);
    expect(sizes.length).toBeGreaterThan(1);
  });

  test('stalls for a while', async () => {
    const { sender, receiver, proxy } = await openTo({ stall: { afterBytes: 100, ms: 80 } });
    sender.write(BYTES);
    expect(await take(receiver, 100)).toHaveLength(100);
    const start = performance.now();
    expect(await take(receiver.resume(), BYTES.length - 100)).toEqual(BYTES.subarray(100));
    expect(performance.now() - start).toBeGreaterThan(60);
    expect(proxy.struck.stall).toBe(1);
  });

  test('stalls for ever, until both ends have left', async () => {
    const { sender, receiver, proxy } = await openTo({ stall: { afterBytes: 100, ms: Infinity } });
    sender.write(BYTES);
    expect(await take(receiver, 100)).toHaveLength(100);
    const more = once(receiver.resume(), 'data').then(() => 'more');
    expect(await Promise.race([more, delay(50, 'silence')])).toBe('silence');
    more.catch(() => {});
    receiver.destroy();
    sender.destroy();
    await expect.poll(() => proxy.open).toBe(0);
  });

  test('changes one bit of one byte', async () => {
    const { sender, receiver, proxy } = await openTo({ corruptAt: 1234 });
    sender.end(BYTES);
    const there = await collect(receiver);
    const expected = Buffer.from(BYTES);
    expected[1234]! ^= 1;
    expect(there).toEqual(expected);
    expect(proxy.struck.corrupt).toBe(1);
  });

  test.each([
    ['fin', 'end'],
    ['reset', 'reset'],
  ] as const)('ends both ways after 300 bytes (%s)', async (how, end) => {
    // A pause before the end: a reset that arrives together with data is reported as data and end.
    const { sender, receiver, proxy } = await openTo({
      stall: { afterBytes: 300, ms: 20 },
      cut: { afterBytes: 300, how },
    });
    const [there, back] = [received(receiver), received(sender)];
    sender.write(BYTES);
    const { bytes, end: seen } = await there;
    expect(bytes).toEqual(BYTES.subarray(0, 300));
    expect(seen).toBe(end);
    expect((await back).end).toBe(end);
    expect(proxy.struck[how]).toBe(1);
    await expect.poll(() => proxy.open).toBe(0);
  });

  test('drops the connection after 300 bytes', async () => {
    const { sender, receiver, proxy } = await openTo({ cut: { afterBytes: 300, how: 'close' } });
    const there = received(receiver);
    const back = received(sender);
    sender.write(BYTES);
    expect((await there).bytes).toEqual(BYTES.subarray(0, 300));
    sender.destroy();
    await back;
    expect(proxy.struck.close).toBe(1);
    await expect.poll(() => proxy.open).toBe(0);
  });

  test('ends this direction only, the other goes on', async () => {
    const { sender, receiver, proxy } = await openTo({ cut: { afterBytes: 300, how: 'halfClose' } });
    sender.write(BYTES);
    expect(await collect(receiver)).toEqual(BYTES.subarray(0, 300));
    receiver.end('still here');
    expect((await collect(sender)).toString()).toBe('still here');
    sender.end();
    expect(proxy.struck.halfClose).toBe(1);
    await expect.poll(() => proxy.open).toBe(0);
  });

  test('ends before the first byte', async () => {
    const { sender, receiver, proxy } = await openTo({ cut: { afterBytes: 0, how: 'fin' } });
    const there = received(receiver);
    sender.write(BYTES);
    expect(await there).toEqual({ bytes: Buffer.alloc(0), end: 'end' });
    expect(proxy.struck.fin).toBe(1);
  });
});

test('is a black hole: accepts, and neither passes anything on nor connects', async () => {
  let connections = 0;
  const proxy = await startProxy({ blackHole: true }, () => connections++);
  const client = connectTo(proxy);
  await once(client, 'connect');
  client.write(BYTES);
  const heard = once(client, 'end').then(() => 'end');
  expect(await Promise.race([heard, delay(50, 'silence')])).toBe('silence');
  heard.catch(() => {});
  expect(connections).toBe(0);
  expect(proxy.struck.blackHole).toBe(1);
  expect(proxy.open).toBe(1);
  client.destroy();
  await expect.poll(() => proxy.open).toBe(0);
});

test('passes a reset on', async () => {
  const { client, server } = await open({});
  const there = received(client);
  server.write('x');
  await take(client, 1);
  client.resume();
  server.resetAndDestroy();
  expect((await there).end).toBe('reset');
});

test('holds a sender back whose receiver does not read', async () => {
  const { client, server } = await open({});
  server.pause();
  let sent = 0;
  const chunk = Buffer.alloc(1 << 20);
  // Kernels keep a few megabytes; without backpressure this would go on to the end.
  while (sent < 200 && client.write(chunk)) sent++;
  const drained = once(client, 'drain').then(() => 'drained');
  drained.catch(() => {});
  for (; sent < 64; sent++) client.write(chunk);
  expect(await Promise.race([drained, delay(200, 'held back')])).toBe('held back');
});

test('follows another script for each connection', async () => {
  const port = await listen((socket) => void socket.end('hello'));
  const proxy = await startFaultProxy({ host: '127.0.0.1', port }, (nth) =>
    nth === 0 ? { toClient: { cut: { afterBytes: 2, how: 'fin' } } } : {},
  );
  onTestFinished(() => proxy.close());
  const first = connectTo(proxy);
  expect((await collect(first)).toString()).toBe('he');
  first.end();
  const second = connectTo(proxy);
  expect((await collect(second)).toString()).toBe('hello');
  second.end();
  expect(proxy.made).toBe(2);
});
