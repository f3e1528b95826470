/** The pure codecs, published as `apns-streams/protocol`: bytes in, values out. No stream, socket or timer. */

export type { PushType } from '../core/notification.js';
export { type ApnsReason, REASON_STATUS, type StatusReason } from '../core/reason.js';
export type { Http2RuleContext } from '../rules/rule.js';
export { HTTP2_RULES, type LintFinding, lintNotification } from '../rules/rules.js';
export { PUSH_TYPES } from './apns/push-type.js';
export {
  decodeReasonBody,
  encodeReasonBody,
  isTemporary,
  type ReasonBody,
} from './apns/reason.js';
export {
  bodyBytes,
  type GeneralRequest,
  type NotificationRequest,
  notificationBytes,
  RequestEncoder,
  type RequestEncoderOptions,
  requestHeadersBytes,
} from './apns/request.js';
export { type ApnsResponse, ResponseDecoder, type ResponseDecoderOptions } from './apns/response.js';
export { decodeRetryAfter, encodeRetryAfter } from './apns/retry-after.js';
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
export { decodeStatusCode, encodeStatusCode, StatusCode } from './binary/status-code.js';
export { type FieldSink, HpackDecoder } from './hpack/decoder.js';
export { type FieldIndexing, HpackEncoder, type HpackEncoderOptions } from './hpack/encoder.js';
export { Http2ErrorCode, type Http2ErrorName, http2ErrorName } from './http2/error-code.js';
export {
  decodeFrame as decodeHttp2Frame,
  encodeFrame as encodeHttp2Frame,
  type Http2Frame,
} from './http2/frame.js';
export { type FrameHandler, FrameReader, type FrameReaderOptions } from './http2/frame-reader.js';
export { Http2Error } from './http2/http2-error.js';
export { type Http2Settings, SettingId } from './http2/settings.js';
export { type PacketFormat, type PacketHandler, PacketReader } from './packet-reader.js';
