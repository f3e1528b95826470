/** The connections of a binary sender, with a clock and a backoff that the test knows. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Backoff } from '../../../src/connection/backoff.js';
import { ApnsError } from '../../../src/core/errors.js';
import { BatchQueue } from '../../../src/engine/binary/batch-queue.js';
import type { BinaryConnection, ConnectionEnd } from '../../../src/engine/binary/connection.js';
import { type BinaryOptions, resolveBinaryOptions } from '../../../src/engine/binary/options.js';
import { BinaryPool, type Demand } from '../../../src/engine/binary/pool.js';
import type { EngineClock } from '../../../src/engine/engine-clock.js';
import { CONNECTION_CHANNEL, type ConnectionEvent } from '../../../src/telemetry/connection-event.js';
import { batchOf, frames, until } from '../../support/frames.js';
import { authority, listen, unusedPort } from '../../support/loopback.js';
import { type Script, type ScriptedGateway, startScriptedGateway } from '../../support/scripted-gateway.js';

const LOST = new ApnsError('APNS_ERR_CONNECTION_LOST', 'it was lost');
const REFUSED = new ApnsError('APNS_ERR_CREDENTIALS_REFUSED', 'it was refused');
const NEVER = Number.POSITIVE_INFINITY;
const WAITING: Demand = { isWaiting: true, isUnsettled: true };
const UNSETTLED: Demand = { isWaiting: false, isUnsettled: true };
const ANSWER: ConnectionEnd = { response: { statusCode: 8, reason: 'InvalidToken', identifier: 1 } };

class Setup {
  readonly clock = { at: 1000 };
  readonly failures: string[] = [];
  readonly closed: BinaryConnection[] = [];
  readonly pool: BinaryPool;
  /** How often the pool has begun to connect. */
  dials = 0;
  ready = 0;
  /** Is called when a connection was made and the pool does not know it yet. */
  onConnected = (): void => {};

  constructor(options: BinaryOptions) {
    const resolved = {
      ...resolveBinaryOptions(options),
      // Without chance: each delay is its upper bound.
      backoff: new Backoff({ initialMs: 100, maxMs: 1000, attempts: 2 }, () => 1),
    };
    const clock = { now: () => this.clock.at, noteRead: () => {} } as unknown as EngineClock;
    const events = {
      onReady: () => this.ready++,
      onClose: (connection: BinaryConnection) => this.closed.push(connection),
      onGiveUp: ({ code }: ApnsError) => this.failures.push(code),
    };
    this.pool = new BinaryPool(resolved, events, clock);
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
  grows(demand: Demand = WAITING): boolean {
    const { dials } = this;
    this.pool.grow(this.clock.at, demand);
    return this.dials > dials;
  }

  /** Opens a connection, which the pool must want. It counts as open, as after its period of grace. */
  async dial(demand: Demand = WAITING): Promise<BinaryConnection> {
    const { ready } = this;
    expect(this.grows(demand)).toBe(true);
    await until(() => this.ready > ready);
    const connection = this.pool.connections.at(-1)!;
    if (connection.state === 'fresh') connection.open();
    return connection;
  }
}

async function createPool(
  options: Partial<BinaryOptions> = {},
  script: Script = {},
): Promise<{ setup: Setup; pool: BinaryPool; gateway: ScriptedGateway }> {
  const gateway = await startScriptedGateway({ onCheckpoint: () => {}, ...script });
  const setup = new Setup({ ...gateway.options, ...options });
  return { setup, pool: setup.pool, gateway };
}

/** A pool that connects to nothing. */
function quietPool(options: Partial<BinaryOptions> = {}): { setup: Setup; pool: BinaryPool } {
  const setup = new Setup({ host: '127.0.0.1', port: 1, ...options });
  return { setup, pool: setup.pool };
}

/** A connection whose window holds so many frames that were taken at 1000 and written at 1100. */
function holding(count: number, state: object = {}): BinaryConnection {
  const window = new BatchQueue();
  if (count > 0) window.push({ ...batchOf(...frames(count)), since: 1000, writtenAt: 1100 });
  const connection = {
    state: 'open',
    window,
    openedAt: 1000,
    progressAt: 1200,
    doublings: 0,
    isFlushed: true,
    isBlocked: false,
    oldestAt: window.first?.writtenAt,
    ...state,
  };
  return connection as unknown as BinaryConnection;
}

describe('the quota of a connection', () => {
  it('is half the window, shared by the connections, where checkpoints prove it', () => {
    const quota = (options: Partial<BinaryOptions>): number => quietPool(options).pool.quotaLeft(holding(0));
    expect(quota({})).toBe(32_768);
    expect(quota({ connections: 4 })).toBe(8192);
    expect(quota({ window: { count: 11 } })).toBe(5);
    expect(quota({ window: { count: 1 } })).toBe(1);
    expect(quota({ window: { count: 11 }, checkpoint: 'never' })).toBe(11);
  });

  it('is what is left beside what it holds', () => {
    const { pool } = quietPool({ window: { count: 20 } });
    expect([pool.quotaLeft(holding(3)), pool.quotaLeft(holding(12))]).toEqual([7, -2]);
  });

  it('follows what was proved and lost, and doubles with each silence', () => {
    const { pool } = quietPool({ window: { count: 100 }, checkpoint: 'never' });
    pool.noteProof(0, 40);
    expect(pool.quotaLeft(holding(0))).toBe(20);
    expect(pool.quotaLeft(holding(0, { doublings: 2 }))).toBe(80);
    expect(pool.quotaLeft(holding(0, { doublings: 3 }))).toBe(100);
    pool.noteProof(30, 0);
    expect(pool.quotaLeft(holding(0))).toBe(60);
  });

  it('is used up by frames or by bytes, where checkpoints are written', () => {
    const { pool } = quietPool({ window: { count: 20 } });
    expect([pool.isFull(holding(9)), pool.isFull(holding(10)), pool.isFull(holding(11))]).toEqual([
      false,
      true,
      true,
    ]);
    expect([pool.isFull(holding(4), 0.5), pool.isFull(holding(5), 0.5)]).toEqual([false, true]);
    const { length } = frames(1)[0]!;
    for (const connections of [1, 2]) {
      const bytes = 2 * connections * 4 * length;
      const byBytes = quietPool({ window: { bytes }, connections }).pool;
      expect([byBytes.isFull(holding(3)), byBytes.isFull(holding(4))]).toEqual([false, true]);
      expect([byBytes.isFull(holding(1), 0.5), byBytes.isFull(holding(2), 0.5)]).toEqual([false, true]);
    }
    expect(quietPool({ window: { count: 1 }, checkpoint: 'end' }).pool.isFull(holding(9))).toBe(false);
  });
});

describe('a connection needs attention', () => {
  it('when its period of grace is over', () => {
    const { pool } = quietPool();
    expect(pool.dueAt(holding(0, { state: 'fresh' }), 1000)).toBe(1005);
  });

  it('never while it holds nothing and owes nothing', () => {
    const { pool } = quietPool();
    expect(pool.dueAt(holding(0), 1000)).toBe(NEVER);
  });

  it('when its oldest frame has to be proved: by age, and before the deadline', () => {
    const { pool } = quietPool({ timeoutMs: 60_000, pingTimeoutMs: 10_000, window: { ageMs: 60_000 } });
    // 10 s before the deadline, which counts from when the frame was taken.
    expect(pool.dueAt(holding(1), 2000)).toBe(51_000);
    expect(quietPool({ window: { ageMs: 500 } }).pool.dueAt(holding(1), 2000)).toBe(1600);
    expect(quietPool({ timeoutMs: 900 }).pool.dueAt(holding(1), 2000)).toBe(1000 + 450);
    expect(quietPool({ timeoutMs: 900, onUnknown: 'resend' }).pool.dueAt(holding(1), 2000)).toBe(1000 + 300);
    expect(quietPool({ onUnknown: 'resend' }).pool.dueAt(holding(1), 2000)).toBe(1000 + 40_000);
  });

  it('when it makes no progress with what it owes', () => {
    const { pool } = quietPool({ pingTimeoutMs: 300 });
    expect(pool.dueAt(holding(1, { state: 'checked' }), 2000)).toBe(1500);
    expect(pool.dueAt(holding(1, { isFlushed: false }), 2000)).toBe(1500);
    expect(pool.dueAt(holding(0, { state: 'finished' }), 2000)).toBe(1500);
  });

  it('when the deadline of a frame has passed', () => {
    const { pool } = quietPool({ timeoutMs: 20_000, pingTimeoutMs: 60_000 });
    expect(pool.dueAt(holding(1, { state: 'checked' }), 2000)).toBe(21_000);
  });

  it('without checkpoints when it was silent for long enough, counted again while bytes wait', () => {
    const { pool } = quietPool({ checkpoint: 'never', window: { ageMs: 500 } });
    expect(pool.presumeMs).toBe(500);
    expect(pool.proofAt(holding(1), 2000)).toBe(1600);
    expect(pool.proofAt(holding(1, { isFlushed: false }), 2000)).toBe(2500);
    expect(pool.proofAt(holding(1, { state: 'finished' }), 2000)).toBe(NEVER);
    expect(pool.proofAt(holding(0), 2000)).toBe(NEVER);
    expect(quietPool({ checkpoint: 'end', timeoutMs: 800 }).pool.presumeMs).toBe(400);
  });

  it('without checkpoints when its quota is used up, and can be doubled', () => {
    const { pool } = quietPool({ checkpoint: 'never', window: { count: 100 } });
    expect(pool.doublingAt(holding(100))).toBe(NEVER);
    pool.noteProof(0, 40);
    expect(pool.doublingAt(holding(19))).toBe(NEVER);
    expect([pool.doublingAt(holding(20)), pool.dueAt(holding(20), 2000)]).toEqual([1300, 1300]);
    expect(pool.doublingAt(holding(100, { doublings: 3 }))).toBe(NEVER);
    const proving = quietPool({ window: { count: 100 } }).pool;
    proving.noteProof(0, 40);
    expect(proving.doublingAt(holding(20))).toBe(NEVER);
  });
});

describe('a further connection', () => {
  it('is opened for frames that wait, one at a time', async () => {
    const { setup, pool } = await createPool({ connections: 2 });
    expect(setup.grows(UNSETTLED)).toBe(false);
    expect([setup.grows(), setup.grows()]).toEqual([true, false]);
    await until(() => setup.ready === 1);
    expect(pool.connections.map(({ state }) => state)).toEqual(['fresh']);
    // A fresh one may turn out to be enough.
    expect(setup.grows()).toBe(false);
  });

  it('is opened up to the number of connections while those there are blocked', async () => {
    const { setup } = await createPool({ connections: 2 });
    const block = (connection: BinaryConnection) =>
      Object.defineProperty(connection, 'isBlocked', { value: true });
    const first = await setup.dial();
    expect(setup.grows()).toBe(false);
    block(first);
    block(await setup.dial());
    expect(setup.grows()).toBe(false);
  });

  it('is opened in place of one that is checked', async () => {
    const { setup, pool } = await createPool();
    const first = await setup.dial();
    first.send(batchOf(...frames(1)), 1000);
    first.writeCheckpoint(1000);
    await setup.dial();
    expect(pool.connections).toHaveLength(2);
  });

  it('is opened in reserve when one is half full', async () => {
    const { setup } = await createPool({ window: { count: 16 } });
    const first = await setup.dial();
    first.send(batchOf(...frames(3)), 1000);
    expect(setup.grows(UNSETTLED)).toBe(false);
    first.send(batchOf(...frames(1, 4)), 1000);
    expect(setup.grows({ isWaiting: false, isUnsettled: false })).toBe(false);
    const spare = await setup.dial(UNSETTLED);
    // One without frames is there already.
    expect(setup.grows(UNSETTLED)).toBe(false);
    spare.send(batchOf(...frames(4)), 1000);
    expect(setup.grows(UNSETTLED)).toBe(false);
  });

  it('is not opened in reserve beside one that holds nothing', async () => {
    const { setup } = await createPool({ connections: 2, window: { count: 16 } });
    const first = await setup.dial();
    Object.defineProperty(first, 'isBlocked', { value: true });
    const second = await setup.dial();
    first.send(batchOf(...frames(4)), 1000);
    expect(setup.grows(UNSETTLED)).toBe(false);
    second.send(batchOf(...frames(1)), 1000);
    expect(setup.grows(UNSETTLED)).toBe(true);
  });

  it('is opened in reserve at once after an idle one was closed that had stood for long', async () => {
    const { setup, pool } = await createPool();
    const first = await setup.dial();
    first.send(batchOf(...frames(1)), 1000);
    pool.recordSuccess(first, true);
    setup.clock.at = 5000;
    pool.recordLoss(holding(0), {}, LOST, false);
    expect(setup.grows(UNSETTLED)).toBe(true);
  });

  it('is opened in reserve after a rejection, not after a checkpoint', async () => {
    const { setup, pool } = await createPool();
    const first = await setup.dial();
    first.send(batchOf(...frames(1)), 1000);
    pool.recordSuccess(first, false);
    expect(setup.grows(UNSETTLED)).toBe(false);
    pool.recordSuccess(first, true);
    const spare = await setup.dial(UNSETTLED);
    expect(spare.state).toBe('open');
  });

  it('is opened without a period of grace once a gateway has answered', async () => {
    const { setup, pool } = await createPool({ connections: 2 });
    const first = await setup.dial();
    pool.recordSuccess(first, false);
    first.writeCheckpoint(1000);
    expect(setup.grows()).toBe(true);
    await until(() => setup.ready === 2);
    expect(pool.connections[1]!.state).toBe('open');
  });

  it('has a period of grace as long as its handshake took, from 5 to 500 ms', async () => {
    for (const [handshakeMs, graceMs] of [
      [0, 5],
      [70, 70],
      [9000, 500],
    ] as const) {
      const { setup, pool } = await createPool();
      setup.grows();
      setup.clock.at += handshakeMs;
      await until(() => setup.ready === 1);
      expect(pool.dueAt(pool.connections[0]!, setup.clock.at) - setup.clock.at).toBe(graceMs);
    }
  });

  it('is not opened by a pool that was stopped, even if it was being opened', async () => {
    const { setup, pool, gateway } = await createPool();
    setup.grows();
    pool.stop();
    await until(() => gateway.openSockets === 0);
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
    await until(() => made > 0 && gateway.openSockets === 0);
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
  it('is the open one with the least in its window, of those in use', async () => {
    const { setup, pool } = await createPool({ connections: 2, window: { count: 40 } });
    expect(pool.pick()).toBeUndefined();
    const first = await setup.dial();
    Object.defineProperty(first, 'isBlocked', { value: true, configurable: true });
    const second = await setup.dial();
    expect(pool.pick()).toBe(second);
    Object.defineProperty(first, 'isBlocked', { value: false });
    first.send(batchOf(...frames(6)), 1000);
    second.send(batchOf(...frames(5)), 1000);
    const spare = await setup.dial(UNSETTLED);
    // The third is in reserve.
    expect(pool.pick()).toBe(second);
    second.send(batchOf(...frames(1)), 1000);
    expect(pool.pick()).toBe(first);
    first.send(batchOf(...frames(4)), 1000);
    expect(pool.pick()).toBe(second);
    second.send(batchOf(...frames(4)), 1000);
    expect(pool.pick()).toBeUndefined();
    first.writeCheckpoint(1000);
    expect(pool.pick()).toBe(spare);
  });

  it('is no longer fresh', async () => {
    const { setup, pool } = await createPool();
    setup.grows();
    await until(() => setup.ready === 1);
    expect(pool.pick()).toBeUndefined();
  });
});

describe('failures', () => {
  it('delay the next connection, later each time, until one that was opened behind them has success', () => {
    const { setup, pool } = quietPool();
    pool.recordFailure(LOST);
    expect([pool.dialAt, pool.lastProblem, setup.grows()]).toEqual([1100, LOST.message, false]);
    pool.recordFailure(LOST);
    expect(pool.dialAt).toBe(1200);
    pool.recordSuccess(holding(0), false);
    expect([pool.dialAt, pool.lastProblem]).toEqual([1200, undefined]);
    pool.recordFailure(LOST);
    expect(pool.dialAt).toBe(1400);
    pool.recordSuccess(holding(0, { openedAt: 1001 }), false);
    expect(pool.dialAt).toBe(0);
    pool.recordFailure(LOST);
    expect(pool.dialAt).toBe(1100);
    expect(setup.failures).toEqual([]);
  });

  it('never bring the next connection forward', () => {
    const { setup, pool } = quietPool();
    for (let i = 0; i < 3; i++) pool.recordFailure(LOST);
    setup.clock.at = 1001;
    pool.recordLoss(holding(0), {}, LOST, false);
    expect(pool.dialAt).toBe(1400);
  });

  it('to connect end the sending when the attempts are used up', async () => {
    const setup = new Setup({ host: '127.0.0.1', port: await unusedPort(), tls: { ca: authority.cert } });
    const { pool } = setup;
    const delays: number[] = [];
    for (let i = 0; i < 3; i++) {
      const { ready } = setup;
      expect(setup.grows()).toBe(true);
      await until(() => setup.ready > ready);
      delays.push(pool.dialAt - setup.clock.at);
      setup.clock.at = pool.dialAt;
    }
    expect([delays.slice(0, 2), setup.failures]).toEqual([[100, 200], ['APNS_ERR_CONNECTION_REFUSED']]);
    expect([pool.lastProblem, setup.grows()]).toEqual([
      expect.stringMatching(/the connection was refused/),
      false,
    ]);
  });

  it('to connect are counted anew after a success, and end the sending unless a connection is open', async () => {
    const setup = new Setup({ host: '127.0.0.1', port: await unusedPort(), tls: { ca: authority.cert } });
    const fail = async (): Promise<void> => {
      const { ready } = setup;
      setup.clock.at = Math.max(setup.clock.at, setup.pool.dialAt);
      expect(setup.grows()).toBe(true);
      await until(() => setup.ready > ready);
    };
    await fail();
    await fail();
    setup.pool.recordSuccess(holding(0), false);
    await fail();
    await fail();
    expect(setup.failures).toEqual([]);
    await fail();
    expect(setup.failures).toEqual(['APNS_ERR_CONNECTION_REFUSED']);
  });

  it('to connect end the sending although a connection is fresh, which may be refused as well', async () => {
    const { setup, pool } = await createPool();
    setup.grows();
    await until(() => setup.ready === 1);
    expect(pool.connections.map(({ state }) => state)).toEqual(['fresh']);
    for (let i = 0; i < 3; i++) pool.recordLoss(holding(0), {}, LOST, true);
    expect(setup.failures).toEqual(['APNS_ERR_CREDENTIALS_REFUSED']);
  });

  it('to connect end the sending at once where trying again is pointless', async () => {
    const gateway = await startScriptedGateway();
    const setup = new Setup({ host: '127.0.0.1', port: gateway.options.port });
    expect(setup.grows()).toBe(true);
    await until(() => setup.ready > 0);
    expect([setup.failures, setup.grows()]).toEqual([['APNS_ERR_UNKNOWN_AUTHORITY'], false]);
  });

  it('to connect are nothing to a pool that was stopped meanwhile', async () => {
    const setup = new Setup({ host: '127.0.0.1', port: await unusedPort(), tls: { ca: authority.cert } });
    setup.grows();
    setup.pool.stop();
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect([setup.failures, setup.ready, setup.pool.lastProblem]).toEqual([[], 0, undefined]);
  });
});

describe('a connection that ended without proving anything', () => {
  it('soon, before any gateway has answered, was probably refused for its credentials', () => {
    const { setup, pool } = quietPool();
    setup.clock.at = 2000;
    pool.recordLoss(holding(1), {}, LOST, true);
    expect([pool.dialAt, pool.lastProblem]).toEqual([
      2100,
      expect.stringMatching(/right after the TLS handshake/),
    ]);
    const failure = new ApnsError('APNS_ERR_CONNECTION_REFUSED', 'the socket failed');
    pool.recordLoss(holding(1), {}, failure, true);
    expect([pool.dialAt, pool.lastProblem]).toEqual([2200, failure.message]);
    pool.recordLoss(holding(1), {}, LOST, true);
    expect(setup.failures).toEqual(['APNS_ERR_CREDENTIALS_REFUSED']);
  });

  it('soon by a timeout is a failure of its own, and never ends the sending', () => {
    const { setup, pool } = quietPool();
    const timeout = new ApnsError('APNS_ERR_TIMEOUT', 'silent');
    setup.clock.at = 2000;
    const dialAt = [1, 2, 3, 4].map(() => {
      pool.recordLoss(holding(1), {}, timeout, true);
      return pool.dialAt;
    });
    expect([dialAt, pool.lastProblem, setup.failures]).toEqual([
      [2100, 2200, 2400, 2800],
      timeout.message,
      [],
    ]);
  });

  it('later than a second is a failure if it held frames or was answered', () => {
    for (const [end, heldFrames, dialAt] of [
      [{}, true, 2101],
      [ANSWER, false, 2101],
      [{}, false, 0],
    ] as const) {
      const { setup, pool } = quietPool();
      setup.clock.at = 2001;
      for (let i = 0; i < 5; i++) pool.recordLoss(holding(1), end, LOST, heldFrames);
      expect([Math.min(pool.dialAt, dialAt), setup.failures]).toEqual([dialAt, []]);
      expect(pool.lastProblem).toBe(dialAt === 0 ? undefined : LOST.message);
    }
  });

  it('soon is a failure as any other once a gateway has answered, or where it answers', () => {
    const { setup, pool } = quietPool();
    pool.recordLoss(holding(1), ANSWER, LOST, true);
    expect(pool.lastProblem).toBe(LOST.message);
    pool.recordSuccess(holding(1, { openedAt: 1001 }), false);
    pool.recordLoss(holding(1), {}, LOST, true);
    expect([pool.lastProblem, pool.dialAt, setup.failures]).toEqual([LOST.message, 1100, []]);
  });

  it('counts as connected, so that failures to connect are counted anew', async () => {
    const { setup, pool } = quietPool();
    for (let i = 0; i < 2; i++) pool.recordLoss(holding(1), {}, LOST, true);
    setup.clock.at = 2001;
    pool.recordLoss(holding(1), {}, LOST, true);
    for (let i = 0; i < 2; i++) pool.recordLoss(holding(1, { openedAt: 2001 }), {}, LOST, true);
    expect(setup.failures).toEqual([]);
  });

  it('in reserve may be unwelcome: the next one waits for a second', async () => {
    const { setup, pool } = await createPool();
    const first = await setup.dial();
    first.send(batchOf(...frames(1)), 1000);
    pool.recordSuccess(first, true);
    pool.recordLoss(holding(0), {}, LOST, false);
    expect(pool.dialAt).toBe(0);
    setup.clock.at = 1999;
    expect(setup.grows(UNSETTLED)).toBe(false);
    setup.clock.at = 2000;
    expect(setup.grows(UNSETTLED)).toBe(true);
  });

  it('ends the sending where trying again is pointless', () => {
    const { setup, pool } = quietPool();
    pool.recordSuccess(holding(0), false);
    pool.recordLoss(holding(0), {}, REFUSED, false);
    expect([setup.failures, setup.grows()]).toEqual([['APNS_ERR_CREDENTIALS_REFUSED'], false]);
  });

  it('ends the sending when the attempts are used up, unless another one is open', async () => {
    const { setup, pool } = await createPool();
    await setup.dial();
    for (let i = 0; i < 3; i++) pool.recordLoss(holding(0), {}, LOST, true);
    expect([pool.dialAt, setup.failures]).toEqual([11_000, []]);
  });
});

it('forgets a connection that has closed, and says so', async () => {
  const { setup, pool, gateway } = await createPool();
  const first = await setup.dial();
  await until(() => gateway.peers.length === 1);
  gateway.peers[0]!.close();
  await until(() => setup.closed.length > 0);
  expect([setup.closed, pool.connections]).toEqual([[first], []]);
});

it('retires a connection that holds nothing', async () => {
  const { setup, pool, gateway } = await createPool({ pingTimeoutMs: 700 });
  const first = await setup.dial();
  pool.close(first);
  expect([pool.connections, first.state]).toEqual([[], 'closed']);
  await until(() => gateway.openSockets === 0);
  expect(setup.closed).toEqual([]);
});

it('says that more can be written when a socket drains', () => {
  const { setup, pool } = quietPool();
  pool.onDrain();
  expect(setup.ready).toBe(1);
});
