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
export { Http2Error } from './http2/connection-error.js';
export { Http2ErrorCode, type Http2ErrorName, http2ErrorName } from './http2/error-code.js';
export {
  decodeFrame as decodeHttp2Frame,
  encodeFrame as encodeHttp2Frame,
  type Http2Frame,
} from './http2/frame.js';
export { type FrameHandler, FrameReader, type FrameReaderOptions } from './http2/frame-reader.js';
export { type FieldSink, HpackDecoder } from './http2/hpack-decoder.js';
export { type FieldIndexing, HpackEncoder, type HpackEncoderOptions } from './http2/hpack-encoder.js';
export { PUSH_TYPES, type PushType } from './http2/push-type.js';
export {
  type ApnsReason,
  decodeReasonBody,
  encodeReasonBody,
  isTemporary,
  REASON_STATUS,
  type ReasonBody,
} from './http2/reason.js';
export {
  bodyBytes,
  type GeneralRequest,
  type NotificationRequest,
  notificationBytes,
  RequestEncoder,
  type RequestEncoderOptions,
  requestHeadersBytes,
} from './http2/request.js';
export { type ApnsResponse, ResponseDecoder, type ResponseDecoderOptions } from './http2/response.js';
export { decodeRetryAfter, encodeRetryAfter } from './http2/retry-after.js';
export type { Http2RuleContext } from './http2/rule.js';
export { HTTP2_RULES, type LintFinding, lintNotification } from './http2/rules.js';
export { type Http2Settings, SettingId } from './http2/settings.js';
export { type PacketFormat, type PacketHandler, PacketReader } from './packet-reader.js';
