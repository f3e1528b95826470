/** Frames that break the rules of HTTP/2: the stream is lost, or the connection, and nothing else. */
import { expect, test } from 'vitest';
import { encodeFrame, type Http2Frame } from '../../../src/protocol/http2/frame.js';
import {
  dataFrame,
  type Fields,
  type RawPeer,
  settingsFrame,
  startRawGateway,
} from '../../support/http2-raw-gateway.js';
import { answerFirst, notifications, sendAll, statuses, tokenOf } from '../../support/http2-sending.js';

const MALFORMED: readonly (readonly [string, (peer: RawPeer, streamId: number) => Http2Frame[]])[] = [
  ['an interim response that ends it', (peer, id) => [peer.headers(id, [[':status', '100']])]],
  [
    'trailers that do not end it',
    (peer, id) => [peer.headers(id, [[':status', '200']], false), peer.headers(id, [['x', '1']], false)],
  ],
  [
    'a duplicate :status',
    (peer, id) => [
      peer.headers(id, [
        [':status', '200'],
        [':status', '200'],
      ]),
    ],
  ],
  ['no :status', (peer, id) => [peer.headers(id, [['server', 'x']])]],
  ['a :status that is no number', (peer, id) => [peer.headers(id, [[':status', 'OK']])]],
  [
    'a :status behind a header',
    (peer, id) => [
      peer.headers(id, [
        ['date', 'x'],
        [':status', '200'],
      ]),
    ],
  ],
  [
    'a pseudo-header of requests',
    (peer, id) => [
      peer.headers(id, [
        [':status', '200'],
        [':path', '/'],
      ]),
    ],
  ],
  ['DATA before headers', (_peer, id) => [dataFrame(id, Buffer.from('x'))]],
  [
    'a header list over the limit',
    (peer, id) =>
      inPieces(
        id,
        peer.block([
          [':status', '200'],
          ['x', 'y'.repeat(20_000)],
        ]),
        16_000,
      ),
  ],
  [
    'a window beyond 2^31-1',
    (_peer, id) => [{ type: 'WINDOW_UPDATE', streamId: id, increment: 2 ** 31 - 1 }],
  ],
  ['a window update by nothing', (_peer, id) => [{ type: 'WINDOW_UPDATE', streamId: id, increment: 0 }]],
  [
    'a PRIORITY of the wrong size',
    (_peer, id) => [{ type: 'UNKNOWN', code: 2, flags: 0, streamId: id, payload: Buffer.alloc(4) }],
  ],
];

test.each(MALFORMED)('knows nothing after %s, and keeps the connection', async (_name, frames) => {
  const sent = await answerFirst((peer, { streamId }) => peer.send(...frames(peer, streamId)));
  expect(statuses(sent)).toEqual(['unknown MalformedResponse', 'accepted']);
  expect(sent.peers).toHaveLength(1);
  expect(sent.peers[0]!.resets).toHaveLength(1);
});

test('reads a header block split at every byte, and one padded to the most', async () => {
  const fields: Fields = [
    [':status', '410'],
    ['apns-id', tokenOf(7)],
    ['content-type', 'application/json'],
  ];
  const gateway = await startRawGateway({
    onRequest(peer, { streamId }) {
      const block = peer.block(fields);
      const at = (streamId - 1) / 2;
      const first: Http2Frame = {
        type: 'HEADERS',
        streamId,
        endStream: true,
        endHeaders: false,
        padding: 255,
        block: block.subarray(0, at),
      };
      if (at > block.length) peer.send(...inPieces(streamId, block, 1));
      else peer.send(first, { type: 'CONTINUATION', streamId, endHeaders: true, block: block.subarray(at) });
    },
  });
  const sent = await sendAll(gateway.options, notifications(150));
  expect(new Set(statuses(sent))).toEqual(new Set(['rejected Unknown']));
  expect(gateway.peers).toHaveLength(1);
});

test('decodes size updates of the header table, and blocks of streams it has given up', async () => {
  const gateway = await startRawGateway({
    onRequest(peer, { streamId }) {
      const add = Buffer.from('4003612d6203313233', 'hex'); // 'a-b': '123' enters the table
      const status = Buffer.from('88', 'hex');
      const update = streamId % 4 === 1 ? Buffer.from('203fe11f', 'hex') : Buffer.alloc(0); // 0, then 4096
      const known = streamId % 4 === 1 ? add : Buffer.from('be', 'hex');
      // What comes for a stream that was reset counts for the table all the same.
      const block = Buffer.concat([update, status, known]);
      if (streamId % 4 === 1) peer.reset(streamId, 7);
      peer.send({ type: 'HEADERS', streamId, endStream: true, endHeaders: true, block });
    },
    settings: { maxConcurrentStreams: 1 },
  });
  const sent = await sendAll(gateway.options, notifications(2));
  expect(sent.counts.accepted).toBe(2);
  expect(gateway.peers).toHaveLength(1);
});

const FATAL: readonly (readonly [string, number, (peer: RawPeer, streamId: number) => void])[] = [
  ['a size update over the limit', 9, block('3fe21f88')],
  ['a size update behind a field', 9, block('8820')],
  ['Huffman coding with bad padding', 9, block('8840' + '01' + '61' + '81' + '00')],
  ['an integer that overflows', 9, block('88ffffffffffffffff7f')],
  ['an index out of range', 9, block('88fe')],
  ['index 0', 9, block('80')],
  ['a string longer than its block', 9, block('8800' + '0161' + '7e')],
  [
    'a header block of 64 KiB',
    11,
    (peer, id) => peer.send(...inPieces(id, Buffer.alloc(80_000, 0x88), 16_000)),
  ],
  [
    'endless empty CONTINUATION',
    11,
    (peer, id) => {
      peer.send({
        type: 'HEADERS',
        streamId: id,
        endStream: true,
        endHeaders: false,
        block: Buffer.alloc(0),
      });
      for (let i = 0; i < 10_000; i++)
        peer.write(
          encodeFrame({ type: 'CONTINUATION', streamId: id, endHeaders: false, block: Buffer.alloc(0) }),
        );
    },
  ],
  [
    'a frame inside a header block',
    1,
    (peer, id) =>
      peer.send(
        {
          type: 'HEADERS',
          streamId: id,
          endStream: true,
          endHeaders: false,
          block: Buffer.from('88', 'hex'),
        },
        { type: 'PING', ack: false, data: Buffer.alloc(8) },
      ),
  ],
  [
    'CONTINUATION without HEADERS',
    1,
    (peer, id) => peer.send({ type: 'CONTINUATION', streamId: id, endHeaders: true, block: Buffer.alloc(0) }),
  ],
  [
    'server push',
    1,
    (peer, id) =>
      peer.send({
        type: 'PUSH_PROMISE',
        streamId: id,
        endHeaders: true,
        promisedStreamId: 2,
        block: Buffer.from('88', 'hex'),
      }),
  ],
  ['a frame over the limit', 6, (peer, id) => peer.send(dataFrame(id, Buffer.alloc(16_385)))],
  ['DATA on stream 0', 1, (peer) => peer.send(dataFrame(0, Buffer.from('x')))],
  ['HEADERS on stream 0', 1, (peer) => peer.send(peer.headers(0, [[':status', '200']]))],
  ['RST_STREAM on stream 0', 1, (peer) => peer.reset(0, 8)],
  [
    'SETTINGS on a stream',
    1,
    (peer, id) => peer.send({ type: 'UNKNOWN', code: 4, flags: 0, streamId: id, payload: Buffer.alloc(0) }),
  ],
  [
    'PING on a stream',
    1,
    (peer, id) => peer.send({ type: 'UNKNOWN', code: 6, flags: 0, streamId: id, payload: Buffer.alloc(8) }),
  ],
  [
    'GOAWAY on a stream',
    1,
    (peer, id) => peer.send({ type: 'UNKNOWN', code: 7, flags: 0, streamId: id, payload: Buffer.alloc(8) }),
  ],
  ['HEADERS on an idle stream', 1, (peer) => peer.send(peer.headers(9999, [[':status', '200']]))],
  ['HEADERS on a stream of its own', 1, (peer) => peer.send(peer.headers(2, [[':status', '200']]))],
  ['DATA on an idle stream', 1, (peer) => peer.send(dataFrame(9999, Buffer.from('x')))],
  ['RST_STREAM on an idle stream', 1, (peer) => peer.reset(9999, 8)],
  [
    'WINDOW_UPDATE on an idle stream',
    1,
    (peer) => peer.send({ type: 'WINDOW_UPDATE', streamId: 9999, increment: 1 }),
  ],
  [
    'WINDOW_UPDATE by nothing on an idle stream',
    1,
    (peer) => peer.send({ type: 'WINDOW_UPDATE', streamId: 9999, increment: 0 }),
  ],
  ['WINDOW_UPDATE by nothing', 1, (peer) => peer.send({ type: 'WINDOW_UPDATE', streamId: 0, increment: 0 })],
  [
    'a window of the connection beyond 2^31-1',
    3,
    (peer) => peer.send({ type: 'WINDOW_UPDATE', streamId: 0, increment: 2 ** 31 - 1 }),
  ],
  ['an initial window beyond 2^31-1', 3, (peer) => peer.send(settingsFrame({ initialWindowSize: 2 ** 31 }))],
  ['a frame size below the least', 1, (peer) => peer.send(settingsFrame({ maxFrameSize: 16_383 }))],
  [
    'SETTINGS that are not whole',
    6,
    (peer) => peer.send({ type: 'UNKNOWN', code: 4, flags: 0, streamId: 0, payload: Buffer.alloc(5) }),
  ],
  [
    'SETTINGS ACK with settings',
    6,
    (peer) => peer.send({ type: 'UNKNOWN', code: 4, flags: 1, streamId: 0, payload: Buffer.alloc(6) }),
  ],
  [
    'a PING of 7 bytes',
    6,
    (peer) => peer.send({ type: 'UNKNOWN', code: 6, flags: 0, streamId: 0, payload: Buffer.alloc(7) }),
  ],
  [
    'padding longer than its frame',
    1,
    (peer, id) =>
      peer.send({ type: 'UNKNOWN', code: 1, flags: 0xd, streamId: id, payload: Buffer.from('ff88', 'hex') }),
  ],
];

test.each(FATAL)('leaves a gateway that sends %s, and says why', async (_name, code, misbehave) => {
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      // The second one in flight shares the fate of the first.
      if (peer.index === 0 && peer.requests.length === 2) misbehave(peer, 1);
      else if (peer.index > 0) peer.respond(request, 200);
    },
  });
  const input = notifications(4);
  const sent = await sendAll({ ...gateway.options, highWaterMark: 2, window: { count: 2 } }, input);
  expect(statuses(sent)).toEqual([...Array(2).fill('unknown ConnectionLost'), 'accepted', 'accepted']);
  expect(gateway.peers).toHaveLength(2);
  await gateway.closed();
  expect(gateway.peers[0]!.farewells).toEqual([code]);
});

test('takes no notice of unknown frames, PRIORITY, PING and ACKs nobody asked for', async () => {
  const sent = await answerFirst((peer, request) => {
    peer.send(
      { type: 'UNKNOWN', code: 0xbb, flags: 0xff, streamId: 77, payload: Buffer.from('hello') },
      { type: 'UNKNOWN', code: 10, flags: 0, streamId: 0, payload: Buffer.from('\0\0altsvc') },
      {
        type: 'PRIORITY',
        streamId: request.streamId,
        priority: { exclusive: true, dependency: 0, weight: 256 },
      },
      { type: 'PING', ack: true, data: Buffer.from('12345678') },
      { type: 'PING', ack: false, data: Buffer.from('12345678') },
      { type: 'SETTINGS', ack: true, settings: {} },
    );
    peer.respond(request, 200);
  });
  expect(statuses(sent)).toEqual(['accepted', 'accepted']);
  expect(sent.peers).toHaveLength(1);
});

/** A header block in HEADERS and CONTINUATION of `bytes` each. */
function inPieces(streamId: number, block: Buffer, bytes: number): Http2Frame[] {
  const frames: Http2Frame[] = [];
  for (let at = 0; at < block.length; at += bytes) {
    const endHeaders = at + bytes >= block.length;
    const piece = block.subarray(at, at + bytes);
    if (at === 0) frames.push({ type: 'HEADERS', streamId, endStream: true, endHeaders, block: piece });
    else frames.push({ type: 'CONTINUATION', streamId, endHeaders, block: piece });
  }
  return frames;
}

function block(hex: string): (peer: RawPeer, streamId: number) => void {
  return (peer, streamId) =>
    peer.send({
      type: 'HEADERS',
      streamId,
      endStream: true,
      endHeaders: true,
      block: Buffer.from(hex, 'hex'),
    });
}
