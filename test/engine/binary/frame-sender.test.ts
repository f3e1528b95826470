/** The binary sender by itself, with a gateway that does what the test says, and a time that the test moves. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ApnsError } from '../../../src/core/errors.js';
import type { Outcome } from '../../../src/core/outcome.js';
import { BinaryConnection } from '../../../src/engine/binary/connection.js';
import type { FrameBatch } from '../../../src/engine/binary/frame-batch.js';
import { FrameSender } from '../../../src/engine/binary/frame-sender.js';
import { type BinaryOptions, resolveBinaryOptions } from '../../../src/engine/binary/options.js';
import { BinaryPool } from '../../../src/engine/binary/pool.js';
import { EngineClock } from '../../../src/engine/engine-clock.js';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import { CONNECTION_CHANNEL, type ConnectionEvent } from '../../../src/telemetry/connection-event.js';
import { batchOf, frames, range, TOKEN, until } from '../../support/frames.js';
import { type Script, type ScriptedGateway, startScriptedGateway } from '../../support/scripted-gateway.js';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

interface Setup {
  readonly sender: FrameSender;
  readonly gateway: ScriptedGateway;
  /** Lets connections pass their time of grace once there are so many, so that they are written to. */
  connected(count: number, advance: (ms: number) => Promise<void>): Promise<void>;
  /** `room`, `response 8 4`, `fail APNS_ERR_…`, `end` or `end APNS_ERR_…`. */
  readonly events: string[];
  end(): void;
  /** All that is settled and was not read yet: `accepted:1` or `rejected InvalidToken:1`. */
  read(): string[];
  /** The same, once so many are settled. */
  settled(count: number): Promise<string[]>;
}

function shown({ status, reason, identifier }: Outcome): string {
  return `${status}${reason === undefined ? '' : ` ${reason}`}:${identifier}`;
}

function createSenderFor(options: BinaryOptions) {
  const events: string[] = [];
  const noteEnd = (name: string, error?: ApnsError): void => {
    events.push(error === undefined ? name : `${name} ${error.code}`);
  };
  const sender = new FrameSender(resolveBinaryOptions({ backoff: { initialMs: 1 }, ...options }), {
    onRoom: () => events.push('room'),
    onFail: (error) => noteEnd('fail', error),
    onErrorResponse: ({ statusCode, identifier }) => events.push(`response ${statusCode} ${identifier}`),
  });
  onTestFinished(() => sender.destroy('Aborted'));
  sender.outcomes.startReading(() => {});
  const read = (): Outcome[] =>
    Array.from({ length: sender.outcomes.unread }, () => sender.outcomes.shift()!);
  return {
    sender,
    events,
    outcomes: read,
    read: () => read().map(shown),
    end: () => sender.end((error) => noteEnd('end', error)),
    async settled(count: number) {
      await until(() => sender.outcomes.unread >= count);
      return read().map(shown);
    },
  };
}

async function createSender(options: Partial<BinaryOptions> = {}, script: Script = {}): Promise<Setup> {
  const gateway = await startScriptedGateway(script);
  let connections = 0;
  const onConnection = (message: unknown): void => {
    const { event, port } = message as ConnectionEvent;
    if (event === 'connected' && port === gateway.options.port) connections++;
  };
  subscribe(CONNECTION_CHANNEL, onConnection);
  onTestFinished(() => void unsubscribe(CONNECTION_CHANNEL, onConnection));
  return {
    gateway,
    ...createSenderFor({ ...gateway.options, ...options }),
    async connected(count, advance) {
      await until(() => connections >= count);
      await turns();
      await advance(5);
    },
  };
}

const NOWHERE = { host: '127.0.0.1', port: 1, backoff: { initialMs: 60_000, maxMs: 60_000 } };
const SILENT: Script = { onCheckpoint: () => {} };

/** Time that passes when the test says so, in steps which no engine takes for a frozen process. */
function manualTime(): (ms: number) => Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  return async (ms) => {
    for (let left = ms; left > 0; left -= 400) {
      vi.advanceTimersByTime(Math.min(400, left));
      for (let i = 0; i < 8; i++) await turn();
    }
  };
}

async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** Waits until so many frames have arrived on the first connection. */
async function arrived(setup: Setup, count: number, advance: (ms: number) => Promise<void>): Promise<void> {
  await setup.connected(1, advance);
  await until(() => setup.gateway.peers[0]?.frames.length === count);
  await turns();
}

describe('the window', () => {
  it('takes as many frames as its count, settled ones that are not read included', async () => {
    const setup = await createSender({ window: { count: 3 } });
    const { sender, events } = setup;
    expect([sender.roomFrames, sender.send(batchOf(...frames(5)))]).toMatchObject([3, { count: 2 }]);
    expect([sender.roomFrames, sender.send(batchOf(...frames(1, 6)))]).toMatchObject([0, { count: 1 }]);
    await until(() => sender.outcomes.unread > 0);
    expect(sender.roomFrames).toBe(0);
    events.length = 0;
    await turns();
    expect(events).not.toContain('room');
    const { length } = setup.read();
    sender.onRead();
    await until(() => events.includes('room'));
    expect(sender.roomFrames).toBeGreaterThanOrEqual(length);
  });

  it('takes as many bytes as it may hold, those that notifications hold beside their frames included', () => {
    const [frame] = frames(1);
    const { length } = frame!;
    const { sender, read } = createSenderFor({ ...NOWHERE, window: { bytes: 3 * length + 10 } });
    expect(sender.roomBytes).toBe(3 * length + 10);
    expect(sender.send({ ...batchOf(frame!), extraBytes: 10 })).toBeUndefined();
    expect(sender.roomBytes).toBe(2 * length);
    expect(sender.send(batchOf(...frames(3)))).toMatchObject({ count: 1 });
    expect([sender.roomBytes, sender.roomFrames]).toEqual([0, 0]);
    sender.destroy('Stopped');
    expect(sender.roomBytes).toBe(0);
    read();
    expect(sender.roomBytes).toBe(3 * length + 10);
  });

  it('takes no more than 256 KiB before any of it can be written', () => {
    const { sender } = createSenderFor(NOWHERE);
    const frame = encodeFrame({ deviceToken: TOKEN, payload: 'x'.repeat(2000), identifier: 1 });
    let bytes = 0;
    while (sender.roomFrames > 0) {
      expect(sender.send(batchOf(frame))).toBeUndefined();
      bytes += frame.length;
    }
    expect(bytes).toBeGreaterThanOrEqual(262_144);
    expect(bytes).toBeLessThan(262_144 + frame.length);
  });
});

describe('frames', () => {
  it('are written in pieces of 64 KiB at most', async () => {
    const write = vi.spyOn(BinaryConnection.prototype, 'send');
    const setup = await createSender();
    setup.sender.send(batchOf(...frames(3000)));
    await until(() => setup.gateway.peers[0]?.frames.length === 3000);
    const sizes = write.mock.calls.map(([{ start, end }]: [FrameBatch, number]) => end - start);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536);
    expect(Math.max(...sizes)).toBeGreaterThan(65_000);
  });

  it('are proved by a checkpoint when a connection holds its quota, and when they become old', async () => {
    const advance = manualTime();
    const setup = await createSender({ window: { count: 4, ageMs: 300 } });
    setup.sender.send(batchOf(...frames(3)));
    await arrived(setup, 2, advance);
    expect((await setup.settled(2)).slice(0, 2)).toEqual(range('accepted', 1, 2));
    await setup.connected(2, advance);
    await until(() => setup.gateway.peers.some((peer, i) => i > 0 && peer.frames.length === 1));
    await turns();
    await advance(290);
    expect(setup.read()).toEqual([]);
    await advance(20);
    expect(await setup.settled(1)).toEqual(['accepted:3']);
    expect(setup.events.filter((event) => event.startsWith('response'))).toEqual([]);
  });

  it('that were written twice count as resent, and no others', async () => {
    const { sender, settled } = await createSender(
      {},
      { onFrame: (peer, frame) => peer.index === 0 && frame.identifier === 2 && peer.answer(8, 2) },
    );
    sender.send(batchOf(...frames(5)));
    await until(() => sender.counts.rejected === 1);
    sender.end(() => {});
    expect(await settled(5)).toEqual(['accepted:1', 'rejected InvalidToken:2', ...range('accepted', 3, 5)]);
    expect(sender.counts.resent).toBe(3);
  });
});

describe('an error response', () => {
  it('is reported with what it settles, and the next connection gets what was discarded', async () => {
    const { sender, settled, events, gateway, end } = await createSender(
      {},
      { onFrame: (peer, frame) => frame.identifier === 2 && peer.answer(8, 2) },
    );
    sender.send(batchOf(...frames(3)));
    end();
    expect(await settled(3)).toEqual(['accepted:1', 'rejected InvalidToken:2', 'accepted:3']);
    await until(() => events.includes('end'));
    expect(events.filter((event) => event !== 'room')).toEqual(['response 8 2', 'end']);
    expect(gateway.identifiers().flat()).toEqual([1, 2, 3]);
  });

  it('that names no frame leaves everything unknown, with its reason', async () => {
    const { sender, settled, events } = await createSender(
      {},
      { onFrame: (peer, frame) => frame.identifier === 2 && peer.answer(8, 0) },
    );
    sender.send(batchOf(...frames(2)));
    expect(await settled(2)).toEqual(['unknown InvalidToken:1', 'unknown InvalidToken:2']);
    expect(events).toContain('response 8 0');
  });

  it('of status 128 ends the sending, and what waits is unsent', async () => {
    const { sender, settled, events } = await createSender(
      {},
      { onFrame: (peer, frame) => frame.identifier === 2 && peer.answer(128, 2) },
    );
    sender.send(batchOf(...frames(4)));
    expect(await settled(4)).toEqual([
      'accepted:1',
      'rejected ProtocolError:2',
      'unsent GatewayProtocol:3',
      'unsent GatewayProtocol:4',
    ]);
    await until(() => events.some((event) => event.startsWith('fail')));
    expect(events.filter((event) => event !== 'room')).toEqual([
      'response 128 2',
      'fail APNS_ERR_GATEWAY_PROTOCOL',
    ]);
    expect(sender.send(batchOf(...frames(1, 9)))).toBeUndefined();
    expect(await settled(1)).toEqual(['unsent GatewayProtocol:9']);
  });

  it('of status 128 to a checkpoint proves what is before it', async () => {
    const { sender, settled, events, end } = await createSender(
      {},
      { onCheckpoint: (peer, frame) => peer.answer(128, frame.identifier!) },
    );
    sender.send(batchOf(...frames(2)));
    end();
    expect(await settled(2)).toEqual(range('accepted', 1, 2));
    await until(() => events.includes('end'));
    expect(events.filter((event) => event !== 'room')).toEqual(['end']);
  });

  it('of ProcessingError has its frame written again after a share of 200 ms', async () => {
    const advance = manualTime();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const setup = await createSender(
      { backoff: { initialMs: 2 } },
      {
        ...SILENT,
        onFrame: (peer, frame) => peer.index === 0 && frame.identifier === 2 && peer.answer(1, 2),
      },
    );
    setup.sender.send(batchOf(...frames(2)));
    await setup.connected(1, advance);
    expect(await setup.settled(1)).toEqual(['accepted:1']);
    await turns();
    const written = () => setup.gateway.identifiers().slice(1).flat();
    await advance(99);
    expect(written()).toEqual([]);
    await advance(1);
    await setup.connected(2, advance);
    await until(() => written().length === 1);
    expect([written(), setup.sender.counts.resent]).toEqual([[2], 1]);
  });

  it('of ProcessingError rejects its frame where the retry would come after the deadline', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const { sender, settled, gateway } = await createSender(
      { timeoutMs: 190 },
      { onFrame: (peer, frame) => peer.answer(1, frame.identifier!) },
    );
    sender.send(batchOf(...frames(1)));
    expect(await settled(1)).toEqual(['rejected ProcessingError:1']);
    expect(gateway.identifiers().flat()).toEqual([1]);
  });
});

describe('a frame that waits for a retry', () => {
  /** The gateway could not process the one frame, and the next attempt is 200 ms away, in a time that stands still. */
  async function waiting(): Promise<Setup> {
    const advance = manualTime();
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const setup = await createSender({}, { onFrame: (peer, frame) => peer.answer(1, frame.identifier!) });
    setup.sender.send(batchOf(...frames(1)));
    await setup.connected(1, advance);
    await until(() => setup.events.includes('response 1 1'));
    expect(setup.read()).toEqual([]);
    return setup;
  }

  it('is settled by destroy(), with the result of its attempt', async () => {
    const setup = await waiting();
    setup.sender.destroy('Aborted');
    expect([setup.read(), setup.sender.counts.rejected]).toEqual([['rejected ProcessingError:1'], 1]);
  });

  it('is settled when no further connection can be had', async () => {
    const setup = await waiting();
    setup.sender.onGiveUp(new ApnsError('APNS_ERR_CREDENTIALS_REFUSED', 'refused'));
    expect(setup.read()).toEqual(['rejected ProcessingError:1']);
  });
});

describe('a connection that is lost', () => {
  const losing: Script = {
    onFrame: (peer, frame) => peer.index === 0 && frame.identifier === 2 && peer.close(),
  };

  it('leaves its frames unknown', async () => {
    const { sender, settled } = await createSender({}, losing);
    sender.send(batchOf(...frames(2)));
    expect(await settled(2)).toEqual(['unknown ConnectionLost:1', 'unknown ConnectionLost:2']);
    expect(sender.counts.resent).toBe(0);
  });

  it('has its frames written again with onUnknown: resend', async () => {
    const { sender, settled, end } = await createSender({ onUnknown: 'resend' }, losing);
    sender.send(batchOf(...frames(2)));
    end();
    expect(await settled(2)).toEqual(range('accepted', 1, 2));
    expect(sender.counts.resent).toBe(2);
  });

  it('leaves its frames unknown with onUnknown: resend, too, where the second attempt is rejected', async () => {
    const { sender, settled } = await createSender(
      { onUnknown: 'resend' },
      { onFrame: (peer, frame) => (peer.index === 0 ? peer.close() : peer.answer(8, frame.identifier!)) },
    );
    sender.send(batchOf(...frames(1)));
    expect(await settled(1)).toEqual(['unknown ConnectionLost:1']);
  });
});

describe('the end', () => {
  it('of a sender that was given nothing comes at the end of the turn, once', async () => {
    const { end, events } = createSenderFor(NOWHERE);
    end();
    expect(events).toEqual([]);
    await turns();
    expect(events).toEqual(['end']);
  });

  it('lets go of a connection that holds nothing', async () => {
    const { sender, end, events, gateway, settled } = await createSender({
      checkpoint: 'never',
      window: { ageMs: 1 },
    });
    sender.send(batchOf(...frames(1)));
    expect(await settled(1)).toEqual(['presumed:1']);
    end();
    await until(() => gateway.openSockets === 0 && events.includes('end'));
    expect(gateway.peers).toHaveLength(1);
  });

  it('without checkpoints closes the sending half, and presumes what the gateway leaves without an answer', async () => {
    const { sender, end, events, gateway, settled } = await createSender({ checkpoint: 'never' });
    sender.send(batchOf(...frames(2)));
    end();
    expect(await settled(2)).toEqual(range('presumed', 1, 2));
    await until(() => gateway.openSockets === 0 && events.includes('end'));
    expect(gateway.peers).toHaveLength(1);
  });

  it('without checkpoints presumes after pingTimeoutMs what the gateway does not close', async () => {
    const { sender, end, settled } = await createSender(
      { checkpoint: 'never', pingTimeoutMs: 30 },
      {
        onConnection: ({ socket }) => {
          socket.allowHalfOpen = true;
        },
      },
    );
    sender.send(batchOf(...frames(2)));
    end();
    expect(await settled(2)).toEqual(range('presumed', 1, 2));
  });

  it('with a checkpoint that nothing answers leaves everything unknown after pingTimeoutMs', async () => {
    const advance = manualTime();
    const setup = await createSender({ pingTimeoutMs: 700 }, SILENT);
    setup.sender.send(batchOf(...frames(2)));
    setup.end();
    await arrived(setup, 2, advance);
    await advance(690);
    expect(setup.read()).toEqual([]);
    await advance(20);
    expect(await setup.settled(2)).toEqual(['unknown Timeout:1', 'unknown Timeout:2']);
    await until(() => setup.events.includes('end'));
  });

  it('by destroy() gives what waits the first reason, and what was written as well', async () => {
    const setup = await createSender({ connections: 1, window: { count: 4 } }, SILENT);
    const { sender, gateway, events } = setup;
    sender.send(batchOf(...frames(4)));
    await until(() => gateway.peers[0]?.frames.length === 2);
    sender.destroy('Stopped');
    sender.destroy('Later');
    const settled = setup.read();
    expect(settled.sort()).toEqual([
      'unknown Stopped:1',
      'unknown Stopped:2',
      'unsent Stopped:3',
      'unsent Stopped:4',
    ]);
    events.length = 0;
    sender.onRead();
    sender.end(() => events.push('end'));
    await until(() => gateway.openSockets === 0);
    await turns();
    expect(events).toEqual([]);
    expect(sender.send(batchOf(...frames(1, 9)))).toBeUndefined();
    expect(setup.read()).toEqual(['unsent Stopped:9']);
  });

  it('by a failure tells what waits why', async () => {
    const { sender, outcomes, events } = createSenderFor({ ...NOWHERE, backoff: { attempts: 0 } });
    sender.send(batchOf(...frames(1)));
    await until(() => events.some((event) => event.startsWith('fail')));
    expect(events.filter((event) => event !== 'room')).toEqual(['fail APNS_ERR_CONNECTION_REFUSED']);
    const [outcome] = outcomes();
    expect(outcome).toMatchObject({ status: 'unsent', reason: 'ConnectionRefused' });
    expect(outcome!.message).toContain('ECONNREFUSED');
  });
});

describe('the deadline', () => {
  it('makes frames unsent that wait for a connection, at their own millisecond', async () => {
    const advance = manualTime();
    const { sender, read, events } = createSenderFor({ ...NOWHERE, timeoutMs: 1000 });
    sender.send(batchOf(...frames(1)));
    await turns();
    await advance(400);
    sender.send(batchOf(...frames(1, 2)));
    await turns();
    await advance(599);
    expect(read()).toEqual([]);
    events.length = 0;
    await advance(1);
    expect([read(), events]).toEqual([['unsent DeadlineExceeded:1'], ['room']]);
    await advance(399);
    expect(read()).toEqual([]);
    await advance(1);
    expect(read()).toEqual(['unsent DeadlineExceeded:2']);
  });

  it('makes frames unknown that were written and not proved, and leaves their connection', async () => {
    const advance = manualTime();
    const setup = await createSender({ timeoutMs: 1000, pingTimeoutMs: 5000 }, SILENT);
    setup.sender.send(batchOf(...frames(2)));
    await arrived(setup, 2, advance);
    await advance(985);
    expect(setup.read()).toEqual([]);
    await advance(20);
    expect(setup.read()).toEqual(['unknown DeadlineExceeded:1', 'unknown DeadlineExceeded:2']);
    await until(() => setup.gateway.openSockets === 0);
  });
});

describe('without checkpoints', () => {
  it('frames are presumed after window.ageMs without a response, and their connection goes on', async () => {
    const advance = manualTime();
    const setup = await createSender({ checkpoint: 'never', window: { ageMs: 600 } });
    setup.sender.send(batchOf(...frames(2)));
    await arrived(setup, 2, advance);
    await advance(590);
    expect(setup.read()).toEqual([]);
    await advance(20);
    expect(setup.read()).toEqual(range('presumed', 1, 2));
    setup.sender.send(batchOf(...frames(1, 3)));
    await until(() => setup.gateway.peers[0]!.frames.length === 3);
    expect(setup.gateway.peers).toHaveLength(1);
  });
});

describe('the pool', () => {
  it('is told what each response proves, and whether it was a success, a failure or a loss', async () => {
    const { prototype } = BinaryPool;
    const told: string[] = [];
    vi.spyOn(prototype, 'noteProof').mockImplementation(
      (proved, lost) => void told.push(`proof ${proved} ${lost}`),
    );
    vi.spyOn(prototype, 'recordSuccess').mockImplementation((_connection, wasRejection) => {
      told.push(`success ${wasRejection}`);
    });
    vi.spyOn(prototype, 'recordFailure').mockImplementation(({ code }) => void told.push(`failure ${code}`));
    vi.spyOn(prototype, 'recordLoss').mockImplementation((_connection, _end, { code }, heldFrames) => {
      told.push(`loss ${code} ${heldFrames}`);
    });
    for (const [statusCode, identifier, expected] of [
      [8, 2, ['proof 2 2', 'success true']],
      [10, 2, ['proof 2 2', 'success true']],
      [1, 2, ['proof 1 3', 'success true', 'failure APNS_ERR_CONNECTION_LOST']],
      [1, 1, ['proof 0 4', 'failure APNS_ERR_CONNECTION_LOST']],
      [8, 0, ['proof 0 4', 'loss APNS_ERR_CONNECTION_LOST true']],
    ] as const) {
      told.length = 0;
      const { sender, gateway } = await createSender(
        {},
        {
          onFrame: (peer) =>
            peer.frames.length === 4 && peer.index === 0 && peer.answer(statusCode, identifier),
        },
      );
      sender.send(batchOf(...frames(4)));
      await until(() => told.length >= expected.length);
      expect(told).toEqual(expected);
      expect(gateway.peers[0]!.frames).toHaveLength(4);
      sender.destroy('Stopped');
    }
  });

  it('is told of a checkpoint that was answered as of a success without a rejection, whatever its status', async () => {
    for (const statusCode of [1, 2]) {
      const success = vi.spyOn(BinaryPool.prototype, 'recordSuccess');
      const failure = vi.spyOn(BinaryPool.prototype, 'recordFailure');
      const proof = vi.spyOn(BinaryPool.prototype, 'noteProof');
      const { sender, settled, end } = await createSender(
        {},
        { onCheckpoint: (peer, frame) => peer.answer(statusCode, frame.identifier!) },
      );
      sender.send(batchOf(...frames(3)));
      end();
      expect(await settled(3)).toEqual(range('accepted', 1, 3));
      expect(success.mock.calls.map(([, wasRejection]) => wasRejection)).toEqual([false]);
      expect([failure.mock.calls, proof.mock.calls]).toEqual([[], [[3, 0]]]);
      vi.restoreAllMocks();
    }
  });

  it('is told of frames that were lost without a response, and of a connection that held none', async () => {
    const loss = vi.spyOn(BinaryPool.prototype, 'recordLoss').mockImplementation(() => {});
    const proof = vi.spyOn(BinaryPool.prototype, 'noteProof');
    const setup = await createSender({}, { onFrame: (peer) => peer.frames.length === 2 && peer.close() });
    setup.sender.send(batchOf(...frames(2)));
    await setup.settled(2);
    expect(proof.mock.calls).toEqual([[0, 2]]);
    expect(loss.mock.calls.map(([, , { code }, heldFrames]) => [code, heldFrames])).toEqual([
      ['APNS_ERR_CONNECTION_LOST', true],
    ]);
    const idle = await createSender({ checkpoint: 'never', window: { ageMs: 1 } });
    idle.sender.send(batchOf(...frames(1)));
    await idle.settled(1);
    loss.mockClear();
    idle.gateway.peers[0]!.close();
    await until(() => loss.mock.calls.length > 0);
    expect(loss.mock.calls[0]![3]).toBe(false);
  });

  it('is asked to grow with what waits and what is unsettled', async () => {
    const grow = vi.spyOn(BinaryPool.prototype, 'grow').mockImplementation(() => {});
    const { sender } = await createSender();
    sender.onRead();
    await turns();
    sender.send(batchOf(...frames(1)));
    await turns();
    expect(grow.mock.calls.map(([, demand]) => demand)).toEqual([
      { isWaiting: false, isUnsettled: false },
      { isWaiting: true, isUnsettled: true },
    ]);
    sender.onReady();
    expect(grow).toHaveBeenCalledTimes(3);
  });

  it('opens nothing more after the end, a failure and destroy()', async () => {
    const stop = vi.spyOn(BinaryPool.prototype, 'stop');
    const cancel = vi.spyOn(EngineClock.prototype, 'cancel');
    for (const finish of ['end', 'fail', 'destroy'] as const) {
      const { sender, end, events } = createSenderFor(NOWHERE);
      stop.mockClear();
      cancel.mockClear();
      if (finish === 'end') end();
      else if (finish === 'destroy') sender.destroy('Stopped');
      else sender.onGiveUp(new ApnsError('APNS_ERR_TIMEOUT', 'the first'));
      expect(stop.mock.calls.length).toBe(finish === 'end' ? 0 : 1);
      sender.onReady();
      await turns();
      expect(stop).toHaveBeenCalled();
      expect(cancel).toHaveBeenCalledTimes(1);
      expect(events).toEqual({ end: ['end'], fail: ['fail APNS_ERR_TIMEOUT'], destroy: [] }[finish]);
    }
  });
});

describe('the clock', () => {
  it('is told of each activity whether there are connections, whose sockets are read first after a pause', async () => {
    const advance = manualTime();
    const note = vi.spyOn(EngineClock.prototype, 'noteActivity');
    const setup = await createSender({ checkpoint: 'never' });
    setup.sender.send(batchOf(...frames(1)));
    await turns(1);
    expect(note.mock.calls).toEqual([[false]]);
    await arrived(setup, 1, advance);
    expect(note).toHaveBeenLastCalledWith(true);
    await advance(1200);
    note.mockClear();
    const write = vi.spyOn(BinaryConnection.prototype, 'send');
    setup.sender.send(batchOf(...frames(1, 2)));
    await until(() => setup.gateway.peers[0]!.frames.length === 2);
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('wakes the sender for a deadline, the next attempt to connect, or to see whether the process was frozen', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const now = Math.ceil(performance.now());
    const wake = vi.spyOn(EngineClock.prototype, 'wakeAt');
    vi.spyOn(BinaryPool.prototype, 'grow').mockImplementation(() => {});
    const dialAt = vi.spyOn(BinaryPool.prototype, 'dialAt', 'get');
    for (const [timeoutMs, nextDial, at] of [
      [60_000, now, now + 500],
      [60_000, now - 50, now + 500],
      [60_000, now + 50, now + 50],
      [200, now, now + 200],
    ] as const) {
      dialAt.mockReturnValue(nextDial);
      const { sender } = createSenderFor({ ...NOWHERE, timeoutMs });
      wake.mockClear();
      sender.onRead();
      await turns(1);
      expect(wake).not.toHaveBeenCalled();
      sender.send(batchOf(...frames(1)));
      await turns(1);
      expect(wake.mock.calls).toEqual([[at]]);
    }
  });

  it('wakes the sender of an idle connection after a minute, and for what is due on a connection', async () => {
    const advance = manualTime();
    const setup = await createSender({ checkpoint: 'never', window: { ageMs: 300 } });
    setup.sender.send(batchOf(...frames(1)));
    await arrived(setup, 1, advance);
    const wake = vi.spyOn(EngineClock.prototype, 'wakeAt');
    vi.spyOn(BinaryPool.prototype, 'dialAt', 'get').mockReturnValue(Number.MAX_SAFE_INTEGER);
    await advance(310);
    expect(setup.read()).toEqual(['presumed:1']);
    wake.mockClear();
    const now = Math.ceil(performance.now());
    setup.sender.onReady();
    expect(wake.mock.calls).toEqual([[now + 60_000]]);
    vi.spyOn(BinaryPool.prototype, 'dueAt').mockReturnValue(now + 70);
    wake.mockClear();
    setup.sender.onReady();
    expect(wake.mock.calls).toEqual([[now + 70]]);
  });
});

describe('a connection', () => {
  it('that was written to with a larger quota is asked for proof when the quota has become smaller', async () => {
    const setup = await createSender({ window: { count: 64 } }, SILENT);
    const { sender, gateway } = setup;
    sender.send(batchOf(...frames(20)));
    await until(() => gateway.peers[0]?.frames.length === 20);
    const checkpoint = vi.spyOn(BinaryConnection.prototype, 'writeCheckpoint');
    vi.spyOn(BinaryPool.prototype, 'pick').mockReturnValue(undefined);
    vi.spyOn(BinaryPool.prototype, 'grow').mockImplementation(() => {});
    sender.send(batchOf(...frames(1, 21)));
    await turns();
    expect(checkpoint).not.toHaveBeenCalled();
    vi.spyOn(BinaryPool.prototype, 'isFull').mockReturnValue(true);
    sender.onReady();
    expect(checkpoint).toHaveBeenCalledTimes(1);
    sender.onReady();
    expect(checkpoint).toHaveBeenCalledTimes(1);
  });

  it('without checkpoints may hold twice as much after 100 ms without a response', async () => {
    const advance = manualTime();
    const setup = await createSender(
      { checkpoint: 'never', window: { count: 400, ageMs: 60_000 } },
      { onFrame: (peer, frame) => peer.index === 0 && frame.identifier === 1 && peer.answer(8, 1) },
    );
    setup.sender.send(batchOf(...frames(60)));
    await setup.connected(1, advance);
    // The quota is half of what the first connection was given.
    await until(() => setup.gateway.peers[1]?.frames.length === 30);
    await turns();
    await advance(95);
    await turns();
    expect(setup.gateway.peers[1]!.frames).toHaveLength(30);
    await advance(15);
    await until(() => setup.gateway.peers[1]!.frames.length === 59);
  });

  it('without checkpoints stays open when the deadline of its frames has passed', async () => {
    const advance = manualTime();
    const setup = await createSender({ checkpoint: 'never', timeoutMs: 1000, window: { ageMs: 60_000 } });
    vi.spyOn(BinaryPool.prototype, 'proofAt').mockReturnValue(Number.POSITIVE_INFINITY);
    const destroy = vi.spyOn(BinaryConnection.prototype, 'destroy');
    setup.sender.send(batchOf(...frames(2)));
    await arrived(setup, 2, advance);
    await advance(1000);
    expect(setup.read()).toEqual(['unknown DeadlineExceeded:1', 'unknown DeadlineExceeded:2']);
    expect(destroy).not.toHaveBeenCalled();
  });

  it('with checkpoints stays open while other frames on it may still be proved in time', async () => {
    const advance = manualTime();
    const setup = await createSender({ timeoutMs: 1000, pingTimeoutMs: 5000 }, SILENT);
    vi.spyOn(BinaryPool.prototype, 'proofAt').mockReturnValue(Number.POSITIVE_INFINITY);
    const proof = vi.spyOn(BinaryPool.prototype, 'noteProof');
    const destroy = vi.spyOn(BinaryConnection.prototype, 'destroy');
    setup.sender.send(batchOf(...frames(1)));
    await arrived(setup, 1, advance);
    await advance(400);
    setup.sender.send(batchOf(...frames(1, 2)));
    await until(() => setup.gateway.peers[0]!.frames.length === 2);
    await turns();
    await advance(600);
    expect(setup.read()).toEqual(['unknown DeadlineExceeded:1']);
    expect([destroy.mock.calls.length, proof.mock.calls]).toEqual([0, [[0, 1]]]);
    await advance(400);
    expect(setup.read()).toEqual(['unknown DeadlineExceeded:2']);
    expect(destroy.mock.calls).toEqual([[expect.objectContaining({ code: 'APNS_ERR_TIMEOUT' })]]);
  });
});
