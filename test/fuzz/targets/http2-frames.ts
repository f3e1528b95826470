/** The frames of HTTP/2: one by one, and as the conversation that a client reads. */
import { isDeepStrictEqual } from 'node:util';
import { decodeFrame, encodeFrame, type Http2Frame } from '../../../src/protocol/http2/frame.js';
import { frameFormat } from '../../../src/protocol/http2/frame-header.js';
import { type FrameHandler, FrameReader } from '../../../src/protocol/http2/frame-reader.js';
import { Http2Error } from '../../../src/protocol/http2/http2-error.js';
import { type FuzzTarget, type LengthField, type Tell, thrownBy } from '../fuzz-target.js';
import { decodePackets, packetsOf } from './packets.js';

const MAX_FRAME_BYTES = 16_384;

const priority = { exclusive: true, dependency: 1, weight: 16 };
const block = Buffer.from('8801', 'hex');

/** One of everything that a client may be sent, in an order in which it may come. */
export const CONVERSATION: readonly Http2Frame[] = [
  { type: 'SETTINGS', ack: false, settings: { maxConcurrentStreams: 1, initialWindowSize: 0x7fffffff } },
  { type: 'SETTINGS', ack: true, settings: {} },
  { type: 'WINDOW_UPDATE', streamId: 0, increment: 0x7fffffff },
  { type: 'HEADERS', streamId: 1, endStream: true, endHeaders: true, block },
  { type: 'HEADERS', streamId: 3, endStream: false, endHeaders: true, padding: 4, priority, block },
  { type: 'DATA', streamId: 3, endStream: true, padding: 2, data: Buffer.from('{}') },
  { type: 'PRIORITY', streamId: 5, priority },
  { type: 'HEADERS', streamId: 5, endStream: true, endHeaders: false, block },
  { type: 'CONTINUATION', streamId: 5, endHeaders: false, block: Buffer.alloc(0) },
  { type: 'CONTINUATION', streamId: 5, endHeaders: true, block },
  { type: 'UNKNOWN', code: 0xbe, flags: 0xff, streamId: 0, payload: Buffer.from([0]) },
  { type: 'RST_STREAM', streamId: 7, errorCode: 8 },
  { type: 'PING', ack: false, data: Buffer.from('0001020304050607', 'hex') },
  { type: 'GOAWAY', lastStreamId: 5, errorCode: 0, debugData: Buffer.from('bye') },
];
const CONVERSATION_BYTES = Buffer.concat(CONVERSATION.map(encodeFrame));

const FRAMES: FuzzTarget = {
  name: 'http2-frames',
  about: 'each frame of HTTP/2 by itself',
  golden: [
    ...CONVERSATION.map(encodeFrame),
    encodeFrame({
      type: 'PUSH_PROMISE',
      streamId: 1,
      endHeaders: true,
      padding: 1,
      promisedStreamId: 2,
      block,
    }),
  ],
  hoards: [Buffer.concat([Buffer.from('004000000000000001', 'hex'), Buffer.alloc(MAX_FRAME_BYTES - 1)])],
  maxHeldBytes: 9 + MAX_FRAME_BYTES + 4096,
  lengthFields,
  open: (tell) =>
    decodePackets(frameFormat(), (bytes, start, end) => tell(JSON.stringify(decodeFrame(bytes, start, end)))),
  law(input) {
    for (const packet of packetsOf(frameFormat(), input)) {
      let frame: Http2Frame | undefined;
      thrownBy(() => {
        frame = decodeFrame(packet);
      });
      if (frame === undefined) continue;
      const encoded = encodeFrame(frame);
      if (encoded.length > packet.length) return 'a frame is encoded to more bytes';
      if (!isDeepStrictEqual(decodeFrame(encoded), frame))
        return 'a frame is decoded, encoded and another one';
    }
    return undefined;
  },
};

const READER: FuzzTarget = {
  name: 'http2-reader',
  about: 'the frames of a connection: their order, header blocks in pieces',
  golden: [CONVERSATION_BYTES],
  hoards: [
    Buffer.concat([
      encodeFrame(CONVERSATION[0]!),
      encodeFrame({ type: 'HEADERS', streamId: 1, endStream: true, endHeaders: false, block }),
      ...Array.from({ length: 6000 }, () =>
        encodeFrame({ type: 'CONTINUATION', streamId: 1, endHeaders: false, block: Buffer.from([1]) }),
      ),
    ]),
  ],
  // 65,536 for a header block, each piece counting for its frame's header; a piece of one byte is an object.
  maxHeldBytes: 1024 * 1024,
  lengthFields,
  dictionary: CONVERSATION.map(encodeFrame),
  open: (tell) => new FrameReader(tellingHandler(tell)),
};

export const HTTP2_FRAME_TARGETS: readonly FuzzTarget[] = [FRAMES, READER];

/** Writes down what a reader tells. A stream error is told, one of the connection is thrown. */
export function tellingHandler(tell: Tell): FrameHandler {
  const told =
    (name: string) =>
    (...values: readonly unknown[]): void =>
      tell(`${name} ${JSON.stringify(values)}`);
  const hex = (bytes: Buffer, start: number, end: number): string => bytes.toString('hex', start, end);
  return {
    onHeaders: (id, bytes, start, end, ends) => told('headers')(id, hex(bytes, start, end), ends),
    onData: (id, bytes, start, end, ends, flow) => told('data')(id, hex(bytes, start, end), ends, flow),
    onRstStream: told('reset'),
    onSettings: told('settings'),
    onSettingsAck: told('settings ack'),
    onPing: told('ping'),
    onGoaway: told('goaway'),
    onWindowUpdate: told('window'),
    onStreamError: (error) => {
      if (!(error instanceof Http2Error) || error.streamId === 0) throw new Error('no stream error');
      tell(`stream error ${error.streamId} ${error.message}`);
    },
  };
}

/** Of every frame its length, its flags, its stream, and what its payload begins with. */
export function lengthFields(bytes: Buffer): readonly LengthField[] {
  const fields: LengthField[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    fields.push({ at, bytes: 3 }, { at: at + 3, bytes: 1 }, { at: at + 4, bytes: 1 });
    fields.push({ at: at + 5, bytes: 4 }, { at: at + 9, bytes: 1 }, { at: at + 9, bytes: 4 });
  }
  return fields;
}
