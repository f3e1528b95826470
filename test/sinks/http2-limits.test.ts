/** What a gateway allows, and changes, and takes back: what becomes of notifications meanwhile. */
import { expect, test } from 'vitest';
import { settingsFrame, startRawGateway } from '../support/http2-raw-gateway.js';
import { notifications, sendAll, statuses } from '../support/http2-sending.js';

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
  const sent = await sendAll({ ...never.options, deadlineMs: 100 }, notifications(2));
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
  const sent = await sendAll({ ...gateway.options, deadlineMs: 200 }, notifications(3));
  expect(statuses(sent)).toEqual(Array(3).fill('unsent DeadlineExceeded'));
  await gateway.closed();
  expect(gateway.peers[0]!.resets).toHaveLength(3);
});

test('gives up, unsent, what the window of the connection never lets out', async () => {
  const gateway = await startRawGateway({ settings: { initialWindowSize: 1_000_000 } });
  const sent = await sendAll(
    { ...gateway.options, deadlineMs: 200 },
    notifications(20, `"${'x'.repeat(4000)}"`),
  );
  expect(sent.counts).toMatchObject({ accepted: 16, unsent: 4 });
});

test('keeps to a bounded number of bodies that wait for a window', async () => {
  let most = 0;
  const gateway = await startRawGateway({
    settings: { initialWindowSize: 0 },
    onHeaders: (peer) => {
      most = Math.max(most, peer.requests.length - peer.resets.length);
    },
  });
  const sent = await sendAll({ ...gateway.options, deadlineMs: 300 }, notifications(3000));
  expect(sent.counts.unsent).toBe(3000);
  expect(most).toBe(1024);
});
