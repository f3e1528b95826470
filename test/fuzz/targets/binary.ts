/** The binary wire: frames of all three commands, error responses, feedback tuples, and what cuts them. */
import { isDeepStrictEqual } from 'node:util';
import {
  decodeErrorResponse,
  ERROR_RESPONSE_FORMAT,
  encodeErrorResponse,
} from '../../../src/protocol/binary/error-response.js';
import {
  decodeFeedbackTuple,
  encodeFeedbackTuple,
  FEEDBACK_TUPLE_FORMAT,
} from '../../../src/protocol/binary/feedback-tuple.js';
import {
  decodeFrame,
  encodeFrame,
  FRAME_FORMAT,
  type Frame,
  readIdentifier,
} from '../../../src/protocol/binary/frame.js';
import { ERROR_RESPONSE_VECTORS } from '../../vectors/error-responses.js';
import { FEEDBACK_TUPLE_VECTORS } from '../../vectors/feedback-tuples.js';
import { FRAME_VECTORS } from '../../vectors/frames.js';
import { type FuzzTarget, type LengthField, thrownBy } from '../fuzz-target.js';
import { decodePackets, packetsOf } from './packets.js';

/** What a buffer with room for the longest packet, its reader and some objects of ours take. */
const OVERHEAD_BYTES = 4096;

const FRAMES: FuzzTarget = {
  name: 'frames',
  about: 'frames of the binary wire, commands 0, 1 and 2',
  golden: FRAME_VECTORS.map(({ bytes }) => bytes),
  hoards: [
    // As long as a frame may be, but for its last byte.
    Buffer.concat([Buffer.from('0200020018', 'hex'), Buffer.alloc(131_095)]),
    Buffer.concat([Buffer.from('00ffff', 'hex'), Buffer.alloc(65_536)]),
  ],
  maxHeldBytes: FRAME_FORMAT.maxBytes + OVERHEAD_BYTES,
  lengthFields: frameLengths,
  open: (tell) =>
    decodePackets(FRAME_FORMAT, (bytes, start, end) => tell(shownFrame(decodeFrame(bytes, start, end)))),
  law(input) {
    for (const packet of packetsOf(FRAME_FORMAT, input)) {
      let frame: Frame | undefined;
      thrownBy(() => {
        frame = decodeFrame(packet);
      });
      if (frame === undefined) continue;
      if (readIdentifier(packet, 0, packet.length) !== frame.identifier)
        return 'two identifiers in one frame';
      const { command, deviceToken, payload } = frame;
      if (deviceToken === undefined || payload === undefined) continue;
      const encoded = encodeFrame({ ...frame, deviceToken, payload }, command);
      // Items may stand in another order, and unknown ones among them; otherwise the bytes are the same.
      if (command !== 2 && !encoded.equals(packet)) return 'a frame is encoded to other bytes';
      if (!isDeepStrictEqual(decodeFrame(encoded), frame))
        return 'a frame is decoded, encoded and another one';
    }
    return undefined;
  },
};

const ERROR_RESPONSES: FuzzTarget = {
  name: 'error-responses',
  about: 'error responses of the binary wire',
  golden: ERROR_RESPONSE_VECTORS.map(({ bytes }) => bytes),
  maxHeldBytes: OVERHEAD_BYTES,
  open: (tell) =>
    decodePackets(ERROR_RESPONSE_FORMAT, (bytes, start) =>
      tell(JSON.stringify(decodeErrorResponse(bytes, start))),
    ),
  law: (input) =>
    packetsOf(ERROR_RESPONSE_FORMAT, input).every((packet) =>
      encodeErrorResponse(decodeErrorResponse(packet)).equals(packet),
    )
      ? undefined
      : 'an error response is encoded to other bytes',
};

const FEEDBACK_TUPLES: FuzzTarget = {
  name: 'feedback-tuples',
  about: 'feedback tuples',
  golden: FEEDBACK_TUPLE_VECTORS.map(({ bytes }) => bytes),
  hoards: [Buffer.concat([Buffer.from('00000000ffff', 'hex'), Buffer.alloc(65_534)])],
  maxHeldBytes: FEEDBACK_TUPLE_FORMAT.maxBytes + OVERHEAD_BYTES,
  lengthFields: () => [{ at: 4, bytes: 2 }],
  open: (tell) =>
    decodePackets(FEEDBACK_TUPLE_FORMAT, (bytes, start, end) =>
      tell(JSON.stringify(decodeFeedbackTuple(bytes, start, end))),
    ),
  law: (input) =>
    packetsOf(FEEDBACK_TUPLE_FORMAT, input).every((packet) =>
      encodeFeedbackTuple(decodeFeedbackTuple(packet)).equals(packet),
    )
      ? undefined
      : 'a feedback tuple is encoded to other bytes',
};

export const BINARY_TARGETS: readonly FuzzTarget[] = [FRAMES, ERROR_RESPONSES, FEEDBACK_TUPLES];

function shownFrame({ payload, ...frame }: Frame): string {
  return JSON.stringify({ ...frame, payload: payload?.toString('latin1') });
}

function frameLengths(bytes: Buffer): readonly LengthField[] {
  if (bytes[0] === 0) return [{ at: 1, bytes: 2 }];
  if (bytes[0] === 1) return [{ at: 9, bytes: 2 }];
  const fields: LengthField[] = [{ at: 1, bytes: 4 }];
  for (let at = 5; at + 3 <= bytes.length; at += 3 + bytes.readUInt16BE(at + 1)) {
    fields.push({ at: at + 1, bytes: 2 });
  }
  return fields;
}
