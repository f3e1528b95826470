/** Frames that cost work and bring nothing forward. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { StreamTable } from '../../../src/engine/http2/stream-table.js';
import type { Http2Frame } from '../../../src/protocol/http2/frame.js';
import { createHttp2Sink } from '../../../src/sinks/http2-sink.js';
import { until } from '../../support/frames.js';
import { type RawPeer, settingsFrame, startRawGateway } from '../../support/http2-raw-gateway.js';
import { notifications, sendAll, statuses } from '../../support/http2-sending.js';

const FLOODS: readonly (readonly [string, Http2Frame])[] = [
  ['PING', { type: 'PING', ack: false, data: Buffer.alloc(8) }],
  ['SETTINGS', settingsFrame({})],
  ['PRIORITY', { type: 'PRIORITY', streamId: 1, priority: { exclusive: false, dependency: 0, weight: 1 } }],
  ['unknown frames', { type: 'UNKNOWN', code: 200, flags: 0, streamId: 0, payload: Buffer.alloc(1000) }],
  [
    'interim responses',
    {
      type: 'HEADERS',
      streamId: 1,
      endStream: false,
      endHeaders: true,
      block: Buffer.from('0803313033', 'hex'),
    },
  ],
];

test.each(FLOODS)('leaves a gateway that sends a flood of %s', async (_name, frame) => {
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      if (peer.index > 0) peer.respond(request, 200);
      else sendForEver(peer, Array(200).fill(frame));
    },
  });
  const sent = await sendAll(
    { ...gateway.options, highWaterMark: 1, window: { count: 1 } },
    notifications(2),
  );
  expect(statuses(sent)).toEqual(['unknown ConnectionLost', 'accepted']);
});

function sendForEver(peer: RawPeer, frames: Http2Frame[]): void {
  if (!peer.socket.writable) return;
  peer.send(...frames);
  setImmediate(sendForEver, peer, frames);
}

const goaway = (lastStreamId: number): Http2Frame => ({
  type: 'GOAWAY',
  lastStreamId,
  errorCode: 0,
  debugData: Buffer.alloc(0),
});

// With 60,000 open streams, 900 KB of these frames used to stall the event loop for more than ten seconds.
test.each([
  ['SETTINGS that move every window', (i: number) => settingsFrame({ initialWindowSize: 65_535 + (i % 2) })],
  ['GOAWAY that says the same', () => goaway(2 ** 31 - 1)],
  ['GOAWAY with falling ids', (i: number) => goaway(2 ** 31 - 1 - 2 * i)],
])('looks at the open streams once, however many frames come of %s', async (_name, frameOf) => {
  const all = vi.spyOn(StreamTable.prototype, 'all');
  onTestFinished(() => all.mockRestore());
  const gateway = await startRawGateway({
    settings: { maxConcurrentStreams: 10_000 },
    onRequest(peer) {
      if (peer.index > 0 || peer.requests.length < 500) return;
      peer.isTrusted = false;
      peer.send(...Array.from({ length: 5000 }, (_, i) => frameOf(i)));
      peer.send({ type: 'PING', ack: false, data: Buffer.from('all read') });
    },
  });
  let isRead = false;
  const sink = createHttp2Sink(gateway.options);
  onTestFinished(() => void sink.destroy());
  for (const notification of notifications(500)) sink.write(notification);
  await until(() => gateway.requests.length >= 500);
  vi.spyOn(gateway.peers[0]!, 'onPing').mockImplementation(() => {
    isRead = true;
  });
  await until(() => isRead);
  expect(all.mock.calls.length).toBeLessThanOrEqual(1);
  expect(sink.counts.unknown).toBe(0);
});
