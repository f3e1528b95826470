/**
 * The reasons of outcomes.
 *
 * Sources: Apple, "Handling notification responses from APNs", table "Values for the APNs JSON reason key"; for
 * broadcasts, "Sending channel management requests to APNs"; for the binary protocol, "Binary Provider API", table A-1.
 */
import type { ApnsErrorCode } from './errors.js';

/** The reasons Apple documents and the status each comes with. More are possible and pass through. */
export const REASON_STATUS = {
  BadCollapseId: 400,
  /** Most often a token of the other environment. */
  BadDeviceToken: 400,
  BadExpirationDate: 400,
  BadMessageId: 400,
  BadPriority: 400,
  BadTopic: 400,
  DeviceTokenNotForTopic: 400,
  DuplicateHeaders: 400,
  IdleTimeout: 400,
  InvalidPushType: 400,
  MissingDeviceToken: 400,
  MissingTopic: 400,
  PayloadEmpty: 400,
  TopicDisallowed: 400,
  BadCertificate: 403,
  BadCertificateEnvironment: 403,
  BadEnvironmentKeyIdInToken: 403,
  /** The same, as it has been seen on the wire. */
  BadEnvironmentKeyInToken: 403,
  /** The provider token is older than an hour, or a clock is wrong. */
  ExpiredProviderToken: 403,
  Forbidden: 403,
  InvalidProviderToken: 403,
  MissingProviderToken: 403,
  UnrelatedKeyIdInToken: 403,
  BadPath: 404,
  MethodNotAllowed: 405,
  /** With a timestamp: since when the token is not valid for the topic. */
  ExpiredToken: 410,
  /** With a timestamp: delete the token unless it was registered again after that. */
  Unregistered: 410,
  PayloadTooLarge: 413,
  /** More than one new provider token on this connection within 20 minutes. Another connection takes the same token. */
  TooManyProviderTokenUpdates: 429,
  /** Too many for this one device token. */
  TooManyRequests: 429,
  InternalServerError: 500,
  ServiceUnavailable: 503,
  Shutdown: 503,
  // Broadcast.
  BadChannelId: 400,
  ChannelNotRegistered: 400,
  MissingChannelId: 400,
  CannotCreateChannelConfig: 400,
  FeatureNotEnabled: 400,
  MissingPushType: 400,
  BadRequestParams: 400,
  BadRequestPayload: 400,
  MissingChannelQueueSize: 400,
  /** The credentials are not for the app of this one request; they may be right for all others. */
  TopicMismatch: 403,
} as const;

/** A reason Apple documents. */
export type ApnsReason = keyof typeof REASON_STATUS;

/** A reason of the binary protocol, PascalCase like the reasons of the HTTP/2 provider API. */
export type StatusReason =
  | 'NoError'
  | 'ProcessingError'
  | 'MissingDeviceToken'
  | 'MissingTopic'
  | 'MissingPayload'
  | 'InvalidTokenSize'
  | 'InvalidTopicSize'
  | 'InvalidPayloadSize'
  | 'InvalidToken'
  | 'Shutdown'
  | 'ProtocolError'
  | 'Unknown';

/** Errors that are thrown at once, or that concern something else than sending. */
type NeverEndsSending =
  | 'APNS_ERR_INVALID_OPTION'
  | 'APNS_ERR_INVALID_NOTIFICATION'
  | 'APNS_ERR_NOT_NDJSON'
  | 'APNS_ERR_CHANNEL'
  | 'APNS_ERR_CLOSED';

/** `CONNECT_TIMEOUT` as `ConnectTimeout`. */
type PascalCase<Words extends string> = Words extends `${infer Word}_${infer Rest}`
  ? `${Capitalize<Lowercase<Word>>}${PascalCase<Rest>}`
  : Capitalize<Lowercase<Words>>;

type CodeReason<Code extends string> = Code extends `APNS_ERR_${infer Words}` ? PascalCase<Words> : never;

/** The reason of an `unsent` or `unknown` outcome: an error code without `APNS_ERR_`, or a word for the end without an error. */
export type SendingReason =
  | CodeReason<Exclude<ApnsErrorCode, NeverEndsSending>>
  | 'Aborted'
  | 'DeadlineExceeded'
  | 'MalformedResponse';

/** The reason of an outcome. An editor completes the known words, and every other string is allowed. */
export type OutcomeReason = ApnsReason | StatusReason | SendingReason | (string & {});
