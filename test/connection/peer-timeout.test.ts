import { once } from 'node:events';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { dial } from '../../src/connection/dial.js';
import { PeerTimeout } from '../../src/connection/peer-timeout.js';
import { receive } from '../../src/connection/receiver.js';
import { resolveTarget, type Target } from '../../src/connection/target.js';
import { createFeedbackSource } from '../../src/sources/feedback-source.js';
import { authority, listen } from '../support/loopback.js';
import { blockEventLoop, startRemoteServer } from '../support/remote-server.js';

function targetAt(port: number, connectTimeoutMs = 10_000): Target {
  return resolveTarget({ host: '127.0.0.1', port, tls: { ca: authority.cert }, connectTimeoutMs }, 'gateway');
}

const expired = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    new PeerTimeout(ms, resolve);
  });

describe('a timeout', () => {
  it('comes after its time', async () => {
    const begin = performance.now();
    await expired(30);
    // Timers have whole milliseconds.
    expect(performance.now() - begin).toBeGreaterThan(28);
  });

  it('does not come when it is cancelled, not even between its timer and the sockets', async () => {
    const onTimeout = vi.fn();
    // A clock that stands still: for the timeout its timer is not late.
    const clock = vi.spyOn(performance, 'now').mockReturnValue(5000);
    onTestFinished(() => clock.mockRestore());
    const timeout = new PeerTimeout(20, onTimeout);
    // Both timers are due when the loop goes on, so this one fires right behind that of the timeout.
    setTimeout(() => timeout.cancel(), 20);
    const until = Date.now() + 40;
    while (Date.now() < until);
    await expired(50);
    expect(onTimeout).not.toHaveBeenCalled();
  });

  it('gives the peer its whole time again when it is restarted', async () => {
    const begin = performance.now();
    await new Promise<void>((resolve) => {
      const timeout = new PeerTimeout(60, resolve);
      setTimeout(() => timeout.restart(), 30);
    });
    expect(performance.now() - begin).toBeGreaterThan(88);
  });

  it('fires eventually when the event loop is blocked repeatedly', async () => {
    const blocking = setInterval(() => blockEventLoop(50), 1);
    onTestFinished(() => clearInterval(blocking));
    const begin = performance.now();
    await expired(40);
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});

describe('a timer of 100 ms', () => {
  /** What the clock says: it may be far ahead of the timers, as after the loop was blocked. */
  let now = 5000;
  let onTimeout = vi.fn();

  beforeEach(() => {
    now = 5000;
    onTimeout = vi.fn();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    onTestFinished(() => {
      clock.mockRestore();
      vi.useRealTimers();
    });
  });

  /** Lets the timers go on by so much, and the clock by more. */
  async function pass(ms: number, lateMs = 0): Promise<number> {
    now += ms + lateMs;
    vi.advanceTimersByTime(ms);
    // Behind the immediate that a timer has asked for.
    await new Promise(setImmediate);
    return onTimeout.mock.calls.length;
  }

  it.each([
    [0, 1],
    [10, 1],
    [11, 0],
  ])('that is %i ms late counts as a timeout %i times', async (lateMs, times) => {
    new PeerTimeout(100, onTimeout);
    expect(await pass(99)).toBe(0);
    expect(await pass(1, lateMs)).toBe(times);
  });

  it('is extended once, and again after a restart', async () => {
    const timeout = new PeerTimeout(100, onTimeout);
    expect(await pass(100, 50)).toBe(0);
    timeout.restart();
    expect(await pass(100, 50)).toBe(0);
    expect(await pass(99)).toBe(0);
    expect(await pass(1, 50)).toBe(1);
  });

  it('starts from the beginning when it is restarted', async () => {
    const timeout = new PeerTimeout(100, onTimeout);
    await pass(60);
    timeout.restart();
    expect(await pass(99)).toBe(0);
    expect(await pass(1)).toBe(1);
    expect(await pass(1000)).toBe(1);
  });

  it('does not fire after it was cancelled', async () => {
    const timeout = new PeerTimeout(100, onTimeout);
    await pass(60);
    timeout.cancel();
    expect(await pass(1000)).toBe(0);
  });
});

describe('an event loop that was blocked', () => {
  it('does not make a handshake time out that the gateway is ready for', async () => {
    const port = await startRemoteServer({ on: 'data', replies: [] });
    const dialling = dial(targetAt(port, 200));
    blockEventLoop(700);
    const socket = await dialling;
    onTestFinished(() => void socket.destroy());
    expect(socket.authorized).toBe(true);
  });

  it('does not save a gateway that is silent', async () => {
    const port = await listen((socket) => socket.resume());
    const dialling = dial(targetAt(port, 100));
    blockEventLoop(400);
    await expect(dialling).rejects.toMatchObject({ code: 'APNS_ERR_CONNECT_TIMEOUT' });
  });

  it('does not hide bytes that arrived meanwhile from a timer that is just due', async () => {
    const port = await startRemoteServer({ on: 'data', replies: [Buffer.from('here')] });
    const socket = await dial(targetAt(port));
    onTestFinished(() => void socket.destroy());
    const onTimeout = vi.fn();
    // The bytes have left before the loop is blocked: Node 26 does not always write them within write().
    await new Promise((resolve) => socket.write('x', resolve));
    const timeout = new PeerTimeout(600, onTimeout);
    socket.once('data', () => timeout.cancel());
    blockEventLoop(610);
    await once(socket, 'close');
    expect(onTimeout).not.toHaveBeenCalled();
  });

  it('does not end a reading of feedback whose tuples arrived meanwhile', async () => {
    const tuple = Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 32]), Buffer.alloc(32, 7)]);
    const port = await startRemoteServer({
      on: 'connection',
      replies: [tuple, tuple, tuple],
      everyMs: 100,
    });
    const source = createFeedbackSource({
      host: '127.0.0.1',
      port,
      tls: { ca: authority.cert },
      idleTimeoutMs: 400,
    });
    let tuples = 0;
    for await (const _tuple of source) if (++tuples === 1) blockEventLoop(900);
    expect(tuples).toBe(3);
  });

  it('does not lose the last bytes behind a write that failed', async () => {
    const received: Buffer[] = [];
    const port = await startRemoteServer({ on: 'data', replies: [Buffer.from('why')], everyMs: 100 });
    const socket = await dial(targetAt(port));
    const closed = new Promise<unknown>((resolve) => {
      receive(socket, { onBytes: (chunk) => received.push(chunk), onClose: resolve });
    });
    socket.write('x');
    socket.destroy(Object.assign(new Error('as of a write'), { syscall: 'write', code: 'EPIPE' }));
    blockEventLoop(1500);
    await closed;
    expect(Buffer.concat(received).toString()).toBe('why');
  });
});
