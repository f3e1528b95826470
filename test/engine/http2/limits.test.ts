/** What a gateway allows, and changes, and takes back: what becomes of notifications meanwhile. */
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { settledCount } from '../../../src/core/outcome.js';
import { createHttp2Sink } from '../../../src/sinks/http2-sink.js';
import { settingsFrame, startRawGateway } from '../../support/http2-raw-gateway.js';
import { notifications, sendAll, statuses } from '../../support/http2-sending.js';
import { afterTurns } from '../../support/unruly-gateway.js';

test('waits where SETTINGS allow no stream, and goes on when they do', async () => {
  const gateway = await startRawGateway({
    onConnection(peer) {
      peer.send(settingsFrame({ maxConcurrentStreams: 0 }));
      setTimeout(() => {
        expect(peer.requests).toEqual([]);
        peer.send(settingsFrame({ maxConcurrentStreams: 1 }));
      }, 50);
    },
  });
  expect((await sendAll(gateway.options, notifications(20))).counts).toMatchObject({
    accepted: 20,
    resent: 0,
  });
  const never = await startRawGateway({ settings: { maxConcurrentStreams: 0 } });
  const sent = await sendAll({ ...never.options, timeoutMs: 100 }, notifications(2));
  expect(statuses(sent)).toEqual(Array(2).fill('unsent DeadlineExceeded'));
});

test('takes 2^32-1 streams for what they are', async () => {
  const gateway = await startRawGateway({ settings: { maxConcurrentStreams: 2 ** 32 - 1 } });
  expect((await sendAll(gateway.options, notifications(200))).counts.accepted).toBe(200);
});

test('follows SETTINGS that change in the middle: streams, windows and header table', async () => {
  const steps = [
    { maxConcurrentStreams: 3, initialWindowSize: 10, headerTableSize: 0 },
    { maxConcurrentStreams: 50, initialWindowSize: 0, headerTableSize: 4096 },
    { maxConcurrentStreams: 1, initialWindowSize: 2 ** 30, headerTableSize: 64 },
    { maxConcurrentStreams: 100, initialWindowSize: 65_535, headerTableSize: 100_000 },
  ];
  let answered = 0;
  const gateway = await startRawGateway({
    settings: { maxConcurrentStreams: 5 },
    onHeaders: (peer, { streamId }) => peer.send({ type: 'WINDOW_UPDATE', streamId, increment: 1000 }),
    onRequest(peer, request) {
      if (++answered % 20 === 0) peer.send(settingsFrame(steps[(answered / 20) % steps.length]!));
      setImmediate(() => peer.respond(request, 200));
    },
  });
  const sent = await sendAll(gateway.options, notifications(400));
  expect(sent.counts).toMatchObject({ accepted: 400, resent: 0 });
});

test('gives up, unsent, what a window of zero never lets out', async () => {
  const gateway = await startRawGateway({ settings: { initialWindowSize: 0 } });
  const sent = await sendAll({ ...gateway.options, timeoutMs: 200 }, notifications(3));
  expect(statuses(sent)).toEqual(Array(3).fill('unsent DeadlineExceeded'));
  await gateway.closed();
  // On a machine that is busy they may not have been sent at all.
  const [peer] = gateway.peers;
  expect(peer!.resets).toHaveLength(peer!.requests.length);
});

test('makes notifications unsent for which no connection ever has window', async () => {
  // The delay before another connection is random, and must be longer than the deadline.
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.999);
  onTestFinished(() => random.mockRestore());
  const gateway = await startRawGateway({ settings: { initialWindowSize: 1_000_000 } });
  const sent = await sendAll(
    { ...gateway.options, timeoutMs: 1500, backoff: { initialMs: 10_000 } },
    notifications(20, `"${'x'.repeat(4000)}"`),
  );
  expect(sent.counts).toMatchObject({ accepted: 16, unsent: 4 });
  const [unsent] = sent.outcomes.filter(({ status }) => status === 'unsent');
  expect(unsent!.message).toContain('has not responded to any notification');
});

test('keeps to a bounded number of bodies that wait for a window', async () => {
  const gateway = await startRawGateway({ settings: { initialWindowSize: 0 } });
  const sink = createHttp2Sink({ ...gateway.options, highWaterMark: 3000 });
  for (const notification of notifications(3000)) sink.write(notification);
  await vi.waitFor(() => expect(gateway.requests.length).toBeGreaterThanOrEqual(1024), { timeout: 5000 });
  await afterTurns(20);
  expect(gateway.requests).toHaveLength(1024);
  sink.destroy();
  await once(sink, 'close');
  expect(sink.counts.unsent).toBe(3000);
});

test('takes only so many notifications for a gateway that stops reading', async () => {
  const gateway = await startRawGateway({
    onHeaders: ({ raw }) => void raw.pause(),
    onRequest: () => {},
  });
  const sink = createHttp2Sink({ ...gateway.options, highWaterMark: 1 });
  let taken = 0;
  sink.on('drain', write);
  function write(): void {
    const [notification] = notifications(1, `"${'x'.repeat(4000)}"`);
    do taken++;
    while (sink.write(notification!) && taken < 10_000);
  }
  write();
  await vi.waitFor(() => expect(gateway.peers[0]?.raw.isPaused()).toBe(true));
  await vi.waitFor(() => expect(sink.writableNeedDrain).toBe(true));
  expect(taken).toBeLessThan(2000);
  sink.destroy();
  await once(sink, 'close');
  expect(settledCount(sink.counts)).toBe(taken);
});
