/** The pure codecs, published as `apns-streams/protocol`: bytes in, values out. No stream, socket or timer. */
export {
  decodeErrorResponse,
  ERROR_RESPONSE_BYTES,
  ERROR_RESPONSE_COMMAND,
  ERROR_RESPONSE_FORMAT,
  type ErrorResponse,
  encodeErrorResponse,
} from './binary/error-response.js';
export {
  decodeFeedbackTuple,
  encodeFeedbackTuple,
  FEEDBACK_TUPLE_FORMAT,
  type FeedbackTuple,
} from './binary/feedback-tuple.js';
export {
  decodeFrame,
  encodeFrame,
  FRAME_FORMAT,
  type Frame,
  type FrameCommand,
  type FrameFields,
  FrameItem,
  MAX_PAYLOAD_BYTES,
} from './binary/frame.js';
export { decodeStatusCode, encodeStatusCode, StatusCode, type StatusReason } from './binary/status-code.js';
export { type PacketFormat, type PacketHandler, PacketReader } from './packet-reader.js';
