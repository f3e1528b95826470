import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Http2ErrorCode, type Http2ErrorName } from '../../../src/protocol/http2/error-code.js';
import { encodeFrame, type Http2Frame } from '../../../src/protocol/http2/frame.js';
import {
  type FrameHandler,
  FrameReader,
  type FrameReaderOptions,
} from '../../../src/protocol/http2/frame-reader.js';
import { streamError } from '../../../src/protocol/http2/http2-error.js';
import { hex, thrownBy } from './bytes.js';

/** Writes down what it is told, bytes as hex. */
class Recorder implements FrameHandler {
  readonly events: unknown[][] = [];
  onHeaders(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    this.events.push(['headers', streamId, bytes.toString('hex', start, end), endStream]);
  }
  onData(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
    flow: number,
  ): void {
    this.events.push(['data', streamId, bytes.toString('hex', start, end), endStream, flow]);
  }
  onRstStream(streamId: number, errorCode: number): void {
    this.events.push(['rst', streamId, errorCode]);
  }
  onSettings(settings: object): void {
    this.events.push(['settings', settings]);
  }
  onSettingsAck(): void {
    this.events.push(['ack']);
  }
  onPing(data: Buffer, ack: boolean): void {
    this.events.push(['ping', data.toString('hex'), ack]);
  }
  onGoaway(lastStreamId: number, errorCode: number, debugData: Buffer): void {
    this.events.push(['goaway', lastStreamId, errorCode, debugData.toString()]);
  }
  onWindowUpdate(streamId: number, increment: number): void {
    this.events.push(['window', streamId, increment]);
  }
  onStreamError(error: { streamId: number; http2ErrorCode: number }): void {
    this.events.push(['stream error', error.streamId, error.http2ErrorCode]);
  }
}

const SETTINGS = encodeFrame({ type: 'SETTINGS', ack: false, settings: {} });

/** What a reader tells of these frames, after the SETTINGS that start a connection. */
function read(frames: readonly (Http2Frame | Buffer)[], options?: FrameReaderOptions): unknown[][] {
  const recorder = new Recorder();
  const reader = new FrameReader(recorder, options);
  reader.read(SETTINGS);
  reader.read(Buffer.concat(frames.map((frame) => (Buffer.isBuffer(frame) ? frame : encodeFrame(frame)))));
  reader.end();
  return recorder.events.slice(1);
}

function connectionError(name: Http2ErrorName): object {
  return { code: 'APNS_ERR_HTTP2_PROTOCOL', http2ErrorCode: Http2ErrorCode[name], streamId: 0 };
}

function headers(fields: Partial<Extract<Http2Frame, { type: 'HEADERS' }>> = {}): Http2Frame {
  return { type: 'HEADERS', streamId: 1, endStream: true, endHeaders: true, block: hex('88'), ...fields };
}

function continuation(block: Buffer, endHeaders: boolean, streamId = 1): Http2Frame {
  return { type: 'CONTINUATION', streamId, endHeaders, block };
}

/** One of everything a client may be sent. */
const CONVERSATION: readonly Http2Frame[] = [
  { type: 'SETTINGS', ack: false, settings: { maxConcurrentStreams: 1 } },
  { type: 'SETTINGS', ack: true, settings: {} },
  { type: 'WINDOW_UPDATE', streamId: 0, increment: 1 },
  headers(),
  headers({
    streamId: 3,
    endStream: false,
    padding: 4,
    priority: { exclusive: false, dependency: 1, weight: 16 },
  }),
  { type: 'DATA', streamId: 3, endStream: false, data: Buffer.from('[') },
  { type: 'DATA', streamId: 3, endStream: true, padding: 2, data: Buffer.from('{}') },
  { type: 'PRIORITY', streamId: 5, priority: { exclusive: false, dependency: 1, weight: 16 } },
  headers({ streamId: 5, endHeaders: false, block: hex('8801') }),
  continuation(hex(''), false, 5),
  continuation(hex('0203'), true, 5),
  { type: 'UNKNOWN', code: 0xbe, flags: 0xff, streamId: 0, payload: hex('00') },
  { type: 'RST_STREAM', streamId: 7, errorCode: 8 },
  { type: 'PING', ack: false, data: hex('0001020304050607') },
  { type: 'GOAWAY', lastStreamId: 5, errorCode: 0, debugData: Buffer.from('bye') },
];

const EVENTS: unknown[][] = [
  ['settings', { maxConcurrentStreams: 1 }],
  ['ack'],
  ['window', 0, 1],
  ['headers', 1, '88', true],
  ['headers', 3, '88', false],
  ['data', 3, '5b', false, 1],
  ['data', 3, '7b7d', true, 5],
  ['headers', 5, '88010203', true],
  ['rst', 7, 8],
  ['ping', '0001020304050607', false],
  ['goaway', 5, 0, 'bye'],
];

describe('a frame reader', () => {
  it('tells every frame a client may be sent, in order', () => {
    expect(read(CONVERSATION)).toEqual(EVENTS);
  });

  it('tells the same however the bytes are cut', () => {
    const bytes = Buffer.concat(CONVERSATION.map(encodeFrame));
    const cuts = fc
      .array(fc.nat(bytes.length), { maxLength: 20 })
      .map((at) => [0, ...at, bytes.length].sort((a, b) => a - b));
    fc.assert(
      fc.property(cuts, (at) => {
        const recorder = new Recorder();
        const reader = new FrameReader(recorder);
        for (let i = 1; i < at.length; i++) reader.read(bytes.subarray(at[i - 1], at[i]));
        reader.end();
        expect(recorder.events).toEqual(EVENTS);
      }),
    );
  });

  it('joins a header block that is split at every byte', () => {
    const block = Buffer.from(Array.from({ length: 300 }, (_, i) => i & 0xff));
    const pieces = Array.from({ length: 299 }, (_, i) =>
      continuation(block.subarray(i + 1, i + 2), i === 298),
    );
    expect(read([headers({ endHeaders: false, block: block.subarray(0, 1) }), ...pieces])).toEqual([
      ['headers', 1, block.toString('hex'), true],
    ]);
  });

  it('joins any number of header blocks, each within the limit', () => {
    const pieces = [headers({ endHeaders: false, block: hex('88') }), continuation(hex('01'), true)];
    const twenty = Array.from({ length: 20 }, () => pieces).flat();
    expect(read(twenty, { maxHeaderBlockBytes: 50 })).toEqual(
      twenty.slice(20).map(() => ['headers', 1, '8801', true]),
    );
  });

  it('ignores the reserved bit of stream ids', () => {
    expect(read([hex('000001 01 05 80000001 88')])).toEqual([['headers', 1, '88', true]]);
  });

  it('reports the end inside a frame', () => {
    const reader = new FrameReader(new Recorder());
    reader.read(SETTINGS.subarray(0, 5));
    expect(thrownBy(() => reader.end())).toMatchObject({ code: 'APNS_ERR_TRUNCATED_PACKET' });
  });
});

describe('the first frame', () => {
  it('may be GOAWAY', () => {
    const recorder = new Recorder();
    const goaway = encodeFrame({ type: 'GOAWAY', lastStreamId: 0, errorCode: 0, debugData: Buffer.alloc(0) });
    new FrameReader(recorder).read(goaway);
    expect(recorder.events).toEqual([['goaway', 0, 0, '']]);
  });

  it.each([
    ['the text of HTTP/1.1', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')],
    ['another frame', encodeFrame({ type: 'PING', ack: false, data: Buffer.alloc(8) })],
    ['SETTINGS on a stream', hex('000000 04 00 00000001')],
  ])('cannot be %s', (_what, bytes) => {
    expect(thrownBy(() => new FrameReader(new Recorder()).read(bytes))).toMatchObject({
      code: 'APNS_ERR_NOT_HTTP2',
    });
    const reader = new FrameReader(new Recorder());
    expect(
      thrownBy(() => {
        for (const byte of bytes) reader.read(Buffer.of(byte));
      }),
    ).toMatchObject({ code: 'APNS_ERR_NOT_HTTP2' });
  });
});

describe('a connection error is', () => {
  const open = headers({ endHeaders: false });
  it.each<[what: string, name: Http2ErrorName, frames: (Http2Frame | Buffer)[]]>([
    [
      'a frame inside a header block',
      'PROTOCOL_ERROR',
      [open, { type: 'PING', ack: false, data: Buffer.alloc(8) }],
    ],
    ['a frame of an unknown type there', 'PROTOCOL_ERROR', [open, hex('000000 be 00 00000001')]],
    [
      'DATA there',
      'PROTOCOL_ERROR',
      [open, { type: 'DATA', streamId: 1, endStream: true, data: Buffer.alloc(0) }],
    ],
    ['CONTINUATION of another stream', 'PROTOCOL_ERROR', [open, continuation(hex('88'), true, 3)]],
    ['HEADERS of the same stream', 'PROTOCOL_ERROR', [open, headers()]],
    ['CONTINUATION without HEADERS', 'PROTOCOL_ERROR', [continuation(hex('88'), true)]],
    ['CONTINUATION after the block has ended', 'PROTOCOL_ERROR', [headers(), continuation(hex('88'), true)]],
    ['HEADERS on stream 0', 'PROTOCOL_ERROR', [headers({ streamId: 0 })]],
    [
      'DATA on stream 0',
      'PROTOCOL_ERROR',
      [{ type: 'DATA', streamId: 0, endStream: true, data: Buffer.alloc(0) }],
    ],
    ['padding longer than its frame', 'PROTOCOL_ERROR', [hex('000002 01 0c 00000001 02 88')]],
    [
      'a push',
      'PROTOCOL_ERROR',
      [{ type: 'PUSH_PROMISE', streamId: 1, endHeaders: true, promisedStreamId: 2, block: hex('82') }],
    ],
    ['a malformed SETTINGS', 'FRAME_SIZE_ERROR', [hex('000005 04 00 00000000 0001000000')]],
    [
      'a frame over the limit, before its payload is there',
      'FRAME_SIZE_ERROR',
      [hex('004001 00 00 00000001')],
    ],
  ])('%s: %s', (_what, name, frames) => {
    expect(thrownBy(() => read(frames))).toMatchObject(connectionError(name));
  });

  it('CONTINUATION on stream 0, where no header block is open', () => {
    expect(thrownBy(() => read([hex('000001 09 04 00000000 88')]))).toMatchObject(
      connectionError('PROTOCOL_ERROR'),
    );
  });

  it('a frame of one byte more than the limit', () => {
    const data = (length: number) =>
      encodeFrame({ type: 'DATA', streamId: 1, endStream: true, data: Buffer.alloc(length) });
    expect(read([data(20_000)], { maxFrameBytes: 20_000 })).toMatchObject([
      ['data', 1, expect.any(String), true, 20_000],
    ]);
    expect(() => read([data(20_001)], { maxFrameBytes: 20_000 })).toThrow();
    expect(() => read([data(16_385)])).toThrow();
  });

  it('a header block of one byte more than the limit, each piece with its frame header', () => {
    const pieces = [headers({ endHeaders: false, block: hex('88') }), continuation(hex('8283'), true)];
    const bytes = 2 * 9 + 1 + 2;
    expect(read(pieces, { maxHeaderBlockBytes: bytes })).toEqual([['headers', 1, '888283', true]]);
    expect(thrownBy(() => read(pieces, { maxHeaderBlockBytes: bytes - 1 }))).toMatchObject(
      connectionError('ENHANCE_YOUR_CALM'),
    );
  });

  it('a header block over the limit', () => {
    const options = { maxHeaderBlockBytes: 100 };
    const piece = continuation(Buffer.alloc(41), false);
    expect(
      thrownBy(() => read([headers({ endHeaders: false, block: Buffer.alloc(41) }), piece, piece], options)),
    ).toMatchObject(connectionError('ENHANCE_YOUR_CALM'));
  });

  it('a header block that never ends', () => {
    const recorder = new Recorder();
    const reader = new FrameReader(recorder);
    reader.read(SETTINGS);
    reader.read(encodeFrame(headers({ endHeaders: false })));
    const empty = encodeFrame(continuation(Buffer.alloc(0), false));
    const flood = () => {
      for (let i = 0; i < 10_000; i++) reader.read(empty);
    };
    expect(thrownBy(flood)).toMatchObject(connectionError('ENHANCE_YOUR_CALM'));
  });
});

describe('a stream error', () => {
  const zero = hex('000004 08 00 00000005 00000000');

  it('of a frame is told, and the frames behind it are read', () => {
    expect(read([zero, headers()])).toEqual([
      ['stream error', 5, Http2ErrorCode.PROTOCOL_ERROR],
      ['headers', 1, '88', true],
    ]);
  });

  it('of a handler comes back to it', () => {
    const recorder = new Recorder();
    recorder.onHeaders = (streamId) => {
      throw streamError('PROTOCOL_ERROR', streamId, 'malformed');
    };
    const reader = new FrameReader(recorder);
    reader.read(Buffer.concat([SETTINGS, encodeFrame(headers()), SETTINGS]));
    expect(recorder.events.slice(1)).toEqual([
      ['stream error', 1, Http2ErrorCode.PROTOCOL_ERROR],
      ['settings', {}],
    ]);
  });

  it('is not what any other error of a handler becomes', () => {
    const recorder = new Recorder();
    recorder.onHeaders = () => {
      throw new RangeError('a mistake');
    };
    const reader = new FrameReader(recorder);
    reader.read(SETTINGS);
    expect(thrownBy(() => reader.read(encodeFrame(headers())))).toBeInstanceOf(RangeError);
  });
});

it('a conversation with bytes changed at random throws nothing but typed errors', () => {
  const bytes = Buffer.concat(CONVERSATION.map(encodeFrame));
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
      const mutant = Buffer.from(bytes);
      for (const [at, byte] of changes) mutant[at] = byte;
      try {
        const reader = new FrameReader(new Recorder());
        reader.read(mutant);
        reader.end();
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^APNS_ERR_/) });
      }
    }),
    { numRuns: 5000 },
  );
});
