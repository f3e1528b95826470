/** Every frame of RFC 9113, section 6, by hand: annotated bytes, both directions, and each frame's own errors. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Http2ErrorCode, type Http2ErrorName } from '../../../src/protocol/http2/error-code.js';
import { decodeFrame, encodeFrame, type Http2Frame, writeFrame } from '../../../src/protocol/http2/frame.js';
import { hex, thrownBy } from './bytes.js';

const VECTORS: readonly [name: string, frame: Http2Frame, bytes: string][] = [
  [
    'DATA',
    { type: 'DATA', streamId: 1, endStream: true, data: Buffer.from('{}') },
    `00 00 02      | length 2
     00            | type DATA
     01            | END_STREAM
     00 00 00 01   | stream 1
     7b 7d         | {}`,
  ],
  [
    'DATA with padding',
    { type: 'DATA', streamId: 3, endStream: false, padding: 3, data: Buffer.from('{}') },
    `00 00 06      | length 6
     00            | type DATA
     08            | PADDED
     00 00 00 03   | stream 3
     03            | pad length 3
     7b 7d         | {}
     00 00 00      | padding`,
  ],
  [
    'HEADERS',
    { type: 'HEADERS', streamId: 5, endStream: true, endHeaders: true, block: hex('88') },
    `00 00 01      | length 1
     01            | type HEADERS
     05            | END_STREAM, END_HEADERS
     00 00 00 05   | stream 5
     88            | :status: 200`,
  ],
  [
    'HEADERS with padding and priority',
    {
      type: 'HEADERS',
      streamId: 7,
      endStream: false,
      endHeaders: false,
      padding: 2,
      priority: { exclusive: true, dependency: 5, weight: 256 },
      block: hex('88'),
    },
    `00 00 09      | length 9
     01            | type HEADERS
     28            | PADDED, PRIORITY
     00 00 00 07   | stream 7
     02            | pad length 2
     80 00 00 05   | exclusive, dependency 5
     ff            | weight 256
     88            | :status: 200
     00 00         | padding`,
  ],
  [
    'PRIORITY',
    { type: 'PRIORITY', streamId: 9, priority: { exclusive: false, dependency: 7, weight: 1 } },
    `00 00 05      | length 5
     02            | type PRIORITY
     00            | no flags
     00 00 00 09   | stream 9
     00 00 00 07   | dependency 7
     00            | weight 1`,
  ],
  [
    'RST_STREAM',
    { type: 'RST_STREAM', streamId: 11, errorCode: Http2ErrorCode.REFUSED_STREAM },
    `00 00 04      | length 4
     03            | type RST_STREAM
     00            | no flags
     00 00 00 0b   | stream 11
     00 00 00 07   | REFUSED_STREAM`,
  ],
  [
    'SETTINGS',
    {
      type: 'SETTINGS',
      ack: false,
      settings: {
        headerTableSize: 4096,
        enablePush: false,
        maxConcurrentStreams: 1,
        initialWindowSize: 65_535,
        maxFrameSize: 16_384,
        maxHeaderListSize: 8000,
      },
    },
    `00 00 24            | length 36
     04                  | type SETTINGS
     00                  | no flags
     00 00 00 00         | the connection
     00 01  00 00 10 00  | HEADER_TABLE_SIZE 4096
     00 02  00 00 00 00  | ENABLE_PUSH 0
     00 03  00 00 00 01  | MAX_CONCURRENT_STREAMS 1
     00 04  00 00 ff ff  | INITIAL_WINDOW_SIZE 65535
     00 05  00 00 40 00  | MAX_FRAME_SIZE 16384
     00 06  00 00 1f 40  | MAX_HEADER_LIST_SIZE 8000`,
  ],
  [
    'SETTINGS with ACK',
    { type: 'SETTINGS', ack: true, settings: {} },
    `00 00 00      | length 0
     04            | type SETTINGS
     01            | ACK
     00 00 00 00   | the connection`,
  ],
  [
    'PUSH_PROMISE',
    {
      type: 'PUSH_PROMISE',
      streamId: 1,
      endHeaders: true,
      padding: 1,
      promisedStreamId: 2,
      block: hex('82'),
    },
    `00 00 07      | length 7
     05            | type PUSH_PROMISE
     0c            | END_HEADERS, PADDED
     00 00 00 01   | stream 1
     01            | pad length 1
     00 00 00 02   | promised stream 2
     82            | :method: GET
     00            | padding`,
  ],
  [
    'PING',
    { type: 'PING', ack: true, data: hex('0102030405060708') },
    `00 00 08                  | length 8
     06                        | type PING
     01                        | ACK
     00 00 00 00               | the connection
     01 02 03 04 05 06 07 08   | opaque data`,
  ],
  [
    'GOAWAY',
    {
      type: 'GOAWAY',
      lastStreamId: 2 ** 31 - 1,
      errorCode: Http2ErrorCode.NO_ERROR,
      debugData: Buffer.from('bye'),
    },
    `00 00 0b      | length 11
     07            | type GOAWAY
     00            | no flags
     00 00 00 00   | the connection
     7f ff ff ff   | last stream 2^31-1
     00 00 00 00   | NO_ERROR
     62 79 65      | bye`,
  ],
  [
    'WINDOW_UPDATE',
    { type: 'WINDOW_UPDATE', streamId: 0, increment: 2 ** 31 - 1 },
    `00 00 04      | length 4
     08            | type WINDOW_UPDATE
     00            | no flags
     00 00 00 00   | the connection
     7f ff ff ff   | increment 2^31-1`,
  ],
  [
    'CONTINUATION',
    { type: 'CONTINUATION', streamId: 2 ** 31 - 1, endHeaders: true, block: hex('88') },
    `00 00 01      | length 1
     09            | type CONTINUATION
     04            | END_HEADERS
     7f ff ff ff   | stream 2^31-1
     88            | :status: 200`,
  ],
  [
    'a frame of a type nobody knows',
    { type: 'UNKNOWN', code: 0x2a, flags: 0xff, streamId: 1, payload: hex('0102') },
    `00 00 02      | length 2
     2a            | type 42
     ff            | flags of its own
     00 00 00 01   | stream 1
     01 02         | payload`,
  ],
];

describe.each(VECTORS)('%s', (_name, frame, bytes) => {
  it('encodes to its bytes', () => {
    expect(encodeFrame(frame)).toEqual(hex(bytes));
  });

  it('decodes from its bytes, wherever they lie', () => {
    expect(decodeFrame(hex(bytes))).toEqual(frame);
    const chunk = Buffer.concat([Buffer.alloc(5, 0xff), hex(bytes), Buffer.alloc(5, 0xff)]);
    expect(decodeFrame(chunk, 5, chunk.length - 5)).toEqual(frame);
  });

  it('is truncated at every byte before its end, and no longer than it says', () => {
    for (let end = 0; end < hex(bytes).length; end++) {
      expect(thrownBy(() => decodeFrame(hex(bytes), 0, end))).toMatchObject({
        code: 'APNS_ERR_TRUNCATED_PACKET',
      });
    }
    const longer = Buffer.concat([hex(bytes), hex('00')]);
    expect(thrownBy(() => decodeFrame(longer))).toMatchObject({ code: 'APNS_ERR_MALFORMED_PACKET' });
  });
});

describe('a frame is refused', () => {
  it.each<[what: string, name: Http2ErrorName, streamId: number, bytes: string]>([
    ['DATA on stream 0', 'PROTOCOL_ERROR', 0, '000000 00 00 00000000'],
    ['DATA with more padding than bytes', 'PROTOCOL_ERROR', 0, '000002 00 08 00000001 02 00'],
    ['DATA padded without a pad length', 'FRAME_SIZE_ERROR', 0, '000000 00 08 00000001'],
    ['HEADERS on stream 0', 'PROTOCOL_ERROR', 0, '000001 01 05 00000000 88'],
    ['HEADERS with more padding than bytes', 'PROTOCOL_ERROR', 0, '000002 01 0c 00000001 02 88'],
    ['HEADERS shorter than its priority', 'FRAME_SIZE_ERROR', 0, '000004 01 24 00000001 00000000'],
    ['PRIORITY on stream 0', 'PROTOCOL_ERROR', 0, '000005 02 00 00000000 0000000000'],
    ['PRIORITY of 4 bytes', 'FRAME_SIZE_ERROR', 3, '000004 02 00 00000003 00000000'],
    ['RST_STREAM on stream 0', 'PROTOCOL_ERROR', 0, '000004 03 00 00000000 00000000'],
    ['RST_STREAM of 3 bytes', 'FRAME_SIZE_ERROR', 0, '000003 03 00 00000001 000000'],
    ['SETTINGS on a stream', 'PROTOCOL_ERROR', 0, '000000 04 00 00000001'],
    ['SETTINGS of 5 bytes', 'FRAME_SIZE_ERROR', 0, '000005 04 00 00000000 0001000000'],
    ['SETTINGS with ACK and a setting', 'FRAME_SIZE_ERROR', 0, '000006 04 01 00000000 000100000000'],
    ['SETTINGS with ENABLE_PUSH 2', 'PROTOCOL_ERROR', 0, '000006 04 00 00000000 000200000002'],
    ['SETTINGS with a window of 2^31', 'FLOW_CONTROL_ERROR', 0, '000006 04 00 00000000 000480000000'],
    ['SETTINGS with frames of 16383', 'PROTOCOL_ERROR', 0, '000006 04 00 00000000 000500003fff'],
    ['SETTINGS with frames of 2^24', 'PROTOCOL_ERROR', 0, '000006 04 00 00000000 000501000000'],
    ['PUSH_PROMISE on stream 0', 'PROTOCOL_ERROR', 0, '000004 05 04 00000000 00000002'],
    ['PUSH_PROMISE of 3 bytes', 'FRAME_SIZE_ERROR', 0, '000003 05 04 00000001 000000'],
    ['PING on a stream', 'PROTOCOL_ERROR', 0, '000008 06 00 00000001 0000000000000000'],
    ['PING of 7 bytes', 'FRAME_SIZE_ERROR', 0, '000007 06 00 00000000 00000000000000'],
    ['GOAWAY on a stream', 'PROTOCOL_ERROR', 0, '000008 07 00 00000001 0000000000000000'],
    ['GOAWAY of 7 bytes', 'FRAME_SIZE_ERROR', 0, '000007 07 00 00000000 00000000000000'],
    ['WINDOW_UPDATE of 5 bytes', 'FRAME_SIZE_ERROR', 0, '000005 08 00 00000000 0000000100'],
    ['WINDOW_UPDATE by 0', 'PROTOCOL_ERROR', 0, '000004 08 00 00000000 00000000'],
    ['WINDOW_UPDATE of a stream by 0', 'PROTOCOL_ERROR', 5, '000004 08 00 00000005 80000000'],
    ['CONTINUATION on stream 0', 'PROTOCOL_ERROR', 0, '000001 09 04 00000000 88'],
  ])('%s: %s', (_what, name, streamId, bytes) => {
    expect(thrownBy(() => decodeFrame(hex(bytes)))).toMatchObject({
      name: 'Http2Error',
      code: 'APNS_ERR_HTTP2_PROTOCOL',
      http2ErrorCode: Http2ErrorCode[name],
      streamId,
    });
  });
});

describe('a frame of the wrong size', () => {
  it.each([
    ['RST_STREAM', '000003 03 00 00000001 000000'],
    ['PRIORITY', '000004 02 00 00000003 00000000'],
    ['PING', '000007 06 00 00000000 00000000000000'],
    ['GOAWAY', '000007 07 00 00000000 00000000000000'],
    ['WINDOW_UPDATE', '000005 08 00 00000000 0000000100'],
    ['SETTINGS', '000005 04 00 00000000 0001000000'],
  ])('is named with the rule it breaks: %s', (type, bytes) => {
    expect(() => decodeFrame(hex(bytes))).toThrow(new RegExp(`${type}.*FRAME_SIZE_ERROR`));
  });
});

describe('a frame', () => {
  it('may lie anywhere in a slab', () => {
    const frame: Http2Frame = {
      type: 'GOAWAY',
      lastStreamId: 1,
      errorCode: 0,
      debugData: Buffer.from('bye'),
    };
    const slab = Buffer.alloc(100, 0xee);
    const end = writeFrame(slab, 10, frame);
    expect(slab.subarray(10, end)).toEqual(encodeFrame(frame));
    expect(slab.subarray(0, 10).equals(Buffer.alloc(10, 0xee))).toBe(true);
  });

  it('may be long', () => {
    const frame: Http2Frame = { type: 'DATA', streamId: 1, endStream: true, data: Buffer.alloc(16_384, 1) };
    expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
  });

  it.each([
    ['a flag of HEADERS on DATA', '000005 00 21 00000001 0102030405', { data: hex('0102030405') }],
    ['an unknown type on stream 0', '000001 0a 01 00000000 ff', { type: 'UNKNOWN', code: 10, flags: 1 }],
    [
      'the highest dependency',
      '000005 02 00 00000001 7fffffff 00',
      { priority: { exclusive: false, dependency: 2 ** 31 - 1, weight: 1 } },
    ],
    [
      'the highest exclusive dependency',
      '000005 02 00 00000001 ffffffff 00',
      { priority: { exclusive: true, dependency: 2 ** 31 - 1, weight: 1 } },
    ],
  ])('may have %s', (_what, bytes, frame) => {
    expect(decodeFrame(hex(bytes))).toMatchObject(frame);
  });
});

describe('SETTINGS', () => {
  const settings = (bytes: string) => {
    const frame = decodeFrame(hex(bytes));
    return frame.type === 'SETTINGS' ? frame.settings : undefined;
  };

  it('takes the last value of a setting that is repeated, and ignores one nobody knows', () => {
    expect(
      settings(`00 00 12 04 00 00 00 00 00
        00 03 00 00 00 01
        10 00 ff ff ff ff
        00 03 00 00 00 64`),
    ).toEqual({ maxConcurrentStreams: 100 });
  });

  it.each([
    ['push switched on', '0002 00000001', { enablePush: true }],
    ['push switched off', '0002 00000000', { enablePush: false }],
    ['the largest window', '0004 7fffffff', { initialWindowSize: 2 ** 31 - 1 }],
    ['the smallest frames', '0005 00004000', { maxFrameSize: 16_384 }],
    ['the largest frames', '0005 00ffffff', { maxFrameSize: 2 ** 24 - 1 }],
  ])('allows %s', (_what, setting, expected) => {
    expect(settings(`000006 04 00 00000000 ${setting}`)).toEqual(expected);
  });

  it.each([
    ['0', '00000000', 0],
    ['1', '00000001', 1],
    ['2^32-1', 'ffffffff', 2 ** 32 - 1],
  ])('allows %s streams', (_name, value, streams) => {
    expect(settings(`000006 04 00 00000000 0003 ${value}`)).toEqual({ maxConcurrentStreams: streams });
  });
});

describe('any frame', () => {
  const uint31 = fc.nat(2 ** 31 - 1);
  const stream = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  const uint32 = fc.nat(2 ** 32 - 1);
  const bytes = (maxLength = 200) => fc.uint8Array({ maxLength }).map((data) => Buffer.from(data));
  const flag = fc.boolean();
  const padding = fc.nat(255);
  const priority = fc.record({
    exclusive: flag,
    dependency: uint31,
    weight: fc.integer({ min: 1, max: 256 }),
  });
  const frame: fc.Arbitrary<Http2Frame> = fc.oneof(
    fc.record(
      { type: fc.constant('DATA'), streamId: stream, endStream: flag, padding, data: bytes() },
      { requiredKeys: ['type', 'streamId', 'endStream', 'data'] },
    ),
    fc.record(
      {
        type: fc.constant('HEADERS'),
        streamId: stream,
        endStream: flag,
        endHeaders: flag,
        padding,
        priority,
        block: bytes(),
      },
      { requiredKeys: ['type', 'streamId', 'endStream', 'endHeaders', 'block'] },
    ),
    fc.record({ type: fc.constant('RST_STREAM'), streamId: stream, errorCode: uint32 }),
    fc.record({
      type: fc.constant('PING'),
      ack: flag,
      data: bytes()
        .filter((b) => b.length >= 8)
        .map((b) => b.subarray(0, 8)),
    }),
    fc.record({ type: fc.constant('GOAWAY'), lastStreamId: uint31, errorCode: uint32, debugData: bytes() }),
    fc.record({ type: fc.constant('WINDOW_UPDATE'), streamId: uint31, increment: stream }),
  );

  it('returns from its bytes', () => {
    fc.assert(
      fc.property(frame, (value) => {
        expect(decodeFrame(encodeFrame(value))).toEqual({ ...value });
      }),
    );
  });

  it('with bytes changed at random throws nothing but typed errors', () => {
    const golden = fc.constantFrom(...VECTORS.map(([, , text]) => hex(text)));
    const change = fc.tuple(fc.nat(60), fc.nat(255));
    fc.assert(
      fc.property(golden, fc.array(change, { minLength: 1, maxLength: 4 }), (original, changes) => {
        const mutant = Buffer.from(original);
        for (const [at, byte] of changes) mutant[at % mutant.length] = byte;
        try {
          decodeFrame(mutant);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^APNS_ERR_/) });
        }
      }),
      { numRuns: 5000 },
    );
  });
});
