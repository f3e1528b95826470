/** Every way in which a connection, a stream or its reader can end at a bad moment. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import { createBinarySink } from '../../../src/sinks/binary-sink.js';
import { brief, closed, frames, range, send, TOKEN, until } from '../../support/frames.js';
import { startScriptedGateway } from '../../support/scripted-gateway.js';

afterEach(() => {
  vi.useRealTimers();
});

/** Lets time pass for everything that asks `performance.now()` or waits for a timer. */
function advanceClock(): (ms: number) => Promise<unknown> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'], shouldAdvanceTime: true });
  // In steps, with poll phases between: an engine takes a jump for a process that was frozen.
  return async (ms) => {
    for (let left = ms; left > 0; left -= 400) {
      await vi.advanceTimersByTimeAsync(Math.min(400, left));
      await afterTurns(2);
    }
  };
}

async function afterTurns(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise(setImmediate);
}

describe('a gateway that answers', () => {
  test('loses nothing when a listener destroys the sink for it', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => {
        if (frame.identifier === 2) peer.answer(8, 2);
      },
    });
    const sink = createBinarySink(gateway.options);
    const outcomes = sink.outcomes.toArray();
    sink.on('errorResponse', () => sink.destroy());
    sink.write(Buffer.concat(frames(5)));
    await closed(sink);
    expect(brief(await outcomes)).toEqual(['accepted:1', 'rejected:2', ...range('unsent', 3, 5)]);
  });

  test.each([0, 1, 10, 128, 255])(
    'proves what is before a checkpoint with status %i too',
    async (statusCode) => {
      const gateway = await startScriptedGateway({
        onCheckpoint: (peer, frame) => peer.answer(statusCode, frame.identifier!),
      });
      const sink = createBinarySink(gateway.options);
      expect(brief(await send(sink, frames(3)))).toEqual(range('accepted', 1, 3));
    },
  );

  test('has proved nothing when it calls the frame at fault -1, a checkpoint being under way', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => {
        if (frame.identifier === 2) peer.answer(255, 0xffff_ffff);
      },
    });
    const sink = createBinarySink(gateway.options);
    expect(brief(await send(sink, [Buffer.concat(frames(3))]))).toEqual(range('unknown', 1, 3));
  });

  test('is believed about a frame that is whole but broken inside', async () => {
    const broken = Buffer.from('020000000b0300040000000701ffff00', 'hex');
    const gateway = await startScriptedGateway({
      onConnection: (peer) => peer.socket.once('data', () => peer.answer(128, 7)),
    });
    const sink = createBinarySink(gateway.options);
    const outcomes = sink.outcomes.toArray();
    sink.on('error', () => {});
    sink.end(broken);
    expect(brief(await outcomes)).toEqual(['rejected:7']);
    expect(sink.errored).toMatchObject({ code: 'APNS_ERR_GATEWAY_PROTOCOL' });
  });

  test('has discarded frames written again for as long as their one deadline lasts', async () => {
    const advance = advanceClock();
    const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
    const sink = createBinarySink({ ...gateway.options, timeoutMs: 1000 });
    const outcomes = sink.outcomes.toArray();
    sink.end(Buffer.concat(frames(3)));
    await until(() => gateway.peers[0]?.frames.length === 3);
    await advance(400);
    gateway.peers[0]!.answer(8, 1);
    await until(() => gateway.peers[1]?.frames.length === 2);
    await advance(700);
    expect(brief(await outcomes)).toEqual(['rejected:1', 'unknown:2', 'unknown:3']);
    expect((await outcomes).map(({ reason }) => reason)).toEqual([
      'InvalidToken',
      'DeadlineExceeded',
      'DeadlineExceeded',
    ]);
  });

  test.each([
    ['a byte', '08'],
    ['five bytes', '0808000000'],
    ['another command', '09080000000100'],
    ['text', '485454502f312e3120343030'],
    ['endless garbage', '00'.repeat(100_000)],
  ])('leaves everything unknown with %s', async (_name, bytes) => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => {
        if (frame.identifier === 3) peer.say(bytes);
      },
    });
    const sink = createBinarySink({ ...gateway.options, backoff: { initialMs: 1 } });
    expect(brief(await send(sink, [Buffer.concat(frames(3))]))).toEqual(range('unknown', 1, 3));
  });

  test('is heard to its first six bytes, in six pieces or followed by more', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => {
        if (frame.identifier !== 2) return;
        peer.isAnswered = true;
        const bytes = Buffer.from('080800000002' + '080800000003', 'hex');
        for (const byte of bytes) peer.socket.write(Buffer.of(byte));
        peer.socket.end();
      },
    });
    const sink = createBinarySink(gateway.options);
    const outcomes = await send(sink, [Buffer.concat(frames(4))]);
    expect(brief(outcomes)).toEqual(['accepted:1', 'rejected:2', 'accepted:3', 'accepted:4']);
  });

  test('is not taken for one that accepts when it speaks before anything was written', async () => {
    const gateway = await startScriptedGateway({
      onConnection: (peer) => {
        if (peer.index < 2) peer.answer(10, 0);
      },
    });
    const sink = createBinarySink({ ...gateway.options, backoff: { initialMs: 1 } });
    expect(brief(await send(sink, frames(2)))).toEqual(range('accepted', 1, 2));
  });
});

describe('a gateway that closes', () => {
  test('is not stormed by connections in reserve', async () => {
    const gateway = await startScriptedGateway({
      onConnection: (peer) => {
        if (peer.index > 1) peer.close();
      },
      onFrame: (peer) => {
        if (peer.index === 0) peer.answer(8, 1);
      },
    });
    const sink = createBinarySink(gateway.options);
    for (const frame of frames(2)) sink.write(frame);
    await until(() => gateway.peers.length > 2);
    await afterTurns(300);
    expect(gateway.peers.length).toBeLessThanOrEqual(3);
    sink.end();
    await once(sink, 'finish');
    expect(sink.counts).toMatchObject({ accepted: 1, rejected: 1 });
  });

  test('may shut down idle connections for ever', async () => {
    const advance = advanceClock();
    const gateway = await startScriptedGateway();
    const sink = createBinarySink({
      ...gateway.options,
      checkpoint: 'never',
      window: { ageMs: 1 },
      backoff: { initialMs: 1, attempts: 2 },
    });
    for (let i = 1; i <= 6; i++) {
      sink.write(frames(1, i)[0]!);
      await until(() => sink.counts.presumed === i);
      await advance(20_000);
      const { socket } = gateway.peers.at(-1)!;
      gateway.peers.at(-1)!.answer(10, 0);
      await once(socket, 'close');
    }
    sink.end();
    await once(sink, 'finish');
    expect(sink.counts.presumed).toBe(6);
  });

  test('and has gone while this side still holds bytes leaves them unknown at once', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer) => {
        peer.isAnswered = true;
        peer.socket.pause();
        peer.socket.end();
      },
    });
    const sink = createBinarySink({ ...gateway.options, pingTimeoutMs: 60_000 });
    const payload = 'x'.repeat(60_000);
    const many = Array.from({ length: 200 }, (_, i) =>
      encodeFrame({ deviceToken: TOKEN, payload, identifier: i + 1 }),
    );
    const outcomes = sink.outcomes.toArray();
    sink.on('error', () => {});
    for (const frame of many) sink.write(frame);
    await until(() => sink.counts.unknown > 0);
    sink.destroy();
    expect((await outcomes).length).toBe(200);
  });
});

describe('a gateway that is silent', () => {
  test('is asked about a frame that gets old', async () => {
    const gateway = await startScriptedGateway();
    const sink = createBinarySink({ ...gateway.options, window: { ageMs: 20 } });
    sink.write(frames(1)[0]!);
    await until(() => sink.counts.accepted === 1);
    sink.destroy();
  });

  test('has its silence taken for what it is without checkpoints', async () => {
    const gateway = await startScriptedGateway({ onCheckpoint: () => expect.unreachable() });
    const sink = createBinarySink({ ...gateway.options, window: { ageMs: 20 }, checkpoint: 'never' });
    sink.write(frames(1)[0]!);
    await until(() => sink.counts.presumed === 1);
    sink.destroy();
    await closed(sink);
    expect(sink.counts).toMatchObject({ accepted: 0, presumed: 1, unknown: 0 });
  });

  test('leaves everything unknown when it does not answer a checkpoint', async () => {
    const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
    const sink = createBinarySink({ ...gateway.options, pingTimeoutMs: 20 });
    const outcomes = await send(sink, frames(3));
    expect(brief(outcomes)).toEqual(range('unknown', 1, 3));
    expect(outcomes[0]?.reason).toBe('Timeout');
  });

  test.each(['end', 'never'] as const)(
    'is never presumed to have what has not left this process (checkpoint %s)',
    async (checkpoint) => {
      const gateway = await startScriptedGateway({ onConnection: (peer) => peer.socket.pause() });
      const sink = createBinarySink({
        ...gateway.options,
        checkpoint,
        window: { ageMs: 30, count: 300 },
        pingTimeoutMs: 30,
        backoff: { initialMs: 1, attempts: 1 },
      });
      sink.on('error', () => {});
      const payload = 'x'.repeat(60_000);
      for (let i = 1; i <= 300; i++) sink.write(encodeFrame({ deviceToken: TOKEN, payload, identifier: i }));
      sink.end();
      await closed(sink);
      const { presumed, unknown, unsent } = sink.counts;
      expect(presumed + unknown + unsent).toBe(300);
      expect(unknown).toBeGreaterThan(0);
      // What the sockets of both ends hold in the kernel has left; the rest has not.
      expect(presumed * payload.length).toBeLessThan(12_000_000);
    },
  );

  test('keeps no socket of this side once it is retired', async () => {
    const gateway = await startScriptedGateway({ onConnection: (peer) => peer.socket.pause() });
    const sink = createBinarySink({
      ...gateway.options,
      checkpoint: 'never',
      window: { ageMs: 10 },
      pingTimeoutMs: 20,
    });
    sink.end(frames(1)[0]!);
    await once(sink, 'finish');
    gateway.peers[0]!.socket.resume();
    await until(() => gateway.openSockets === 0);
    expect(sink.counts.presumed).toBe(1);
  });
});

describe('a deadline', () => {
  test('does not run while a frame waits for a reader', async () => {
    const advance = advanceClock();
    const gateway = await startScriptedGateway();
    const sink = createBinarySink({ ...gateway.options, timeoutMs: 1000, window: { count: 2 } });
    const { outcomes } = sink;
    for (const frame of frames(6)) sink.write(frame);
    sink.end();
    await until(() => sink.counts.accepted === 2);
    await advance(5000);
    expect(brief(await outcomes.toArray())).toEqual(range('accepted', 1, 6));
  });

  test('ends the waiting for a connection that cannot be had', async () => {
    const sink = createBinarySink({
      host: '127.0.0.1',
      port: 1,
      timeoutMs: 30,
      backoff: { initialMs: 10_000, maxMs: 10_000 },
    });
    const outcomes = await send(sink, frames(2));
    expect(brief(outcomes)).toEqual(range('unsent', 1, 2));
    expect(outcomes[0]?.reason).toBe('DeadlineExceeded');
  });

  test('ends the resending of what stays unknown at its deadline', async () => {
    const gateway = await startScriptedGateway({ onFrame: (peer) => peer.close() });
    const sink = createBinarySink({
      ...gateway.options,
      onUnknown: 'resend',
      timeoutMs: 400,
      backoff: { initialMs: 10, maxMs: 50, attempts: 10_000 },
    });
    const [outcome] = await send(sink, frames(1));
    expect(outcome).toMatchObject({ status: 'unknown', identifier: 1 });
    expect(outcome!.attempts).toBeGreaterThan(1);
    expect(outcome!.attempts).toBe(gateway.peers.filter(({ frames: seen }) => seen.length > 0).length);
  });
});

describe('an abort', () => {
  test('before the beginning is told as one', async () => {
    const sink = createBinarySink({ host: '127.0.0.1', port: 1, signal: AbortSignal.abort() });
    const [error] = await once(sink, 'error');
    expect(error).toMatchObject({ name: 'AbortError' });
  });

  test('during a dial leaves no socket', async () => {
    const gateway = await startScriptedGateway();
    const abort = new AbortController();
    const sink = createBinarySink({ ...gateway.options, signal: abort.signal });
    sink.on('error', () => {});
    sink.write(frames(1)[0]!);
    await until(() => gateway.openSockets === 1);
    abort.abort();
    await until(() => gateway.openSockets === 0);
    expect(sink.counts.unsent).toBe(1);
  });

  test('of the pipeline gives every frame its outcome', async () => {
    const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
    const abort = new AbortController();
    const sink = createBinarySink({ ...gateway.options, window: { count: 4 } });
    const outcomes = sink.outcomes.toArray();
    const piping = pipeline(Readable.from(frames(20)), sink, { signal: abort.signal });
    await until(() => (gateway.peers[0]?.frames.length ?? 0) >= 2);
    abort.abort();
    await expect(piping).rejects.toMatchObject({ name: 'AbortError' });
    const settled = await outcomes;
    expect(new Set(settled.map(({ identifier }) => identifier)).size).toBe(settled.length);
    expect(settled.some(({ status }) => status === 'unknown')).toBe(true);
  });
});

describe('a source', () => {
  test('may be an async generator', async () => {
    const gateway = await startScriptedGateway();
    const sink = createBinarySink({ ...gateway.options, window: { count: 2 } });
    await pipeline(async function* () {
      for (const frame of frames(20)) {
        await null;
        yield frame;
      }
    }, sink);
    expect(sink.counts.accepted).toBe(20);
  });

  test('may be a web stream', async () => {
    const gateway = await startScriptedGateway();
    const sink = createBinarySink(gateway.options);
    await pipeline(
      new ReadableStream<Uint8Array>({
        start(controller) {
          for (const frame of frames(20)) controller.enqueue(new Uint8Array(frame));
          controller.close();
        },
      }),
      sink,
    );
    expect(sink.counts.accepted).toBe(20);
  });

  test('that fails has the frames written so far settled', async () => {
    const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
    const sink = createBinarySink(gateway.options);
    const piping = pipeline(async function* () {
      yield* frames(3);
      await until(() => gateway.peers[0]?.frames.length === 3);
      throw new Error('the source failed');
    }, sink);
    await expect(piping).rejects.toThrow('the source failed');
    expect(sink.counts.unknown).toBe(3);
  });
});

describe('a reader of outcomes', () => {
  test('that goes away does not stop the sending', async () => {
    const gateway = await startScriptedGateway();
    const sink = createBinarySink({ ...gateway.options, window: { count: 4 } });
    const piping = pipeline(Readable.from(frames(40)), sink);
    for await (const { identifier } of sink.outcomes) if (identifier === 3) break;
    await piping;
    expect(sink.counts.accepted).toBe(40);
  });

  test('that comes late gets what is settled from then on, and an end', async () => {
    const gateway = await startScriptedGateway();
    const sink = createBinarySink({ ...gateway.options, window: { count: 4 } });
    for (const frame of frames(2)) sink.write(frame);
    await until(() => sink.counts.accepted === 2);
    const outcomes = sink.outcomes.toArray();
    for (const frame of frames(2, 3)) sink.write(frame);
    sink.end();
    expect(brief(await outcomes)).toEqual(range('accepted', 3, 4));
  });

  test('that comes after the end gets an end', async () => {
    const gateway = await startScriptedGateway();
    const sink = createBinarySink(gateway.options);
    sink.end(frames(1)[0]!);
    await closed(sink);
    expect(await sink.outcomes.toArray()).toEqual([]);
  });

  test('that is slow holds back no more outcomes than the window has frames', async () => {
    const gateway = await startScriptedGateway();
    const sink = createBinarySink({ ...gateway.options, window: { count: 4 } });
    const { outcomes } = sink;
    void pipeline(Readable.from(frames(60)), sink);
    await until(() => sink.counts.accepted >= 4);
    await afterTurns(100);
    expect(sink.counts.accepted).toBe(4);
    expect(await outcomes.toArray()).toHaveLength(60);
  });
});

describe('await using', () => {
  test('gives up after pingTimeoutMs', async () => {
    const gateway = await startScriptedGateway({ onConnection: (peer) => peer.socket.pause() });
    const sink = createBinarySink({ ...gateway.options, pingTimeoutMs: 40, window: { count: 2 } });
    void sink.outcomes;
    for (const frame of frames(9)) sink.write(frame);
    await expect(sink[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'APNS_ERR_TIMEOUT' });
    expect(sink.counts.unknown + sink.counts.unsent).toBe(9);
  });

  test('may be asked for twice, and after the end', async () => {
    const gateway = await startScriptedGateway();
    const sink = createBinarySink(gateway.options);
    sink.write(frames(1)[0]!);
    await Promise.all([sink[Symbol.asyncDispose](), sink[Symbol.asyncDispose]()]);
    await sink[Symbol.asyncDispose]();
    expect(sink.counts.accepted).toBe(1);
  });
});

test('writes frame by frame through a window of one frame, and of one byte', async () => {
  for (const window of [{ count: 1 }, { bytes: 1 }]) {
    const gateway = await startScriptedGateway();
    const sink = createBinarySink({ ...gateway.options, window, connections: 16 });
    expect(brief(await send(sink, [Buffer.concat(frames(5))]))).toEqual(range('accepted', 1, 5));
    expect(gateway.identifiers().flat()).toEqual([1, 2, 3, 4, 5]);
  }
});

test('is fast to find a checkpoint for identifiers up to the highest', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink(gateway.options);
  const outcomes = await send(sink, [Buffer.concat(frames(20_000, 0xffff_ffff - 19_999))]);
  expect(outcomes.every(({ status }) => status === 'accepted')).toBe(true);
});
