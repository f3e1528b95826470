/** The connections of an HTTP/2 sender, with a clock and a backoff that the test knows. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Backoff } from '../../../src/connection/backoff.js';
import { ApnsError } from '../../../src/core/errors.js';
import { ConnectionHealth } from '../../../src/engine/connection-health.js';
import type { EngineClock } from '../../../src/engine/engine-clock.js';
import type { Http2Connection } from '../../../src/engine/http2/connection.js';
import { Http2Liveness } from '../../../src/engine/http2/liveness.js';
import { type Http2Options, resolveHttp2Options } from '../../../src/engine/http2/options.js';
import { RequestPreparer } from '../../../src/engine/http2/pending-notification.js';
import { Http2Pool, type Http2PoolEvents } from '../../../src/engine/http2/pool.js';
import { CONNECTION_CHANNEL, type ConnectionEvent } from '../../../src/telemetry/connection-event.js';
import { TOKEN, until } from '../../support/frames.js';
import {
  type RawGateway,
  type RawScript,
  settingsFrame,
  startRawGateway,
} from '../../support/http2-raw-gateway.js';
import { authority, listen, unusedPort } from '../../support/loopback.js';

const LOST = new ApnsError('APNS_ERR_CONNECTION_LOST', 'it was lost');
const REFUSED = new ApnsError('APNS_ERR_CREDENTIALS_REFUSED', 'it was refused');

const preparer = new RequestPreparer({ auth: 'token', defaultTopic: 'com.example.app' });

/** A pool, its time, and what it has told. */
class Setup {
  readonly clock = { at: 1000 };
  readonly failures: string[] = [];
  readonly pool: Http2Pool;
  /** How often the pool has begun to connect. */
  dials = 0;
  ready = 0;
  /** Is called when a connection was made and the pool does not know it yet. */
  onConnected = (): void => {};

  constructor(options: Http2Options) {
    const resolved = {
      ...resolveHttp2Options(options),
      // Without chance: each delay is its upper bound.
      backoff: new Backoff({ initialMs: 100, maxMs: 1000, attempts: 2 }, () => 1),
    };
    const clock = { now: () => this.clock.at, noteRead: () => {} } as unknown as EngineClock;
    const events: Http2PoolEvents = {
      onResponse: () => {},
      onUnprocessed: () => {},
      onLost: () => {},
      onRoom: () => {},
      onClose: (connection, cause) => this.pool.remove(connection, cause),
      onReady: () => this.ready++,
      onGiveUp: ({ code }) => this.failures.push(code),
    };
    this.pool = new Http2Pool(resolved, events, clock);
    const onDial = (message: unknown): void => {
      const { event, port } = message as ConnectionEvent;
      if (port !== resolved.target.port) return;
      if (event === 'connecting') this.dials++;
      if (event === 'connected') this.onConnected();
    };
    subscribe(CONNECTION_CHANNEL, onDial);
    onTestFinished(() => {
      unsubscribe(CONNECTION_CHANNEL, onDial);
      this.pool.stop();
      for (const connection of this.pool.connections) connection.destroy(LOST);
    });
  }

  /** Whether the pool begins to connect. */
  grows(): boolean {
    const { dials } = this;
    this.pool.grow(this.clock.at);
    return this.dials > dials;
  }

  /** Opens a connection, which the pool must want, and waits for its SETTINGS. */
  async dial(): Promise<Http2Connection> {
    const { ready } = this;
    expect(this.grows()).toBe(true);
    await until(() => this.ready > ready);
    const connection = this.pool.connections.at(-1)!;
    await until(() => connection.isReady);
    return connection;
  }

  send(connection: Http2Connection, count = 1): void {
    for (let i = 0; i < count; i++)
      connection.send(preparer.prepare({ deviceToken: TOKEN, payload: '{}' }, 0), this.clock.at);
  }
}

/** A pool, and a gateway that answers nothing unless the script says so. */
async function createPool(
  options: Partial<Http2Options> = {},
  script: RawScript = {},
): Promise<{ setup: Setup; pool: Http2Pool; gateway: RawGateway }> {
  const gateway = await startRawGateway({ onRequest: () => {}, ...script });
  const setup = new Setup({ ...gateway.options, ...options });
  return { setup, pool: setup.pool, gateway };
}

/** What the pool asks of a connection, as a test wants it, and what it does to it. */
function fakeConnection(state: object = {}) {
  const done: string[] = [];
  const connection = {
    isProven: false,
    isReplaced: false,
    isDraining: false,
    isClosedByPeer: false,
    hasWork: false,
    openStreams: 0,
    noteContinued: () => {},
    health: new ConnectionHealth(),
    liveness: new Http2Liveness(1000, { connectTimeoutMs: 500, pingTimeoutMs: 200, stallMs: 3000 }),
    ping: () => done.push('ping'),
    drain: () => done.push('drain'),
    takeBack: (isAll: boolean) => done.push(`take back ${isAll}`),
    destroy: ({ code, message }: ApnsError) => done.push(`${code} ${message.match(/\d+ ms/)}`),
    ...state,
  };
  return { connection: connection as unknown as Http2Connection, liveness: connection.liveness, done };
}

describe('a further connection', () => {
  it('is opened where there is none, one at a time, and not before it is time', async () => {
    const { setup, pool } = await createPool({ connections: 3 });
    expect(pool.dialAt).toBe(0);
    expect([setup.grows(), setup.grows()]).toEqual([true, false]);
    await until(() => setup.ready === 1);
    expect(pool.connections).toHaveLength(1);
  });

  it('is not opened while one waits for SETTINGS, which may be enough', async () => {
    const { setup, pool, gateway } = await createPool({ connections: 3 }, { onConnection: () => {} });
    setup.grows();
    await until(() => setup.ready === 1 && gateway.peers.length === 1);
    expect(setup.grows()).toBe(false);
    gateway.peers[0]!.send(settingsFrame({}));
    await until(() => pool.connections[0]!.isReady);
    expect(setup.grows()).toBe(true);
  });

  it('is opened beside one whose SETTINGS have not come within stallMs', async () => {
    const { setup, pool } = await createPool({ timeoutMs: 300 }, { onConnection: () => {} });
    setup.grows();
    await until(() => setup.ready === 1);
    const first = pool.connections[0]!;
    setup.clock.at += 99;
    pool.watch(first, setup.clock.at);
    expect(setup.grows()).toBe(false);
    setup.clock.at += 1;
    pool.watch(first, setup.clock.at);
    expect([first.isDraining, first.liveness.isStalled, pool.dialAt]).toEqual([false, true, 1200]);
    setup.clock.at = pool.dialAt;
    expect(setup.grows()).toBe(true);
  });

  it('is opened up to the number of connections', async () => {
    const { setup } = await createPool({ connections: 2 });
    await setup.dial();
    await setup.dial();
    expect([setup.grows(), setup.dials]).toEqual([false, 2]);
  });

  it('is opened for one that drains, stalls, or has to answer a PING for a second', async () => {
    const { setup, pool, gateway } = await createPool({}, { onPing: () => {} });
    const first = await setup.dial();
    setup.send(first);
    first.drain();
    const second = await setup.dial();
    expect([pool.connections.length, setup.grows()]).toEqual([2, false]);
    setup.send(second);
    setup.clock.at += pool.stallMs;
    expect(second.liveness.takeAction(setup.clock.at, true)).toBe('stall');
    const third = await setup.dial();
    expect(setup.grows()).toBe(false);
    pool.verify();
    expect(third.liveness.verifiedFrom).toBe(setup.clock.at);
    setup.clock.at += 999;
    expect(setup.grows()).toBe(false);
    setup.clock.at += 1;
    await setup.dial();
    expect([pool.connections.length, gateway.peers.length, setup.grows()]).toEqual([4, 4, false]);
  });

  it('is opened for relief, up to eight, while APNs throttles one', async () => {
    const { setup, pool, gateway } = await createPool({}, { settings: { maxConcurrentStreams: 100 } });
    const first = await setup.dial();
    expect(setup.grows()).toBe(false);
    gateway.peers[0]!.send(settingsFrame({ maxConcurrentStreams: 1 }));
    await until(() => first.isThrottled);
    for (let i = 0; i < 8; i++) await setup.dial();
    expect([pool.connections.length, setup.grows()]).toEqual([9, false]);
  });

  it('is not opened beyond twice the number and eight, those included that drain', async () => {
    const { setup, pool } = await createPool({ connections: 2 });
    for (let i = 0; i < 12; i++) {
      const connection = await setup.dial();
      setup.send(connection);
      connection.drain();
    }
    expect([pool.connections.length, setup.grows()]).toEqual([12, false]);
  });

  it('is not opened by a pool that was stopped, even if it was being opened', async () => {
    const { setup, pool, gateway } = await createPool();
    setup.grows();
    pool.stop();
    await gateway.closed();
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    expect([pool.connections, setup.ready, setup.failures, setup.grows()]).toEqual([[], 0, [], false]);
  });

  it('is not kept by a pool that is stopped at the moment it is made', async () => {
    const { setup, pool, gateway } = await createPool();
    let made = 0;
    setup.onConnected = () => {
      made++;
      pool.stop();
    };
    expect(setup.grows()).toBe(true);
    await until(() => made > 0);
    await gateway.closed();
    expect([pool.connections, setup.ready, setup.failures]).toEqual([[], 0, []]);
  });

  it('is given up within its handshake when the pool is stopped', async () => {
    let closed = 0;
    const port = await listen((socket) => void socket.on('close', () => closed++).resume());
    const setup = new Setup({ host: '127.0.0.1', port, tls: { ca: authority.cert } });
    expect(setup.grows()).toBe(true);
    await new Promise(setImmediate);
    setup.pool.stop();
    await until(() => closed > 0 || setup.ready > 0);
    expect([setup.ready, setup.failures]).toEqual([0, []]);
  });
});

describe('the connection that is picked', () => {
  it('has the fewest open streams of those with room', async () => {
    const { setup, pool } = await createPool({ connections: 3 }, { settings: { maxConcurrentStreams: 4 } });
    expect(pool.pick()).toBeUndefined();
    const [a, b, c] = [await setup.dial(), await setup.dial(), await setup.dial()];
    setup.send(a, 3);
    setup.send(b, 1);
    setup.send(c, 2);
    expect(pool.pick()).toBe(b);
    setup.send(b, 1);
    // The first of equals.
    expect(pool.pick()).toBe(b);
    b.drain();
    expect(pool.pick()).toBe(c);
    setup.send(c, 2);
    expect(pool.pick()).toBe(a);
    setup.send(a, 1);
    expect(pool.pick()).toBeUndefined();
  });
});

describe('a connection needs attention', () => {
  it('when its silence does, and sooner while something waits for it to be trusted', async () => {
    const { pool } = await createPool();
    const { connection, liveness } = fakeConnection();
    liveness.noteSettings(1000);
    const proven = { ...connection, isProven: true, liveness } as Http2Connection;
    const silence = 1000 + 60_000;
    expect(pool.dueAt(connection, false, 2000)).toBe(silence);
    expect(pool.dueAt(connection, true, 2000)).toBe(2050);
    expect(pool.dueAt(connection, true, silence - 7)).toBe(silence);
    expect(pool.dueAt(proven, true, 2000)).toBe(silence);
  });

  it('a second after the process stood still, if something waits', async () => {
    const { pool } = await createPool();
    const { connection, liveness } = fakeConnection({ isProven: true });
    liveness.noteSettings(1000);
    liveness.noteFreeze(5000);
    expect(pool.dueAt(connection, false, 5000)).toBe(61_000);
    expect(pool.dueAt(connection, true, 5000)).toBe(6000);
    expect(pool.dueAt(connection, true, 5999)).toBe(6000);
    expect(pool.dueAt(connection, true, 6000)).toBe(61_000);
    liveness.notePing(5000);
    expect(pool.dueAt(connection, true, 5000)).toBe(5200);
  });

  it('counts its work', async () => {
    const { pool } = await createPool();
    const { connection, liveness } = fakeConnection({ hasWork: true });
    liveness.noteSettings(1000);
    expect(pool.dueAt(connection, false, 2000)).toBe(3000);
    liveness.noteResponse(1000);
    expect(pool.dueAt(connection, false, 2000)).toBe(4000);
  });
});

describe('a silent connection', () => {
  /** A connection whose SETTINGS came at 1000, and what is done to it at `now`. */
  function watch(pool: Http2Pool, now: number, state: object = {}) {
    const fake = fakeConnection(state);
    fake.liveness.noteSettings(1000);
    pool.watch(fake.connection, now);
    return fake;
  }

  it('is left alone until it is time, then asked by PING', async () => {
    const { pool } = await createPool();
    expect(watch(pool, 60_999).done).toEqual([]);
    expect(watch(pool, 61_000).done).toEqual(['ping']);
  });

  it('is trusted with more meanwhile, if nothing has failed', async () => {
    const { pool } = await createPool();
    expect(watch(pool, 1049).connection.health.maxInFlight).toBe(8);
    expect(watch(pool, 1050).connection.health.maxInFlight).toBe(16);
  });

  it('is given up when it does not answer PING', async () => {
    const { pool } = await createPool();
    const { connection, liveness, done } = fakeConnection();
    liveness.noteSettings(1000);
    liveness.notePing(61_000);
    pool.watch(connection, 61_200);
    expect(done).toEqual(['APNS_ERR_TIMEOUT 60200 ms']);
  });

  it('is drained in place of a PING if it is one too many and has no stream', async () => {
    const { setup, pool, gateway } = await createPool({}, { settings: { maxConcurrentStreams: 100 } });
    const first = await setup.dial();
    expect(watch(pool, 61_000).done).toEqual(['ping']);
    gateway.peers[0]!.send(settingsFrame({ maxConcurrentStreams: 1 }));
    await until(() => first.isThrottled);
    await setup.dial();
    expect(watch(pool, 61_000).done).toEqual(['drain']);
    expect(watch(pool, 61_000, { openStreams: 1 }).done).toEqual(['ping']);
  });

  it('is replaced when it has answered nothing for too long, after the backoff', async () => {
    const { setup, pool } = await createPool();
    setup.clock.at = 4000;
    const { done } = watch(pool, 4000, { hasWork: true, openStreams: 2 });
    expect(done).toEqual(['take back false']);
    expect(pool.dialAt).toBe(4100);
    expect(pool.lastProblem).toMatch(/has not responded to any notification on one connection for 3000 ms$/);
    setup.clock.at = 4099;
    expect(setup.grows()).toBe(false);
    setup.clock.at = 4100;
    expect(setup.grows()).toBe(true);
  });

  it('is replaced later each time, until a connection has success that was opened after the last time', async () => {
    const { setup, pool } = await createPool();
    const openedAt = (now: number) => ({
      liveness: new Http2Liveness(now, { connectTimeoutMs: 500, pingTimeoutMs: 200, stallMs: 3000 }),
    });
    setup.clock.at = 4000;
    watch(pool, 4000, { hasWork: true });
    pool.trust(fakeConnection(openedAt(4000)).connection);
    watch(pool, 4000, { hasWork: true });
    expect(pool.dialAt).toBe(4200);
    pool.trust(fakeConnection(openedAt(4001)).connection);
    setup.clock.at = 5000;
    watch(pool, 5000, { hasWork: true });
    expect(pool.dialAt).toBe(5100);
  });

  it('gives everything back if unknown notifications are to be sent again, and stays open without streams', async () => {
    const { pool } = await createPool({ onUnknown: 'resend' });
    expect(watch(pool, 4000, { hasWork: true }).done).toEqual(['take back true']);
  });

  it('is replaced after 2 s if it has never answered anything', async () => {
    const { pool } = await createPool();
    expect(watch(pool, 2999, { hasWork: true }).done).toEqual([]);
    expect(watch(pool, 3000, { hasWork: true }).done).toEqual(['take back false']);
  });

  it('is not replaced if it has let bodies continue since the last look', async () => {
    const { pool } = await createPool();
    const fake = fakeConnection({ hasWork: true, noteContinued: () => fake.liveness.noteProgress(3999) });
    fake.liveness.noteSettings(1000);
    pool.watch(fake.connection, 4000);
    expect([fake.done, pool.dialAt, fake.liveness.isStalled]).toEqual([[], 0, false]);
  });

  it('is asked by PING at once if that is due as well, unless it is draining', async () => {
    const { pool } = await createPool();
    const state = { hasWork: true, openStreams: 1 };
    expect(watch(pool, 11_000, state).done).toEqual(['take back false', 'ping']);
    expect(watch(pool, 11_000, { ...state, isDraining: true }).done).toEqual(['take back false']);
  });

  it('may answer nothing for a third of the deadline, and for 10 s at most', async () => {
    for (const [timeoutMs, stallMs] of [
      [100, 34],
      [29_999, 10_000],
      [60_000, 10_000],
    ] as const)
      expect((await createPool({ timeoutMs })).pool.stallMs).toBe(stallMs);
  });
});

describe('a sick connection', () => {
  it('is drained and replaced, later each time, until a newer one has success', async () => {
    const { setup, pool } = await createPool();
    const delays: number[] = [];
    const replace = async (): Promise<Http2Connection> => {
      const connection = await setup.dial();
      setup.send(connection);
      connection.health.recordSickness();
      pool.replaceSick();
      pool.replaceSick();
      expect([connection.isReplaced, pool.lastProblem]).toEqual([
        true,
        expect.stringContaining('failed to process several notifications'),
      ]);
      delays.push(pool.dialAt - setup.clock.at);
      expect(setup.grows()).toBe(false);
      setup.clock.at = pool.dialAt;
      return connection;
    };
    const old = await replace();
    await replace();
    // It was opened before the last replacement, and proves nothing about the next.
    pool.trust(old);
    expect(pool.lastProblem).toBeUndefined();
    await replace();
    setup.clock.at += 1;
    const newer = await setup.dial();
    pool.trust(newer);
    setup.send(newer);
    newer.drain();
    await replace();
    expect(delays).toEqual([100, 200, 400, 100]);
    expect(setup.failures).toEqual([]);
  });

  it('alone is drained', async () => {
    const { setup, pool } = await createPool({ connections: 2 });
    const [well, sick] = [await setup.dial(), await setup.dial()];
    for (const connection of [well, sick]) setup.send(connection);
    sick.health.recordSickness();
    pool.replaceSick();
    expect([well.isReplaced, sick.isReplaced]).toEqual([false, true]);
  });
});

describe('a failure to connect', () => {
  it('delays the next attempt, later each time, and ends the sending when the attempts are used up', async () => {
    const setup = new Setup({ host: '127.0.0.1', port: await unusedPort(), tls: { ca: authority.cert } });
    const { pool } = setup;
    const fail = async (): Promise<number> => {
      const { ready } = setup;
      expect(setup.grows()).toBe(true);
      await until(() => setup.ready > ready);
      const delayMs = pool.dialAt - setup.clock.at;
      expect(setup.grows()).toBe(false);
      setup.clock.at = Math.max(setup.clock.at, pool.dialAt);
      return delayMs;
    };
    expect([await fail(), await fail()]).toEqual([100, 200]);
    expect([setup.failures, pool.lastProblem]).toEqual([[], expect.stringContaining('127.0.0.1')]);
    await fail();
    expect([setup.failures, setup.grows()]).toEqual([['APNS_ERR_CONNECTION_REFUSED'], false]);
  });

  it('ends the sending at once where trying again is pointless', async () => {
    const gateway = await startRawGateway();
    const setup = new Setup({ host: '127.0.0.1', port: gateway.options.port });
    expect(setup.grows()).toBe(true);
    await until(() => setup.ready > 0);
    expect([setup.failures, setup.grows()]).toEqual([['APNS_ERR_UNKNOWN_AUTHORITY'], false]);
  });

  it('says nothing where the pool was stopped meanwhile', async () => {
    const setup = new Setup({ host: '127.0.0.1', port: await unusedPort(), tls: { ca: authority.cert } });
    setup.grows();
    setup.pool.stop();
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect([setup.failures, setup.ready, setup.pool.lastProblem]).toEqual([[], 0, undefined]);
  });
});

describe('a connection that has closed', () => {
  it('is a failure if it was of no use, and the more such failures, the later the next', async () => {
    const { setup, pool } = await createPool();
    pool.remove(fakeConnection().connection, LOST);
    expect([pool.dialAt, pool.lastProblem]).toEqual([1100, 'it was lost']);
    pool.remove(fakeConnection().connection, undefined);
    expect(pool.dialAt).toBe(1200);
    expect(pool.lastProblem).toMatch(/right after the TLS handshake/);
    pool.trust(fakeConnection().connection);
    expect(pool.lastProblem).toBeUndefined();
    setup.clock.at = 2000;
    pool.remove(fakeConnection().connection, LOST);
    expect([pool.dialAt, setup.failures]).toEqual([2100, []]);
  });

  it.each([
    ['something was answered on it', { isProven: true }, 1000],
    ['this side has left it', { isReplaced: true }, 1000],
    ['it has stood unused for a minute', {}, 61_000],
  ])('is none if %s', async (_why, state, now) => {
    const { setup, pool } = await createPool();
    setup.clock.at = now;
    pool.remove(fakeConnection(state).connection, LOST);
    expect([pool.dialAt, pool.lastProblem]).toEqual([0, undefined]);
    setup.clock.at = 60_999;
    pool.remove(fakeConnection().connection, LOST);
    expect(pool.dialAt).toBe(61_099);
  });

  it('is replaced, later each time, if the peer dismissed it, and never ends the sending', async () => {
    const { setup, pool } = await createPool();
    const delays: number[] = [];
    for (let i = 0; i < 5; i++) {
      const before = setup.clock.at;
      pool.remove(fakeConnection({ isClosedByPeer: true }).connection, i === 4 ? undefined : LOST);
      delays.push(pool.dialAt - before);
      if (i === 0) expect(pool.lastProblem).toBe('it was lost');
      setup.clock.at = pool.dialAt;
    }
    expect(pool.lastProblem).toMatch(/failed to process several notifications/);
    expect([delays, setup.failures]).toEqual([[100, 200, 400, 800, 1000], []]);
    // None of them was an attempt to connect.
    pool.remove(fakeConnection().connection, LOST);
    expect([pool.dialAt - setup.clock.at, pool.lastProblem]).toEqual([100, 'it was lost']);
  });

  it.each([{ isProven: true }, { isReplaced: true }])('is none if it was dismissed and %o', async (state) => {
    const { pool } = await createPool();
    pool.remove(fakeConnection({ ...state, isClosedByPeer: true }).connection, LOST);
    expect([pool.dialAt, pool.lastProblem]).toEqual([0, undefined]);
  });

  it('ends the sending if trying again is pointless, even if the peer dismissed it', async () => {
    const { setup, pool } = await createPool();
    pool.remove(fakeConnection({ isClosedByPeer: true }).connection, REFUSED);
    expect(setup.failures).toEqual(['APNS_ERR_CREDENTIALS_REFUSED']);
  });

  it('ends the sending if trying again is pointless, whatever it was good for', async () => {
    const { setup, pool } = await createPool();
    pool.remove(fakeConnection({ isProven: true }).connection, REFUSED);
    expect([setup.failures, setup.grows()]).toEqual([['APNS_ERR_CREDENTIALS_REFUSED'], false]);
  });

  it('ends the sending when the attempts are used up, unless another one is open', async () => {
    const { setup, pool } = await createPool({ connections: 2 });
    const open = await setup.dial();
    for (let i = 0; i < 3; i++) pool.remove(fakeConnection().connection, LOST);
    expect([pool.dialAt, setup.failures]).toEqual([11_000, []]);
    expect(pool.connections).toEqual([open]);
    setup.send(open);
    open.drain();
    pool.remove(fakeConnection().connection, LOST);
    expect(setup.failures).toEqual(['APNS_ERR_CONNECTION_LOST']);
  });

  it('is forgotten, and no other', async () => {
    const { setup, pool } = await createPool({ connections: 2 });
    const [first, second] = [await setup.dial(), await setup.dial()];
    const before = pool.connections;
    first.drain();
    expect(pool.connections).toEqual([second]);
    expect([before.length, pool.dialAt]).toEqual([2, 0]);
  });
});

it('leaves a connection that takes no new provider token, once, and waits before the next', async () => {
  const { pool } = await createPool();
  const { connection, done } = fakeConnection();
  pool.replaceLater(connection);
  expect([done, pool.dialAt]).toEqual([['drain'], 1100]);
  expect(pool.lastProblem).toMatch(/TooManyProviderTokenUpdates/);
  pool.replaceLater(fakeConnection({ isReplaced: true }).connection);
  expect(pool.dialAt).toBe(1100);
});
