/** Frames that cost work and bring nothing forward. */
import { expect, test } from 'vitest';
import type { Http2Frame } from '../../src/protocol/http2/frame.js';
import { type RawPeer, settingsFrame, startRawGateway } from '../support/http2-raw-gateway.js';
import { notifications, sendAll, statuses } from '../support/http2-sending.js';

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
