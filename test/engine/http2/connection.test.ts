/** One HTTP/2 connection over memory: its rules, and what it tells of each stream. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Http2RequestWriter } from '../../../src/engine/http2/request-writer.js';
import { StreamTable } from '../../../src/engine/http2/stream-table.js';
import { encodeFrame } from '../../../src/protocol/http2/frame.js';
import { MAX_UINT31 } from '../../../src/protocol/http2/frame-header.js';
import { createHttp2Pair, createReadyPair } from '../../support/http2-pair.js';
import { dataFrame, RawPeer, settingsFrame } from '../../support/http2-raw-gateway.js';

const ANSWER_BEGUN = [[':status', '400']] as const;
const lost = (reason: string, ...ids: number[]): string[] => ids.map((id) => `lost ${id} ${reason}`);
const unprocessed = (...ids: number[]): string[] => ids.map((id) => `unprocessed ${id}`);

afterEach(() => vi.restoreAllMocks());

describe('the room of a connection', () => {
  it('is none before SETTINGS, and eight streams until something succeeds', async () => {
    const pair = createHttp2Pair({ onConnection: () => {} });
    await pair.settle();
    const { connection } = pair;
    expect([connection.isReady, connection.room, connection.isDraining]).toEqual([false, 0, false]);
    pair.peer.send(settingsFrame({}));
    await pair.settle();
    expect([connection.isReady, connection.room, connection.isProven]).toEqual([true, 8, false]);
    connection.health.growTrust(50);
    expect(connection.room).toBe(16);
    pair.send(3);
    expect([connection.room, connection.openStreams]).toEqual([13, 3]);
    pair.peer.respond({ streamId: 1 }, 200);
    expect(await pair.news()).toEqual(['response 1 200']);
    expect([connection.room, connection.isProven]).toEqual([Number.POSITIVE_INFINITY, true]);
  });

  it('is what SETTINGS allow, and never less than none', async () => {
    const pair = await createReadyPair({ maxConcurrentStreams: 3 });
    expect(pair.connection.room).toBe(3);
    pair.send(3);
    expect(pair.connection.room).toBe(0);
    pair.peer.respond({ streamId: 1 }, 200);
    await pair.settle();
    expect(pair.connection.room).toBe(1);
    pair.peer.send(settingsFrame({ maxConcurrentStreams: 1 }));
    await pair.settle();
    expect(pair.connection.room).toBe(0);
    pair.peer.send(settingsFrame({ initialWindowSize: 100 }));
    await pair.settle();
    expect(pair.connection.room).toBe(0);
  });

  it('is none while it is stalled, has to answer a PING, or its socket is full', async () => {
    const pair = await createReadyPair();
    const { connection } = pair;
    connection.verify();
    expect([connection.room, connection.liveness.verifiedFrom]).toEqual([0, 1000]);
    await pair.settle();
    expect([connection.room, connection.liveness.verifiedFrom]).toEqual([8, undefined]);
    pair.send(1);
    pair.clock.at += 3000;
    expect(connection.liveness.takeAction(pair.clock.at, connection.hasWork)).toBe('stall');
    expect(connection.room).toBe(0);
    pair.peer.respond({ streamId: 1 }, 200);
    await pair.settle();
    expect(connection.room).toBe(Number.POSITIVE_INFINITY);
    pair.socket.isHeld = true;
    pair.send(1, 20_000);
    await pair.settle();
    expect(connection.room).toBe(0);
    pair.events.length = 0;
    pair.socket.release();
    await pair.settle();
    expect([connection.room, pair.events]).toEqual([Number.POSITIVE_INFINITY, ['room']]);
  });

  it('is one stream after a failure, and none when it is sick', async () => {
    const pair = await createReadyPair();
    for (const [id, room] of [
      [1, 1],
      [3, 1],
      [5, 0],
    ] as const) {
      pair.send(1);
      await pair.settle();
      pair.peer.respond({ streamId: id }, 500, '{"reason":"InternalServerError"}');
      expect(await pair.news()).toEqual([`response ${id} 500`]);
      expect(pair.connection.room).toBe(room);
    }
    expect(pair.connection.health.isSick).toBe(true);
  });

  it('is throttled where SETTINGS allow at most one stream and have allowed more', async () => {
    const pair = await createReadyPair({ maxConcurrentStreams: 1 });
    const { connection } = pair;
    const allow = async (maxConcurrentStreams: number): Promise<boolean> => {
      pair.peer.send(settingsFrame({ maxConcurrentStreams }));
      await pair.settle();
      return connection.isThrottled;
    };
    expect(connection.isThrottled).toBe(false);
    expect([await allow(2), await allow(1), await allow(0), await allow(100)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe('work', () => {
  it('is a notification that is not answered', async () => {
    const pair = await createReadyPair();
    pair.send(1);
    expect(pair.connection.hasWork).toBe(true);
    await pair.settle();
    pair.peer.respond({ streamId: 1 }, 200);
    await pair.settle();
    expect(pair.connection.hasWork).toBe(false);
  });

  it('is an open stream, or a window that is used up', async () => {
    const pair = await createReadyPair({ initialWindowSize: MAX_UINT31 });
    const { connection } = pair;
    expect(connection.hasWork).toBe(false);
    pair.send(1, 65_535);
    expect(connection.hasWork).toBe(true);
    await pair.settle();
    pair.peer.respond({ streamId: 1 }, 200);
    await pair.settle();
    expect([connection.openStreams, connection.hasWork, connection.room]).toEqual([0, true, 0]);
    pair.clock.at = 2000;
    pair.peer.send({ type: 'WINDOW_UPDATE', streamId: 0, increment: 10 });
    await pair.settle();
    // A window alone is no progress: it must let a body continue.
    expect([connection.hasWork, connection.liveness.lastProgressAt]).toEqual([false, 1000]);
    pair.clock.at = 3000;
    pair.peer.send({ type: 'WINDOW_UPDATE', streamId: 0, increment: 10 });
    await pair.settle();
    connection.noteContinued();
    expect(connection.liveness.lastProgressAt).toBe(1000);
    expect([connection.liveness.lastReceivedAt, pair.clock.reads > 0]).toEqual([3000, true]);
  });

  it('is an open connection that allows no stream, until it does', async () => {
    const waiting = createHttp2Pair({ onConnection: () => {} });
    expect(waiting.connection.hasWork).toBe(false);
    const pair = await createReadyPair({ maxConcurrentStreams: 0 });
    const { connection } = pair;
    expect([connection.hasWork, connection.room]).toEqual([true, 0]);
    pair.peer.send(settingsFrame({ maxConcurrentStreams: 1 }));
    await pair.settle();
    expect([connection.hasWork, connection.room]).toEqual([false, 1]);
  });

  it('is none of a connection that is left, although it allows no stream', async () => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    pair.peer.send(settingsFrame({ maxConcurrentStreams: 0 }));
    await pair.settle();
    pair.connection.drain();
    pair.peer.respond({ streamId: 1 }, 200);
    expect(await pair.news()).toEqual(['response 1 200', 'close']);
    expect(pair.connection.hasWork).toBe(false);
  });

  it('that is used up is none of a connection that is left', async () => {
    const pair = await createReadyPair({ initialWindowSize: MAX_UINT31 });
    pair.send(1, 65_535);
    await pair.settle();
    pair.peer.goaway(1);
    await pair.settle();
    pair.peer.respond({ streamId: 1 }, 200);
    expect(await pair.news()).toEqual(['response 1 200', 'close APNS_ERR_CONNECTION_LOST']);
    expect(pair.connection.hasWork).toBe(false);
  });

  it('begins when a stream is opened on a connection without any', async () => {
    const pair = await createReadyPair();
    pair.clock.at = 2000;
    pair.send(1);
    pair.clock.at = 3000;
    const [second] = pair.send(1);
    expect(pair.connection.liveness.lastProgressAt).toBe(2000);
    expect(second).toMatchObject({ streamId: 3, sentAt: 3000, attempts: 1, receivedBytes: 0 });
    expect(second!.connection).toBeDefined();
    await pair.settle();
    pair.peer.respond({ streamId: 3 }, 410, '{"reason":"Unregistered"}');
    pair.clock.at = 4000;
    expect(await pair.news()).toEqual(['response 3 410']);
    expect([second!.connection, pair.connection.liveness.lastResponseAt]).toEqual([undefined, 4000]);
  });
});

describe('progress', () => {
  it.each([
    ['the connection', 0, 65_535, MAX_UINT31],
    ['a stream', 1, 15, 15],
  ])(
    'is a body that continues by 256 bytes or more, by the window of %s',
    async (_of, streamId, first, initialWindowSize) => {
      const pair = await createReadyPair({ initialWindowSize });
      const { connection, clock } = pair;
      pair.send(1, first + 1000);
      await pair.settle();
      const progressAfter = async (at: number, increment: number): Promise<number> => {
        clock.at = at;
        pair.peer.send({ type: 'WINDOW_UPDATE', streamId, increment });
        await pair.settle();
        connection.noteContinued();
        return connection.liveness.lastProgressAt;
      };
      expect(await progressAfter(2000, 255)).toBe(1000);
      expect(await progressAfter(3000, 1)).toBe(3000);
      expect(await progressAfter(4000, 255)).toBe(3000);
      expect(await progressAfter(5000, 300)).toBe(5000);
      expect(await progressAfter(6000, 1)).toBe(5000);
      expect(pair.peer.requests[0]!.body).toHaveLength(first + 812);
    },
  );

  it('is not the part of a body that is sent with its headers', async () => {
    const pair = await createReadyPair();
    pair.send(1, 5000);
    pair.clock.at = 2000;
    pair.connection.noteContinued();
    expect(pair.connection.liveness.lastProgressAt).toBe(1000);
  });

  it('is more streams for a connection that had none left', async () => {
    const pair = await createReadyPair({ maxConcurrentStreams: 0 });
    const allow = async (at: number, maxConcurrentStreams: number): Promise<number> => {
      pair.clock.at = at;
      pair.peer.send(settingsFrame({ maxConcurrentStreams }));
      await pair.settle();
      return pair.connection.liveness.lastProgressAt;
    };
    expect([await allow(2000, 0), await allow(3000, 1), await allow(4000, 2)]).toEqual([1000, 3000, 3000]);
    pair.send(2);
    expect([await allow(5000, 2), await allow(6000, 3), await allow(7000, 1)]).toEqual([4000, 6000, 6000]);
  });
});

describe('bodies that wait', () => {
  it('continue once behind the last frame of a chunk, if that has changed a window', async () => {
    const pair = await createReadyPair();
    const { peer } = pair;
    const writeOn = vi.spyOn(Http2RequestWriter.prototype, 'writeOn');
    pair.send(1, 70_000);
    await pair.settle();
    const windowUpdate = { type: 'WINDOW_UPDATE', streamId: 0, increment: 100 } as const;
    const onStream = { ...windowUpdate, streamId: 1, increment: 10_000 };
    peer.send(windowUpdate, onStream, windowUpdate, settingsFrame({ maxConcurrentStreams: 9 }), windowUpdate);
    await pair.settle();
    expect([writeOn.mock.calls.length, peer.requests[0]!.body.length]).toEqual([1, 65_835]);
    peer.send({ type: 'PING', ack: true, data: Buffer.alloc(8) });
    await pair.settle();
    expect(writeOn).toHaveBeenCalledTimes(1);
    peer.send(settingsFrame({ initialWindowSize: 70_000 }));
    await pair.settle();
    peer.send(windowUpdate);
    await pair.settle();
    expect([writeOn.mock.calls.length, peer.requests[0]!.body.length]).toEqual([3, 65_935]);
    expect(peer.violations).toEqual([]);
  });

  it('continue at SETTINGS alone, where their streams had no window', async () => {
    const pair = await createReadyPair({ initialWindowSize: 15 });
    pair.send(2, 20);
    await pair.settle();
    pair.peer.send(settingsFrame({ initialWindowSize: 20 }));
    await pair.settle();
    expect(pair.peer.requests.map(({ isComplete }) => isComplete)).toEqual([true, true]);
  });
});

describe('a connection is dismissed', () => {
  const isDismissedBy = async (
    act: (pair: Awaited<ReturnType<typeof createReadyPair>>) => void,
  ): Promise<boolean> => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    act(pair);
    await pair.settle();
    return pair.connection.isClosedByPeer;
  };

  it('by GOAWAY with NO_ERROR alone', async () => {
    expect(await isDismissedBy(() => {})).toBe(false);
    expect(await isDismissedBy(({ peer }) => peer.goaway(1, 0))).toBe(true);
    expect(await isDismissedBy(({ peer }) => peer.goaway(1, 2))).toBe(false);
    expect(await isDismissedBy(({ peer }) => peer.socket.end())).toBe(false);
  });

  it('by a failure, and not by a response', async () => {
    expect(await isDismissedBy(({ peer }) => peer.reset(1, 2))).toBe(true);
    expect(await isDismissedBy(({ connection }) => connection.health.recordSickness())).toBe(true);
    expect(await isDismissedBy(({ peer }) => peer.respond({ streamId: 1 }, 200))).toBe(false);
  });

  it('only after its SETTINGS have come', async () => {
    const pair = createHttp2Pair({ onConnection: () => {} });
    pair.connection.health.recordSickness();
    pair.peer.isTrusted = false;
    pair.peer.goaway(0, 0);
    await pair.settle();
    expect(pair.connection.isClosedByPeer).toBe(false);
  });
});

describe('a notification that times out', () => {
  it('makes the connection sick if nothing was answered since it was sent', async () => {
    const pair = await createReadyPair();
    const [first] = pair.send(1);
    expect(first!.connection!.timeOut(first!)).toBe(false);
    await pair.settle();
    expect(pair.connection.health.state).toBe('sick');
    expect(pair.peer.resets).toEqual([{ streamId: 1, errorCode: 8 }]);
    expect(pair.connection.openStreams).toBe(0);
  });

  it('leaves the connection as it is if something was answered since, even at the same time', async () => {
    const pair = await createReadyPair();
    const [first] = pair.send(2);
    await pair.settle();
    pair.peer.respond({ streamId: 3 }, 200);
    await pair.settle();
    expect(first!.connection!.timeOut(first!)).toBe(false);
    expect(pair.connection.health.state).toBe('healthy');
  });

  it('gets the response as far as it has arrived', async () => {
    const pair = await createReadyPair();
    const [first] = pair.send(1);
    await pair.settle();
    pair.peer.send(pair.peer.headers(1, ANSWER_BEGUN, false));
    await pair.news();
    pair.clock.at = 7000;
    expect(first!.connection!.timeOut(first!)).toBe(true);
    expect(pair.connection.liveness.lastResponseAt).toBe(7000);
    expect(await pair.news()).toEqual(['response 1 400']);
    expect(pair.connection.isProven).toBe(true);
  });
});

describe('a stalled connection', () => {
  it('gives back what was not sent whole', async () => {
    const pair = await createReadyPair({ initialWindowSize: 15 });
    pair.send(2, 10);
    pair.send(2, 20);
    await pair.settle();
    pair.connection.takeBack(false);
    expect(await pair.news()).toEqual(unprocessed(5, 7));
    expect(pair.connection.openStreams).toBe(2);
    expect(pair.peer.resets.map(({ streamId }) => streamId)).toEqual([5, 7]);
  });

  it('gives back everything if asked to, and what it has answered in part as answered', async () => {
    const pair = await createReadyPair({ initialWindowSize: 15 });
    pair.send(2, 10);
    pair.send(1, 20);
    await pair.settle();
    pair.peer.send(pair.peer.headers(3, ANSWER_BEGUN, false));
    await pair.news();
    pair.connection.takeBack(true);
    expect(await pair.news()).toEqual(['lost 1 Timeout', 'response 3 400', 'unprocessed 5']);
    expect(pair.connection.openStreams).toBe(0);
  });
});

describe('PING', () => {
  it('is sent and noted, and so is its answer', async () => {
    const pings: string[] = [];
    const pair = await createReadyPair(
      {},
      { onPing: (_peer, data) => void pings.push(data.toString('hex')) },
    );
    pair.connection.ping();
    await pair.settle();
    expect(pings).toEqual(['0000000000000000']);
    expect(pair.connection.liveness.dueAt(false)).toBe(1000 + 200);
    pair.peer.send({ type: 'PING', ack: true, data: Buffer.alloc(8) });
    await pair.settle();
    expect(pair.connection.liveness.dueAt(false)).toBe(1000 + 60_000);
  });

  it('is asked of an open connection after the process stood still, of no other', async () => {
    const pair = createHttp2Pair({ onConnection: () => {} });
    pair.connection.verify();
    expect(pair.connection.liveness.verifiedFrom).toBeUndefined();
    pair.peer.send(settingsFrame({}));
    await pair.settle();
    pair.send(1);
    pair.connection.drain();
    pair.connection.verify();
    expect(pair.connection.liveness.verifiedFrom).toBeUndefined();
  });

  it('is answered with its own bytes', async () => {
    const written: Buffer[] = [];
    const pair = await createReadyPair();
    pair.peer.socket.on('data', (chunk: Buffer) => written.push(chunk));
    pair.peer.send({ type: 'PING', ack: false, data: Buffer.from('01234567') });
    await pair.settle();
    expect(Buffer.concat(written)).toEqual(
      encodeFrame({ type: 'PING', ack: true, data: Buffer.from('01234567') }),
    );
  });
});

describe('the end of a connection', () => {
  it('comes at once when it is drained without streams, with GOAWAY', async () => {
    const pair = await createReadyPair();
    pair.connection.drain();
    expect(pair.events).toEqual(['close']);
    expect([pair.connection.isReplaced, pair.connection.isDraining, pair.connection.room]).toEqual([
      true,
      true,
      0,
    ]);
    pair.connection.drain();
    await pair.settle();
    expect([pair.events, pair.peer.farewells, pair.socket.destroyed]).toEqual([['close'], [0], true]);
  });

  it('waits for open streams when it is drained', async () => {
    const pair = await createReadyPair();
    pair.send(2);
    await pair.settle();
    pair.connection.drain();
    expect([pair.connection.isDraining, pair.connection.room]).toEqual([true, 0]);
    pair.peer.respond({ streamId: 1 }, 200);
    expect(await pair.news()).toEqual(['response 1 200']);
    pair.peer.respond({ streamId: 3 }, 200);
    expect(await pair.news()).toEqual(['response 3 200', 'close']);
    expect(pair.peer.farewells).toEqual([0]);
  });

  it('is forced a second later where the peer takes nothing more', async () => {
    const pair = await createReadyPair();
    pair.socket.isHeld = true;
    const timers = vi.spyOn(globalThis, 'setTimeout');
    pair.connection.drain();
    const [callback, ms] = timers.mock.calls[0]! as [() => void, number];
    await pair.settle();
    expect([pair.socket.destroyed, ms]).toEqual([false, 1000]);
    callback();
    expect(pair.socket.destroyed).toBe(true);
  });

  it('leaves no timer behind where the peer takes everything', async () => {
    const pair = await createReadyPair();
    const cleared = vi.spyOn(globalThis, 'clearTimeout');
    const timers = vi.spyOn(globalThis, 'setTimeout');
    pair.connection.drain();
    await pair.settle();
    expect(cleared).toHaveBeenCalledWith(timers.mock.results[0]!.value);
  });

  it('loses what is open when it is given up, once, with GOAWAY', async () => {
    const pair = await createReadyPair({ initialWindowSize: 15 });
    const [first] = pair.send(1);
    pair.send(1, 20);
    await pair.settle();
    const { ApnsError } = await import('../../../src/core/errors.js');
    pair.connection.destroy(new ApnsError('APNS_ERR_TIMEOUT', 'silent'), 2);
    pair.connection.destroy(new ApnsError('APNS_ERR_CLOSED', 'again'));
    const close = 'close APNS_ERR_TIMEOUT';
    expect(await pair.news()).toEqual([...lost('Timeout', 1), ...unprocessed(3), close]);
    expect([pair.peer.farewells, first!.connection, pair.connection.openStreams]).toEqual([
      [2],
      undefined,
      0,
    ]);
    expect(pair.connection.isReplaced).toBe(false);
  });

  it('loses what is open when the peer goes without a word', async () => {
    const pair = await createReadyPair({ initialWindowSize: 15 });
    pair.send(2, 10);
    pair.send(1, 20);
    await pair.settle();
    pair.peer.send(pair.peer.headers(3, ANSWER_BEGUN, false));
    await pair.news();
    pair.peer.socket.end();
    expect(await pair.news()).toEqual(['lost 1 ConnectionLost', 'response 3 400', 'unprocessed 5', 'close']);
    expect([pair.connection.isDraining, pair.socket.destroyed]).toEqual([true, true]);
  });

  it('does not read on behind it', async () => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    pair.peer.isTrusted = false;
    pair.peer.send(pair.peer.headers(99, [[':status', '200']]));
    pair.peer.respond({ streamId: 1 }, 200);
    expect(await pair.news()).toEqual(['lost 1 ConnectionLost', 'close APNS_ERR_HTTP2_PROTOCOL']);
    expect(pair.peer.farewells).toEqual([1]);
  });
});

describe('a connection that is being left', () => {
  it('closes before SETTINGS if nothing has begun', () => {
    const pair = createHttp2Pair({ onConnection: () => {} });
    pair.connection.drain();
    expect(pair.events).toEqual(['close']);
  });

  it('is not opened again by SETTINGS', async () => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    pair.connection.drain();
    pair.peer.send(settingsFrame({ maxConcurrentStreams: 100 }));
    await pair.settle();
    expect([pair.connection.isDraining, pair.connection.room]).toEqual([true, 0]);
    pair.peer.respond({ streamId: 1 }, 200);
    expect(await pair.news()).toEqual(['response 1 200', 'close']);
  });

  it('closes when its last notification times out', async () => {
    const pair = await createReadyPair();
    const [first] = pair.send(1);
    pair.connection.drain();
    expect(await pair.news()).toEqual([]);
    first!.connection!.timeOut(first!);
    expect(pair.events).toEqual(['close']);
  });

  it('says of no room when its socket drains', async () => {
    const pair = await createReadyPair();
    pair.socket.isHeld = true;
    pair.send(2, 20_000);
    await pair.settle();
    pair.connection.drain();
    pair.socket.release();
    await pair.settle();
    expect(pair.events).toEqual([]);
    expect(pair.peer.requests.map(({ isComplete }) => isComplete)).toEqual([true, true]);
  });

  it('reads nothing more once it is closed', async () => {
    const pair = await createReadyPair();
    const onPing = vi.spyOn(pair.peer, 'onPing');
    pair.socket.isHeld = true;
    pair.connection.drain();
    pair.events.length = 0;
    pair.peer.send({ type: 'PING', ack: false, data: Buffer.alloc(8) });
    await pair.settle();
    pair.socket.release();
    await pair.settle();
    expect([pair.events, onPing.mock.calls.length]).toEqual([[], 0]);
  });

  it('finishes reading a chunk before it closes', async () => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    pair.connection.drain();
    const onPing = vi.spyOn(pair.peer, 'onPing');
    const piece = Buffer.alloc(16_384, 0x20);
    const ping = { type: 'PING', ack: false, data: Buffer.alloc(8) } as const;
    const data = [piece, piece, piece, piece].map((bytes) => dataFrame(1, bytes, false));
    pair.peer.send(pair.peer.headers(1, ANSWER_BEGUN, false), ...data, ping);
    expect(await pair.news()).toEqual(['response 1 400', 'close']);
    expect(onPing.mock.calls.map(([, isAnswer]) => isAnswer)).toEqual([true]);
  });

  it('has used up the ids of its streams', async () => {
    const pair = await createReadyPair();
    const nextId = vi.spyOn(StreamTable.prototype, 'nextId', 'get');
    nextId.mockReturnValue(MAX_UINT31);
    pair.send(1);
    expect([pair.connection.isDraining, pair.connection.room]).toEqual([false, 7]);
    nextId.mockReturnValue(MAX_UINT31 + 2);
    pair.send(1);
    expect([pair.connection.isDraining, pair.connection.room]).toEqual([true, 0]);
    nextId.mockRestore();
    await pair.settle();
    for (const streamId of [1, 3]) pair.peer.respond({ streamId }, 200);
    expect(await pair.news()).toEqual(['response 1 200', 'response 3 200', 'close']);
    expect(pair.connection.isReplaced).toBe(false);
  });

  it('is closed once, although GOAWAY comes behind the response at which it was given up', async () => {
    const { ApnsError } = await import('../../../src/core/errors.js');
    const pair = await createReadyPair({}, {}, (event, connection) => {
      if (event.startsWith('response')) connection.destroy(new ApnsError('APNS_ERR_CLOSED', 'enough'));
    });
    pair.send(2);
    await pair.settle();
    const { peer } = pair;
    const goaway = { type: 'GOAWAY', lastStreamId: 0, errorCode: 0, debugData: Buffer.alloc(0) } as const;
    peer.send(peer.headers(1, [[':status', '200']]), goaway);
    expect(await pair.news()).toEqual(['response 1 200', 'lost 3 Aborted', 'close APNS_ERR_CLOSED']);
  });

  it('tells why its socket failed', async () => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    pair.socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' }));
    expect(await pair.news()).toEqual(['lost 1 ConnectionLost', 'close APNS_ERR_CONNECTION_LOST']);
  });

  it('is given up when more than 1 MiB of its answers wait to be read', async () => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    Object.defineProperty(pair.socket, 'writableLength', { value: 2 ** 20 + 1 });
    pair.peer.send({ type: 'PING', ack: false, data: Buffer.alloc(8) });
    expect(await pair.news()).toEqual(['lost 1 ConnectionLost', 'close APNS_ERR_HTTP2_PROTOCOL']);
    expect(pair.peer.farewells).toEqual([11]);
  });
});

describe('GOAWAY', () => {
  it('gives back the streams above the last one, and lets the others be answered', async () => {
    const pair = await createReadyPair();
    pair.send(5);
    await pair.settle();
    pair.peer.goaway(5, 0, '{"reason":"Shutdown"}');
    expect(await pair.news()).toEqual(unprocessed(9, 7));
    expect([pair.connection.isDraining, pair.connection.isReplaced, pair.connection.room]).toEqual([
      true,
      false,
      0,
    ]);
    pair.peer.respond({ streamId: 5 }, 200);
    expect(await pair.news()).toEqual(['response 5 200']);
    pair.peer.goaway(1);
    expect(await pair.news()).toEqual(unprocessed(3));
    pair.peer.respond({ streamId: 1 }, 200);
    expect(await pair.news()).toEqual(['response 1 200', 'close APNS_ERR_CONNECTION_LOST']);
    expect(pair.peer.farewells).toEqual([0]);
  });

  it('does not take back what is answered in part', async () => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    pair.peer.send(pair.peer.headers(1, ANSWER_BEGUN, false));
    await pair.news();
    pair.peer.goaway(0, 2);
    expect(await pair.news()).toEqual(['response 1 400', 'close APNS_ERR_HTTP2_PROTOCOL']);
  });

  it('is the cause where the peer closes behind it', async () => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    pair.peer.goaway(1, 11);
    pair.peer.socket.end();
    expect(await pair.news()).toEqual(['lost 1 ConnectionLost', 'close APNS_ERR_HTTP2_PROTOCOL']);
  });
});

describe('RST_STREAM', () => {
  it.each([
    [7, 'unprocessed 1'],
    [2, 'lost 1 StreamInternalError'],
  ])('with error code %i fails the notification: %s', async (errorCode, event) => {
    const pair = await createReadyPair();
    pair.send(2);
    await pair.settle();
    pair.peer.reset(1, errorCode);
    expect(await pair.news()).toEqual([event]);
    expect([pair.connection.health.state, pair.connection.openStreams]).toEqual(['failing', 1]);
    // What was in flight together fails together; the next one is another failure.
    pair.peer.reset(3, errorCode);
    await pair.settle();
    expect(pair.connection.health.state).toBe('failing');
    for (const id of [5, 7]) {
      pair.send(1);
      await pair.settle();
      pair.peer.reset(id, errorCode);
      await pair.settle();
    }
    expect(pair.connection.health.state).toBe('sick');
  });

  it('counts in the rate of failures, unless it refuses the stream or APNs throttles the connection', async () => {
    const pair = await createReadyPair({ maxConcurrentStreams: 100 });
    const recordFailure = vi.spyOn(pair.connection.health, 'recordFailure');
    pair.send(3);
    await pair.settle();
    pair.peer.reset(1, 7);
    pair.peer.reset(3, 2);
    await pair.settle();
    pair.peer.send(settingsFrame({ maxConcurrentStreams: 1 }));
    pair.peer.reset(5, 2);
    await pair.settle();
    expect(recordFailure.mock.calls).toEqual([
      [1, 7, false],
      [3, 7, true],
      [5, 7, false],
    ]);
  });

  it('behind a part of a response is that response', async () => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    pair.peer.send(pair.peer.headers(1, ANSWER_BEGUN, false));
    pair.peer.reset(1, 0);
    expect(await pair.news()).toEqual(['response 1 400']);
    expect(pair.connection.health.state).toBe('healthy');
    pair.peer.reset(1, 0);
    expect(await pair.news()).toEqual([]);
  });
});

describe('a response', () => {
  it.each([
    [200, undefined, 'healthy'],
    [499, '{"reason":"BadDeviceToken"}', 'healthy'],
    [500, '{"reason":"InternalServerError"}', 'failing'],
    [503, '{"reason":"ServiceUnavailable"}', 'failing'],
    [503, '{"reason":"Shutdown"}', 'sick'],
    [400, '{"reason":"Shutdown"}', 'healthy'],
  ])('with status %i and body %s leaves the connection %s', async (status, body, state) => {
    const pair = await createReadyPair();
    pair.send(1);
    await pair.settle();
    pair.peer.respond({ streamId: 1 }, status, body);
    await pair.settle();
    expect([pair.connection.health.state, pair.connection.isProven]).toEqual([state, true]);
  });

  it('to a request that is not sent whole ends its stream', async () => {
    const pair = await createReadyPair({ initialWindowSize: 15 });
    pair.send(1, 20);
    await pair.settle();
    pair.peer.respond({ streamId: 1 }, 413, '{"reason":"PayloadTooLarge"}');
    expect(await pair.news()).toEqual(['response 1 413']);
    expect(pair.peer.resets).toEqual([{ streamId: 1, errorCode: 8 }]);
    pair.send(1);
    await pair.settle();
    pair.peer.respond({ streamId: 3 }, 200);
    expect(await pair.news()).toEqual(['response 3 200']);
    expect(pair.peer.resets).toHaveLength(1);
    pair.peer.send(settingsFrame({ initialWindowSize: 100 }));
    pair.peer.send({ type: 'WINDOW_UPDATE', streamId: 0, increment: 100 });
    await pair.settle();
    expect(pair.peer.requests[0]!.body).toHaveLength(15);
  });

  it('is kept up to 2,048 bytes: a longer one names no reason', async () => {
    for (const [bytes, state] of [
      [2048, 'sick'],
      [2049, 'failing'],
    ] as const) {
      const pair = await createReadyPair();
      pair.send(1);
      await pair.settle();
      pair.peer.respond({ streamId: 1 }, 503, '{"reason":"Shutdown"}'.padStart(bytes));
      await pair.settle();
      expect([bytes, pair.connection.health.state]).toEqual([bytes, state]);
    }
  });

  it('of more than 48 KiB is cut off, and counts with its status', async () => {
    const pair = await createReadyPair();
    pair.send(2);
    await pair.settle();
    const piece = Buffer.alloc(16_384, 0x20);
    for (const streamId of [1, 3]) {
      pair.peer.send(pair.peer.headers(streamId, ANSWER_BEGUN, false));
      for (let i = 0; i < 3; i++) pair.peer.send(dataFrame(streamId, piece, false));
    }
    expect(await pair.news()).toEqual([]);
    pair.peer.send(dataFrame(1, Buffer.alloc(1), false));
    expect(await pair.news()).toEqual(['response 1 400']);
    expect(pair.peer.resets).toEqual([{ streamId: 1, errorCode: 8 }]);
    // What is still on its way is read and thrown away.
    pair.peer.send(dataFrame(1, piece, true));
    pair.peer.send(dataFrame(3, Buffer.alloc(0), true));
    expect(await pair.news()).toEqual(['response 3 400']);
  });

  it('that is malformed ends its stream alone, and is a failure', async () => {
    const pair = await createReadyPair();
    pair.peer.isTrusted = false;
    pair.send(2);
    await pair.settle();
    pair.peer.send(pair.peer.headers(1, [['x', 'y']]));
    expect(await pair.news()).toEqual(lost('MalformedResponse', 1));
    expect([pair.peer.resets, pair.connection.health.state]).toEqual([
      [{ streamId: 1, errorCode: 1 }],
      'failing',
    ]);
    pair.peer.send({ type: 'WINDOW_UPDATE', streamId: 3, increment: MAX_UINT31 });
    expect(await pair.news()).toEqual(lost('MalformedResponse', 3));
    expect(pair.peer.resets.at(-1)).toEqual({ streamId: 3, errorCode: 3 });
    // Frames of streams that are over change nothing.
    pair.peer.send(pair.peer.headers(3, [[':status', '200']]));
    pair.peer.send({ type: 'WINDOW_UPDATE', streamId: 3, increment: 1 });
    expect(await pair.news()).toEqual([]);
  });

  it('gives its bytes back to the window of the connection, 512 KiB at a time', async () => {
    const increments: number[] = [];
    const pair = await createReadyPair();
    vi.spyOn(pair.peer, 'onWindowUpdate').mockImplementation(
      ((_id: number, increment: number) => void increments.push(increment)) as never,
    );
    pair.send(1);
    await pair.settle();
    pair.peer.respond({ streamId: 1 }, 400, '{}');
    await pair.settle();
    const piece = Buffer.alloc(16_384);
    for (let i = 0; i < 31; i++) pair.peer.send(dataFrame(1, piece, false));
    await pair.settle();
    expect(increments).toEqual([]);
    pair.peer.send(dataFrame(1, piece.subarray(2), false));
    await pair.settle();
    expect(increments).toEqual([524_288]);
    pair.peer.send(dataFrame(1, piece, false));
    await pair.settle();
    expect(increments).toHaveLength(1);
  });
});

describe('a stream that was never opened', () => {
  it.each(['HEADERS', 'DATA', 'RST_STREAM', 'WINDOW_UPDATE'] as const)(
    'ends the connection: %s',
    async (type) => {
      for (const streamId of [2, 3, 4]) {
        const pair = await createReadyPair();
        pair.peer.isTrusted = false;
        pair.send(1);
        await pair.settle();
        if (type === 'HEADERS') pair.peer.send(pair.peer.headers(streamId, [[':status', '200']]));
        else if (type === 'DATA') pair.peer.send(dataFrame(streamId, Buffer.alloc(1)));
        else if (type === 'RST_STREAM') pair.peer.reset(streamId, 0);
        else pair.peer.send({ type, streamId, increment: 1 });
        expect(await pair.news()).toEqual(['lost 1 ConnectionLost', 'close APNS_ERR_HTTP2_PROTOCOL']);
        expect(pair.peer.farewells).toEqual([1]);
      }
    },
  );
});

it('follows new windows and tells of room behind every chunk', async () => {
  const pair = await createReadyPair({ initialWindowSize: 15 });
  pair.send(1, 20);
  await pair.settle();
  pair.events.length = 0;
  pair.peer.send(settingsFrame({ initialWindowSize: 20 }), settingsFrame({ maxConcurrentStreams: 5 }));
  await pair.settle();
  expect(pair.peer.requests.map(({ isComplete }) => isComplete)).toEqual([true]);
  expect(pair.events).toEqual(['room']);
  expect(pair.peer.violations).toEqual([]);
});

it('asks for a window of 1 MiB for the whole connection, and no push', async () => {
  const onWindowUpdate = vi.spyOn(RawPeer.prototype, 'onWindowUpdate');
  await createReadyPair();
  expect(onWindowUpdate.mock.calls).toEqual([[0, 1024 * 1024 - 65_535]]);
});

it('goes on with a body when the window of its stream grows', async () => {
  const pair = await createReadyPair({ initialWindowSize: 15 });
  pair.send(1, 20);
  await pair.settle();
  pair.peer.send({ type: 'WINDOW_UPDATE', streamId: 1, increment: 5 });
  expect(await pair.news()).toEqual([]);
  expect(pair.peer.requests.map(({ isComplete, isReset }) => [isComplete, isReset])).toEqual([[true, false]]);
});

it('takes a malformed frame of a stream that is over for nothing, and of one that never was for a breach', async () => {
  const pair = await createReadyPair();
  pair.send(2);
  await pair.settle();
  pair.peer.respond({ streamId: 1 }, 200);
  await pair.news();
  const windowUpdateOfNothing = (streamId: number): Buffer =>
    Buffer.from(`00000408000000000${streamId}00000000`, 'hex');
  pair.peer.write(windowUpdateOfNothing(1));
  expect(await pair.news()).toEqual([]);
  pair.peer.write(windowUpdateOfNothing(5));
  expect(await pair.news()).toEqual(['lost 3 ConnectionLost', 'close APNS_ERR_HTTP2_PROTOCOL']);
});

it('decodes header blocks of streams that are over, so that the table stays the same', async () => {
  const pair = await createReadyPair();
  const [first] = pair.send(2);
  await pair.settle();
  first!.connection!.timeOut(first!);
  const headers = (streamId: number, block: Buffer) =>
    ({ type: 'HEADERS', streamId, endStream: true, endHeaders: true, block }) as const;
  // RFC 7541: :status 410 is added to the table as entry 62, which the second block refers to.
  pair.peer.send(headers(1, Buffer.from('4803343130', 'hex')), headers(3, Buffer.from('be', 'hex')));
  expect(await pair.news()).toEqual(['response 3 410']);
});
