/** Connections that are sick while others would work, and gateways on which every connection is. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Outcome } from '../../../src/core/outcome.js';
import { createBinaryDelivery } from '../../../src/deliveries/delivery.js';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import { type BinarySink, createBinarySink } from '../../../src/sinks/binary-sink.js';
import { brief, closed, frames, range, send, TOKEN, until } from '../../support/frames.js';
import { startScriptedGateway } from '../../support/scripted-gateway.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** How long a busy machine may take for what is not a matter of the deadline. */
const ALLOWANCE_MS = 1500;

async function timed<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const start = performance.now();
  const result = await work;
  return { result, ms: performance.now() - start };
}

function counted(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, reason } of outcomes) {
    const key = reason === undefined ? status : `${status} ${reason}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

describe('the first connection', () => {
  test.each([1, 2])(
    'that takes no bytes is replaced, and the rest accepted (connections: %i)',
    async (connections) => {
      const gateway = await startScriptedGateway({
        onConnection: (peer) => {
          if (peer.index === 0) peer.socket.pause();
        },
      });
      const sink = createBinarySink({ ...gateway.options, connections, pingTimeoutMs: 1500 });
      const outcomes = sink.outcomes.toArray();
      const payload = 'x'.repeat(60_000);
      for (let i = 1; i <= 400; i++) sink.write(encodeFrame({ deviceToken: TOKEN, payload, identifier: i }));
      sink.end();
      const { accepted = 0, 'unknown Timeout': unknown = 0, ...rest } = counted(await outcomes);
      expect([accepted + unknown, rest]).toEqual([400, {}]);
      // No more than its share of the window was written to the sick connection.
      expect(unknown * payload.length).toBeLessThan(17_000_000);
      expect(accepted).toBeGreaterThan(0);
      for (const peer of gateway.peers) peer.socket.resume();
    },
  );

  test('that answers no checkpoint takes nothing new, and the rest is accepted', async () => {
    const gateway = await startScriptedGateway({
      onCheckpoint: (peer, frame) => {
        if (peer.index > 0) peer.answer(2, frame.identifier!);
      },
    });
    const sink = createBinarySink({ ...gateway.options, window: { ageMs: 20 }, pingTimeoutMs: 200 });
    const outcomes = sink.outcomes.toArray();
    sink.write(Buffer.concat(frames(20)));
    await until(() => gateway.peers[0]?.frames.length === 20);
    await until(() => sink.counts.unknown === 20);
    for (const frame of frames(20, 21)) sink.write(frame);
    sink.end();
    expect(brief(await outcomes)).toEqual([...range('unknown', 1, 20), ...range('accepted', 21, 40)]);
    expect(gateway.peers.length).toBeLessThanOrEqual(3);
  });

  test('that answers ProcessingError to everything loses nothing', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => {
        if (peer.index === 0) peer.answer(1, frame.identifier!);
      },
    });
    const sink = createBinarySink({ ...gateway.options, backoff: { initialMs: 1 } });
    const outcomes = await send(sink, [Buffer.concat(frames(50))]);
    expect(counted(outcomes)).toEqual({ accepted: 50 });
    expect(sink.counts.resent).toBe(50);
  });

  test('that closes leaves what it held unknown, and resending has it accepted', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer) => {
        if (peer.index === 0 && peer.frames.length === 20) peer.close();
      },
    });
    const sink = createBinarySink({ ...gateway.options, onUnknown: 'resend', backoff: { initialMs: 1 } });
    expect(counted(await send(sink, [Buffer.concat(frames(50))]))).toEqual({ accepted: 50 });
  });
});

describe('every connection', () => {
  test('that is silent for a second at most does not end the sending, however short the deadline', async () => {
    const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
    const backoff = { initialMs: 1, maxMs: 5, attempts: 2 };
    const sink = createBinarySink({ ...gateway.options, window: { count: 4 }, pingTimeoutMs: 20, backoff });
    // Each connection gets two frames; a failed sending would leave most of them unsent.
    expect(counted(await send(sink, [Buffer.concat(frames(20))]))).toEqual({ 'unknown Timeout': 20 });
    expect(gateway.peers.length).toBeGreaterThan(3);
  });

  test('that answers ProcessingError has every outcome within the deadline, with few connections', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => peer.answer(1, frame.identifier!),
    });
    const sink = createBinarySink({ ...gateway.options, timeoutMs: 1500 });
    const { result, ms } = await timed(send(sink, [Buffer.concat(frames(300))]));
    const { 'rejected ProcessingError': rejected = 0, 'unsent DeadlineExceeded': unsent = 0 } =
      counted(result);
    expect(rejected + unsent).toBe(300);
    expect(ms).toBeLessThan(1500 + ALLOWANCE_MS);
    // Delays of 0 to 100, 200, 400, … ms: a dozen connections at the very most.
    expect(gateway.peers.length).toBeLessThanOrEqual(16);
    expect(sink.counts.resent).toBeLessThanOrEqual(2 * 300 + 8 * gateway.peers.length);
    expect(result.find(({ status }) => status === 'unsent')?.message).toContain('ProcessingError');
  });

  test('that rejects every frame has few frames written again, in proportion to the rejections', async () => {
    const resent: number[] = [];
    for (const count of [40, 160]) {
      const gateway = await startScriptedGateway({
        onFrame: (peer, frame) => peer.answer(8, frame.identifier!),
      });
      const sink = createBinarySink(gateway.options);
      expect(brief(await send(sink, [Buffer.concat(frames(count))]))).toEqual(range('rejected', 1, count));
      expect(sink.counts.resent).toBeLessThanOrEqual((2 + 4 + 8) * count);
      resent.push(sink.counts.resent);
    }
    expect(resent[1]).toBeLessThan(6 * resent[0]!);
  });

  test('that rejects every frame is not written to without a limit either when checkpoints are off', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => peer.answer(8, frame.identifier!),
    });
    const sink = createBinarySink({ ...gateway.options, checkpoint: 'never', window: { ageMs: 5000 } });
    expect(brief(await send(sink, [Buffer.concat(frames(100))]))).toEqual(range('rejected', 1, 100));
    expect(sink.counts.resent).toBeLessThanOrEqual((2 + 4 + 8) * 100);
  });

  test('that closes once it is written to is replaced after growing delays', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => {
        if (peer.index === 0) peer.answer(8, frame.identifier!);
        else peer.close();
      },
    });
    const sink = createBinarySink({
      ...gateway.options,
      onUnknown: 'resend',
      timeoutMs: 1500,
      backoff: { initialMs: 100, attempts: 1 },
    });
    const { result, ms } = await timed(send(sink, [Buffer.concat(frames(100))]));
    expect(counted(result)).toMatchObject({ 'rejected InvalidToken': 1 });
    expect(sink.counts.unknown + sink.counts.unsent).toBe(99);
    expect(ms).toBeLessThan(1500 + ALLOWANCE_MS);
    // After 0, 100, 300, 700 and 1500 ms, beside the one in reserve.
    expect(gateway.peers.length).toBeLessThanOrEqual(7);
  });

  test('that sends Shutdown without an identifier does not end the sending, and is not redialled without a delay', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const gateway = await startScriptedGateway({ onConnection: (peer) => peer.answer(10, 0) });
    const sink = createBinarySink({ ...gateway.options, timeoutMs: 1000, backoff: { attempts: 1 } });
    const outcomes = await send(sink, frames(3));
    expect(sink.counts.unknown + sink.counts.unsent).toBe(3);
    expect(outcomes.at(-1)?.reason).toMatch(/DeadlineExceeded|ConnectionLost|Shutdown/);
    expect(gateway.peers.length).toBeLessThanOrEqual(6);
  });
});

describe('a quota that has shrunk', () => {
  test('grows again with proof, so that a healthy gateway gets its usual window', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => {
        if (frame.identifier! <= 10) peer.answer(8, frame.identifier!);
      },
    });
    const sink = createBinarySink(gateway.options);
    const outcomes = await send(sink, [Buffer.concat(frames(5000))]);
    expect(counted(outcomes)).toEqual({ 'rejected InvalidToken': 10, accepted: 4990 });
    // 10 rejections, then checkpoints behind 8, 16, 32, … frames.
    expect(gateway.peers.length).toBeLessThanOrEqual(10 + 10 + 2);
  });

  test('doubles with silence where checkpoints are off', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => {
        if (frame.identifier! <= 10) peer.answer(8, frame.identifier!);
      },
    });
    const sink: BinarySink = createBinarySink({ ...gateway.options, checkpoint: 'end' });
    const { result, ms } = await timed(send(sink, [Buffer.concat(frames(300))]));
    expect(counted(result)).toEqual({ 'rejected InvalidToken': 10, accepted: 290 });
    expect(ms).toBeLessThan(5000);
  });
});

describe('onUnknown: resend', () => {
  test('leaves unknown what was unknown once and rejected later', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, frame) => {
        if (peer.index === 0 && frame.identifier === 3) peer.close();
        if (peer.index > 0 && frame.identifier! <= 2) peer.answer(8, frame.identifier!);
      },
    });
    const sink = createBinarySink({ ...gateway.options, onUnknown: 'resend', backoff: { initialMs: 1 } });
    const outcomes = await send(sink, [Buffer.concat(frames(4))]);
    expect(brief(outcomes).sort()).toEqual(['accepted:3', 'accepted:4', 'unknown:1', 'unknown:2']);
  });
});

describe('an unsent notification', () => {
  test('carries the last connection error', async () => {
    const sink = createBinarySink({ host: '127.0.0.1', port: 1, timeoutMs: 300 });
    const outcomes = await send(sink, frames(2));
    expect(outcomes[0]).toMatchObject({ status: 'unsent', reason: 'DeadlineExceeded' });
    expect(outcomes[0]?.message).toContain('127.0.0.1:1');
  });

  test('has the reason of the failure that ended the sending', async () => {
    const delivery = createBinaryDelivery({
      host: '127.0.0.1',
      port: 1,
      backoff: { initialMs: 1, attempts: 1 },
    });
    const outcomes: Outcome[] = [];
    delivery.on('data', (outcome) => outcomes.push(outcome)).on('error', () => {});
    for (let i = 0; i < 40; i++) delivery.write({ deviceToken: TOKEN, payload: '{}' });
    await closed(delivery);
    expect(counted(outcomes)).toEqual({ 'unsent ConnectionRefused': 40 });
    expect(outcomes.every(({ message }) => message?.includes('127.0.0.1:1'))).toBe(true);
  });
});

describe('an abort', () => {
  test('is the reason of everything that it ends', async () => {
    const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
    const abort = new AbortController();
    const sink = createBinarySink({ ...gateway.options, window: { count: 4 }, signal: abort.signal });
    const outcomes = sink.outcomes.toArray();
    sink.on('error', () => {});
    for (const frame of frames(6)) sink.write(frame);
    await until(() => (gateway.peers[0]?.frames.length ?? 0) > 0);
    abort.abort();
    expect(new Set((await outcomes).map(({ reason }) => reason))).toEqual(new Set(['Aborted']));
  });
});

test('a notification that is in flight again at its deadline, after a ProcessingError, is unknown', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, { identifier }) => void (peer.index === 0 && peer.answer(1, identifier!)),
    onCheckpoint: () => {},
  });
  const sink = createBinarySink({ ...gateway.options, timeoutMs: 800, pingTimeoutMs: 5000 });
  const outcomes = await send(sink, frames(1));
  expect(outcomes.map(({ status, reason, attempts }) => [status, reason, attempts])).toEqual([
    ['unknown', 'DeadlineExceeded', 2],
  ]);
});
