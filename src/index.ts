/**
 * apns-streams: Apple push notifications as Node streams.
 *
 * Notification objects or NDJSON lines go in, binary frames go over TLS, and exactly one outcome per
 * notification comes out. The pure codecs are at `apns-streams/protocol`, the embedded gateway for tests at
 * `apns-streams/simulator`.
 */

export {
  type Channel,
  type ChannelManager,
  type ChannelManagerOptions,
  createChannelManager,
} from './channels/channel-manager.js';
export type { BackoffOptions } from './connection/backoff.js';
export type { TlsCredentialOptions } from './connection/credentials.js';
export type { ProxyOptions } from './connection/proxy.js';
export type { TargetOptions } from './connection/target.js';
export type {
  Aps,
  ApsAlert,
  ApsPayload,
  ApsSound,
  LiveActivityAlert,
  LiveActivityAps,
  LiveActivityEndAps,
  LiveActivityEventAps,
  LiveActivityStartAps,
  LiveActivityUpdateAps,
  LocalizedText,
} from './core/aps.js';
export {
  ApnsError,
  type ApnsErrorCode,
  ChannelError,
  type InvalidNotificationDetails,
  InvalidNotificationError,
} from './core/errors.js';
export type { BroadcastNotification, Notification, PushType } from './core/notification.js';
export type { DeliveryOutcome, Outcome, OutcomeCounts, OutcomeFacts, OutcomeStatus } from './core/outcome.js';
export type { ApnsReason, OutcomeReason, SendingReason, StatusReason } from './core/reason.js';
export { getSourceLine, setSourceLine } from './core/source-line.js';
export type { DuplexOf, ReadableOf, TransformOf, WritableOf } from './core/typed-stream.js';
export {
  type BinaryDeliveryOptions,
  createBinaryDelivery,
  createHttp2Delivery,
  type Delivery,
} from './deliveries/delivery.js';
export type { BinaryOptions, BinaryWindowOptions } from './engine/binary/options.js';
export type { Http2Options } from './engine/http2/options.js';
export type { SendingOptions, WindowOptions } from './engine/options.js';
export type { ErrorResponse } from './protocol/binary/error-response.js';
export type { FeedbackTuple } from './protocol/binary/feedback-tuple.js';
export type { FrameCommand } from './protocol/binary/frame.js';
export { type BinarySink, createBinarySink } from './sinks/binary-sink.js';
export { createHttp2Sink, type Http2Sink, type Http2SinkOptions } from './sinks/http2-sink.js';
export { createErrorSource, type ErrorSourceOptions } from './sources/error-source.js';
export { createFeedbackSource, type FeedbackSourceOptions } from './sources/feedback-source.js';
export { createErrorResponseDecoder } from './transforms/error-response-decoder.js';
export { createFeedbackDecoder } from './transforms/feedback-decoder.js';
export { createFrameDecoder, type FrameDecoderOptions } from './transforms/frame-decoder.js';
export { createFrameEncoder, type FrameEncoderOptions } from './transforms/frame-encoder.js';
export { createNdjsonParser, type NdjsonParserOptions } from './transforms/ndjson-parser.js';
export { createNdjsonStringifier, type NdjsonStringifierOptions } from './transforms/ndjson-stringifier.js';
export type { DecoderOptions } from './transforms/packet-decoder.js';
