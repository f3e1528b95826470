/** One connection to a binary gateway over memory: what it holds, and how it ends. */
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { ApnsError } from '../../../src/core/errors.js';
import { encodeCheckpoint } from '../../../src/engine/binary/checkpoint.js';
import { BinaryConnection, type ConnectionEnd } from '../../../src/engine/binary/connection.js';
import type { EngineClock } from '../../../src/engine/engine-clock.js';
import { encodeErrorResponse } from '../../../src/protocol/binary/error-response.js';
import { batchOf, frames } from '../../support/frames.js';
import { connectInMemory } from '../../support/memory-socket.js';

const PEER = { host: 'gateway.example', port: 2195 };

function createConnection(state: 'fresh' | 'open' = 'open') {
  const [socket, far] = connectInMemory();
  const clock = { at: 1000, reads: 0 };
  const ends: ConnectionEnd[] = [];
  let drains = 0;
  const engineClock = { now: () => clock.at, noteRead: () => clock.reads++ } as unknown as EngineClock;
  const connection = new BinaryConnection(socket as unknown as TLSSocket, PEER, state, engineClock, {
    onDrain: () => drains++,
    onClose: (_it, end) => void ends.push(end),
  });
  const received: Buffer[] = [];
  far.on('data', (chunk: Buffer) => received.push(chunk));
  return {
    connection,
    socket,
    far,
    clock,
    ends,
    received: () => Buffer.concat(received.splice(0)),
    drains: () => drains,
    async settle(): Promise<void> {
      for (let i = 0; i < 4; i++) await new Promise(setImmediate);
    },
  };
}

const answer = (statusCode: number, identifier: number) => encodeErrorResponse({ statusCode, identifier });

describe('a connection to a gateway', () => {
  it('begins as it is told, with nothing in its window', () => {
    for (const state of ['fresh', 'open'] as const) {
      const { connection } = createConnection(state);
      expect(connection).toMatchObject({
        state,
        openedAt: 1000,
        progressAt: 1000,
        doublings: 0,
        checkpoint: undefined,
        forgotten: undefined,
        oldestAt: undefined,
        isBlocked: false,
        isFlushed: true,
        isPresumable: false,
      });
    }
  });

  it('remembers what it writes, and when', async () => {
    const it = createConnection();
    const batch = { ...batchOf(...frames(4)), since: 900, attempts: 1 };
    const part = { ...batch, start: batch.end / 4, count: 3 };
    it.clock.at = 2000;
    it.connection.send(part, 2000);
    expect(it.connection.window.batches()).toEqual([{ ...part, attempts: 2, writtenAt: 2000 }]);
    expect([it.connection.oldestAt, it.connection.progressAt]).toEqual([2000, 2000]);
    it.connection.send(batchOf(...frames(1, 9)), 2100);
    expect(it.connection.oldestAt).toBe(2000);
    await it.settle();
    expect(it.received()).toEqual(Buffer.concat([...frames(3, 2), ...frames(1, 9)]));
  });

  it('makes progress when its socket takes bytes over, and not when that fails', async () => {
    const it = createConnection();
    it.socket.isHeld = true;
    it.connection.send(batchOf(...frames(1)), 2000);
    it.clock.at = 3000;
    await it.settle();
    expect([it.connection.progressAt, it.connection.isFlushed]).toEqual([2000, false]);
    it.socket.release();
    await it.settle();
    expect([it.connection.progressAt, it.connection.isFlushed]).toEqual([3000, true]);
    it.socket.isHeld = true;
    it.connection.send(batchOf(...frames(1)), 4000);
    it.clock.at = 5000;
    it.socket.destroy(new Error('mine'));
    await it.settle();
    expect(it.connection.progressAt).toBe(4000);
  });

  it('is blocked while its socket asks for a pause, and says when that is over', async () => {
    const it = createConnection();
    it.socket.isHeld = true;
    it.connection.send(batchOf(...frames(300)), 1000);
    expect([it.connection.isBlocked, it.drains()]).toEqual([true, 0]);
    it.socket.release();
    await it.settle();
    expect([it.connection.isBlocked, it.drains()]).toEqual([false, 1]);
  });

  it('is blocked once its socket takes nothing any more', async () => {
    const ended = createConnection();
    ended.connection.finish(1000);
    expect(ended.connection.isBlocked).toBe(true);
    const failed = createConnection();
    Object.defineProperty(failed.socket, 'errored', { value: new Error('mine') });
    expect(failed.connection.isBlocked).toBe(true);
  });

  it('writes a checkpoint behind everything', async () => {
    const it = createConnection();
    it.connection.send(batchOf(...frames(2, 0xffff_fffd)), 1000);
    it.connection.writeCheckpoint(2000);
    expect(it.connection).toMatchObject({ state: 'checked', progressAt: 2000, checkpoint: 0xffff_fffc });
    it.clock.at = 3000;
    await it.settle();
    expect(it.received()).toEqual(Buffer.concat([...frames(2, 0xffff_fffd), encodeCheckpoint(0xffff_fffc)]));
  });

  it('half-closes when it is finished, and can be presumed once everything has left', async () => {
    const it = createConnection();
    it.socket.isHeld = true;
    it.connection.send(batchOf(...frames(1)), 1000);
    it.connection.finish(2000);
    expect(it.connection).toMatchObject({ state: 'finished', progressAt: 2000, isPresumable: false });
    let isEnded = false;
    it.far.on('end', () => {
      isEnded = true;
    });
    it.socket.release();
    await it.settle();
    expect([it.connection.isPresumable, isEnded, it.ends]).toEqual([true, true, []]);
  });

  it('presumes what was written by a time, and remembers its identifiers', () => {
    const { connection } = createConnection();
    for (const [at, first] of [
      [1000, 5],
      [2000, 7],
      [3000, 9],
    ] as const)
      connection.send({ ...batchOf(...frames(2, first)), since: 4000 - at }, at);
    expect(connection.presume(999)).toEqual([]);
    expect(connection.forgotten).toBeUndefined();
    expect(connection.presume(2000).map(({ count }) => count)).toEqual([2, 2]);
    expect([connection.forgotten, connection.window.frames]).toEqual([{ lowest: 5, highest: 8 }, 2]);
    expect(connection.presume(3000)).toHaveLength(1);
    expect(connection.forgotten).toEqual({ lowest: 5, highest: 10 });
  });

  it('expires what was taken by a time, wherever it stands', () => {
    const { connection } = createConnection();
    for (const [since, first] of [
      [300, 5],
      [100, 7],
      [200, 9],
    ] as const)
      connection.send({ ...batchOf(...frames(1, first)), since }, 1000);
    expect(connection.expire(99)).toEqual([]);
    expect(connection.expire(200).map(({ since }) => since)).toEqual([100, 200]);
    expect([connection.forgotten, connection.window.frames]).toEqual([{ lowest: 7, highest: 9 }, 1]);
  });

  it('is retired without a report, and destroyed if the gateway does not close in time', async () => {
    const it = createConnection();
    it.connection.close(500);
    expect([it.connection.state, it.socket.timeout?.ms]).toEqual(['closed', 500]);
    await it.settle();
    expect([it.socket.destroyed, it.ends]).toEqual([true, []]);
    const slow = createConnection();
    slow.socket.isHeld = true;
    slow.connection.send(batchOf(...frames(1)), 1000);
    slow.connection.close(500);
    await slow.settle();
    expect(slow.socket.destroyed).toBe(false);
    slow.socket.timeout!.onTimeout();
    await slow.settle();
    expect([slow.socket.destroyed, slow.ends]).toEqual([true, []]);
  });

  it('is given up with a cause, once', async () => {
    const it = createConnection();
    const cause = new ApnsError('APNS_ERR_TIMEOUT', 'silent');
    it.connection.destroy(cause);
    it.connection.destroy(new ApnsError('APNS_ERR_CLOSED', 'again'));
    it.far.end(answer(8, 1));
    await it.settle();
    expect([it.ends, it.connection.state, it.socket.destroyed]).toEqual([[{ cause }], 'closed', true]);
  });
});

describe('what a gateway says', () => {
  it('is one error response, however it arrives, and nothing after it', async () => {
    const it = createConnection();
    it.connection.send(batchOf(...frames(3)), 1000);
    const bytes = answer(8, 2);
    for (let i = 0; i < bytes.length; i++) {
      expect(it.ends).toEqual([]);
      it.far.write(bytes.subarray(i, i + 1));
      await it.settle();
    }
    expect(it.ends).toEqual([{ response: { statusCode: 8, reason: 'InvalidToken', identifier: 2 } }]);
    expect([it.connection.state, it.socket.destroyed, it.clock.reads]).toEqual(['closed', true, 6]);
    expect(it.connection.window.frames).toBe(3);
  });

  it('is its first error response, whatever follows in the same chunk', async () => {
    for (const more of [answer(5, 1), Buffer.from('HTTP/1.1 400'), answer(10, 3).subarray(0, 3)]) {
      const it = createConnection();
      it.far.write(Buffer.concat([answer(8, 2), more]));
      await it.settle();
      expect(it.ends).toMatchObject([{ response: { statusCode: 8, identifier: 2 } }]);
    }
  });

  it('is no error response where it is something else', async () => {
    const it = createConnection();
    it.far.write('HTTP/1.1 400 Bad Request');
    await it.settle();
    expect(it.ends).toMatchObject([
      {
        cause: {
          code: 'APNS_ERR_MALFORMED_PACKET',
          message: expect.stringContaining('gateway.example:2195'),
        },
      },
    ]);
    expect(it.ends[0]!.response).toBeUndefined();
  });

  it('is nothing where it only closes', async () => {
    const it = createConnection();
    it.far.end();
    await it.settle();
    expect([it.ends, it.connection.state]).toEqual([[{}], 'closed']);
  });

  it('is nothing where the connection breaks', async () => {
    const it = createConnection();
    it.socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' }));
    await it.settle();
    expect(it.ends).toMatchObject([{ cause: { code: 'APNS_ERR_CONNECTION_LOST' } }]);
  });
});
