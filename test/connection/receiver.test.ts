import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { dial } from '../../src/connection/dial.js';
import { type Receiver, receive } from '../../src/connection/receiver.js';
import { resolveTarget } from '../../src/connection/target.js';
import { ApnsError } from '../../src/core/errors.js';
import { authority, listen, listenTls } from '../support/loopback.js';
import { startResettingGateway } from '../support/resetting-gateway.js';

/** Everything that `receive` reports of a socket, in order, and a promise of the close. */
interface Report {
  readonly events: string[];
  readonly closed: Promise<ApnsError | undefined>;
  readonly receiver: Receiver;
  text(): string;
}

function report(socket: Socket, onBytes: (receiver: Receiver) => void = () => {}): Report {
  const events: string[] = [];
  const chunks: Buffer[] = [];
  const { promise: closed, resolve } = withResolvers<ApnsError | undefined>();
  const receiver = receive(socket, {
    onBytes(chunk) {
      events.push('bytes');
      chunks.push(chunk);
      onBytes(receiver);
    },
    onEnd: () => events.push('end'),
    onClose(cause) {
      events.push('close');
      resolve(cause);
    },
  });
  return { events, closed, receiver, text: () => Buffer.concat(chunks).toString() };
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function dialled(port: number): Promise<Socket> {
  const target = resolveTarget({ host: '127.0.0.1', port, tls: { ca: authority.cert } }, 'gateway');
  const socket = await dial(target);
  onTestFinished(() => void socket.destroy());
  return socket;
}

const WRITE_ERROR = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });

describe('reading', () => {
  it.each([
    ['plain', listen, connected],
    ['TLS', listenTls, dialled],
  ] as const)(
    'hands on every byte of a %s socket, then the end, then the close',
    async (_what, serve, open) => {
      const sent = `${'x'.repeat(300_000)}the end`;
      const port = await serve((socket: Socket) => socket.end(sent));
      const { events, closed, text } = report(await open(port));
      expect(await closed).toBeUndefined();
      expect(text()).toBe(sent);
      expect(events.filter((event) => event !== 'bytes')).toEqual(['end', 'close']);
      expect(events.slice(-2)).toEqual(['end', 'close']);
    },
  );

  it('hands on what arrived, ended and closed before it took over', async () => {
    const port = await listen((socket) => socket.end('early'));
    const socket = await connected(port);
    await once(socket, 'readable');
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    const { events, closed, text } = report(socket);
    expect(events).toEqual([]);
    expect(await closed).toBeUndefined();
    expect(text()).toBe('early');
    expect(events).toEqual(['bytes', 'end', 'close']);
  });

  it('hands on what arrived before it took over, while the connection stays open', async () => {
    const port = await listen((socket) => socket.write('early'));
    const socket = await connected(port);
    await once(socket, 'readable');
    const arrived = withResolvers<void>();
    const { events, text, receiver } = report(socket, () => arrived.resolve());
    // Handlers are called in the next tick at the earliest.
    receiver.resume();
    expect(events).toEqual([]);
    await arrived.promise;
    expect(text()).toBe('early');
    expect(events).toEqual(['bytes']);
  });

  it('reports an end that came before it took over', async () => {
    const sent = withResolvers<void>();
    const port = await listen((socket) => socket.end(() => sent.resolve()));
    const socket = await connected(port);
    await sent.promise;
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    const { events, closed } = report(socket);
    expect(await closed).toBeUndefined();
    expect(events).toEqual(['end', 'close']);
  });

  it('reports an end that somebody else has read', async () => {
    const port = await listen((socket) => socket.end('read by somebody else'));
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    await once(socket.resume(), 'end');
    const { events, closed } = report(socket);
    socket.end();
    expect(await closed).toBeUndefined();
    expect(events).toEqual(['end', 'close']);
  });

  it('lets what is being written go out after the peer has ended', async () => {
    const size = 8 << 20;
    const heard = withResolvers<number>();
    const port = await listen((socket) => {
      let bytes = 0;
      socket.end('the end');
      socket.on('data', (chunk) => (bytes += chunk.length)).on('end', () => heard.resolve(bytes));
    });
    const socket = await connected(port);
    // Without a handler of the end.
    const closed = new Promise((resolve) => receive(socket, { onBytes() {}, onClose: resolve }));
    socket.write(Buffer.alloc(size));
    expect(await heard.promise).toBe(size);
    expect(await closed).toBeUndefined();
  });

  it('reports one close of a socket that is being closed', async () => {
    const port = await listen(() => {});
    const socket = await connected(port);
    socket.destroy();
    const { events, closed } = report(socket);
    await closed;
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    expect(events).toEqual(['close']);
  });

  it('reports the close of a socket that is closed already', async () => {
    const port = await listen(() => {});
    const socket = await connected(port);
    socket.on('error', () => {});
    const error = new ApnsError('APNS_ERR_CLOSED', 'gone before');
    socket.destroy(error);
    await new Promise((resolve) => socket.once('close', resolve));
    const { events, closed } = report(socket);
    expect(await closed).toBe(error);
    expect(events).toEqual(['close']);
  });

  it('reports a reset as APNS_ERR_CONNECTION_LOST, after the bytes before it', async () => {
    // The reset waits for an answer: libuv may report one that comes together with bytes as an end.
    const port = await listen((socket) => {
      socket.write('half a fra');
      socket.once('data', () => socket.resetAndDestroy());
    });
    const socket = await connected(port);
    const { events, closed, text } = report(socket, () => socket.write('and?'));
    expect(await closed).toMatchObject({
      code: 'APNS_ERR_CONNECTION_LOST',
      message: expect.stringMatching(`^127\\.0\\.0\\.1:${port}: `),
    });
    expect(text()).toBe('half a fra');
    expect(events).toEqual(['bytes', 'close']);
  });

  it('reports a client certificate that is missed after a TLS 1.3 handshake', async () => {
    const port = await listenTls(() => {}, { requestCert: true, minVersion: 'TLSv1.3' });
    const { closed } = report(await dialled(port));
    expect(await closed).toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
  });

  it('keeps writing possible', async () => {
    const port = await listenTls((socket) => socket.on('data', (chunk) => socket.end(chunk)));
    const socket = await dialled(port);
    const { closed, text } = report(socket);
    socket.write('echo');
    await closed;
    expect(text()).toBe('echo');
  });
});

describe('pausing', () => {
  it('holds bytes back from the first one on until resumed', async () => {
    const port = await listenTls((socket) => socket.write('held back'));
    const socket = await dialled(port);
    const arrived = withResolvers<void>();
    const { events, text, receiver } = report(socket, () => arrived.resolve());
    receiver.pause();
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(events).toEqual([]);
    receiver.resume();
    await arrived.promise;
    expect(text()).toBe('held back');
  });

  it('loses nothing, keeps the order and reads no further when every chunk pauses', async () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `${i}\n`).join('');
    const port = await listenTls((socket) => socket.end(lines));
    const { closed, text } = report(await dialled(port), (receiver) => {
      receiver.pause();
      setImmediate(() => receiver.resume());
    });
    await closed;
    expect(text()).toBe(lines);
  });

  it('reads the socket on when it is resumed, unless it is paused again, ended or closed', async () => {
    const port = await listen(() => {});
    const socket = await connected(port);
    let pausesAgain = true;
    const { events, receiver, closed } = report(socket, () => pausesAgain && receiver.pause());
    await new Promise(setImmediate);
    const read = vi.spyOn(socket, '_read');
    receiver.pause();
    socket.push(Buffer.from('1'));
    expect(events).toEqual([]);
    receiver.resume();
    expect(events).toEqual(['bytes']);
    expect(read).not.toHaveBeenCalled();
    pausesAgain = false;
    receiver.resume();
    expect(read).toHaveBeenCalledTimes(1);
    receiver.pause();
    for (const piece of ['2', '3']) socket.push(Buffer.from(piece));
    // As Node does at the end of a socket.
    socket.push(null);
    socket.read(0);
    expect(events).toEqual(['bytes', 'bytes', 'bytes', 'end']);
    read.mockClear();
    receiver.resume();
    expect(read).not.toHaveBeenCalled();
    expect(await closed).toBeUndefined();
  });

  it('reads nothing of a socket that is destroyed, and hands on what waits', async () => {
    const port = await listen(() => {});
    const socket = await connected(port);
    const { events, receiver, closed } = report(socket);
    await new Promise(setImmediate);
    receiver.pause();
    socket.push(Buffer.from('1'));
    socket.destroy();
    const read = vi.spyOn(socket, '_read');
    await closed;
    expect(events).toEqual(['bytes', 'close']);
    receiver.resume();
    expect(read).not.toHaveBeenCalled();
  });

  it('has no effect after a write has failed', async () => {
    const port = await listen(() => {});
    const socket = await connected(port);
    const { events, receiver } = report(socket);
    await new Promise(setImmediate);
    socket.destroy(WRITE_ERROR);
    receiver.pause();
    socket.push(Buffer.from('1'));
    expect(events).toEqual(['bytes']);
  });

  it('stops the peer from sending without a limit', async () => {
    let blocked = false;
    const port = await listen((socket) => {
      const fill = (): void => {
        while (socket.write(Buffer.alloc(65_536)));
        blocked = true;
      };
      socket.on('drain', fill);
      fill();
    });
    const socket = await connected(port);
    let bytes = 0;
    const receiver = receive(socket, { onBytes: (chunk) => (bytes += chunk.length), onClose() {} });
    receiver.pause();
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
    expect(blocked).toBe(true);
    expect(bytes).toBe(0);
    expect(socket.bytesRead).toBeLessThan(200_000);
  });
});

describe('destroying', () => {
  it('obeys an error of the owner at once', async () => {
    const port = await listen(() => {});
    const socket = await connected(port);
    const { closed } = report(socket);
    const error = new ApnsError('APNS_ERR_CLOSED', 'enough');
    socket.destroy(error);
    expect(socket.destroyed).toBe(true);
    expect(await closed).toBe(error);
  });

  it.each(['write', 'shutdown'])(
    'reads on after a failed %s, and reports it when the peer ends',
    async (syscall) => {
      const failed = Object.assign(new Error('EPIPE'), { code: 'EPIPE', syscall });
      const speak = withResolvers<Socket>();
      const port = await listen((socket) => speak.resolve(socket));
      const socket = await connected(port);
      const { events, closed, text } = report(socket);
      socket.destroy(failed);
      socket.destroy(WRITE_ERROR);
      expect(socket.destroyed).toBe(false);
      (await speak.promise).end('last words');
      expect(await closed).toMatchObject({ code: 'APNS_ERR_CONNECTION_LOST', cause: failed });
      expect(text()).toBe('last words');
      expect(events).toEqual(['bytes', 'end', 'close']);
    },
  );

  it('reads on after a failed write even if paused', async () => {
    const speak = withResolvers<Socket>();
    const port = await listen((socket) => speak.resolve(socket));
    const socket = await connected(port);
    const { events, closed, text, receiver } = report(socket);
    receiver.pause();
    (await speak.promise).end('last words');
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(text()).toBe('');
    socket.destroy(WRITE_ERROR);
    receiver.pause();
    await closed;
    expect(text()).toBe('last words');
    expect(events).toEqual(['bytes', 'end', 'close']);
  });

  it('gives a silent peer a bounded time after a failed write', async () => {
    const port = await listen(() => {});
    const socket = await connected(port);
    const { events, closed } = report(socket);
    socket.destroy(WRITE_ERROR);
    expect(await closed).toMatchObject({ cause: WRITE_ERROR });
    expect(events).toEqual(['close']);
  });

  it('lets the owner end the wait after a failed write', async () => {
    const port = await listen(() => {});
    const socket = await connected(port);
    const { closed } = report(socket);
    socket.destroy(WRITE_ERROR);
    socket.destroy();
    expect(socket.destroyed).toBe(true);
    expect(await closed).toMatchObject({ cause: WRITE_ERROR });
  });

  it('ends at once with the peer after a failed write', async () => {
    const speak = withResolvers<Socket>();
    const port = await listen((socket) => speak.resolve(socket));
    const socket = await connected(port);
    const ended = withResolvers<boolean>();
    const onEnd = (): void => process.nextTick(() => ended.resolve(socket.destroyed));
    receive(socket, { onBytes() {}, onEnd, onClose() {} });
    socket.destroy(WRITE_ERROR);
    (await speak.promise).end();
    expect(await ended.promise).toBe(true);
  });

  it('does not wait after a failed write if the peer has ended', async () => {
    const port = await listen((socket) => socket.end());
    const socket = await connected(port);
    const ended = withResolvers<void>();
    receive(socket, { onBytes() {}, onEnd: ended.resolve, onClose() {} });
    await ended.promise;
    socket.destroy(WRITE_ERROR);
    expect(socket.destroyed).toBe(true);
  });
});

describe('a gateway in another process that answers and resets while the client is writing', () => {
  const ROUNDS = 40;
  const PACKET = Buffer.from('080800000007', 'hex');

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is heard every time under %s', async (version) => {
    const port = await startResettingGateway(version, PACKET);
    const heard: string[] = [];
    const causes = new Set<unknown>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const socket = await dialled(port);
      const { closed, text } = report(socket);
      const stop = keepWriting(socket);
      causes.add((await closed)?.code);
      stop();
      heard.push(Buffer.from(text(), 'utf8').toString('hex'));
    }
    expect(heard).toEqual(Array(ROUNDS).fill(PACKET.toString('hex')));
    expect([...causes]).toEqual(['APNS_ERR_CONNECTION_LOST']);
  });
});

/** Writes every turn, and keeps the loop busy before, so that the write meets the reset before a read does. */
function keepWriting(socket: Socket): () => void {
  const frames = Buffer.alloc(65_536, 2);
  let isWriting = true;
  const write = (): void => {
    if (!isWriting || socket.destroyed) return;
    const until = performance.now() + 4;
    while (performance.now() < until);
    socket.write(frames);
    setImmediate(write);
  };
  write();
  return () => {
    isWriting = false;
  };
}
