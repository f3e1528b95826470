/**
 * Why APNs rejects: the JSON body of every response but 200, and its reasons.
 *
 *     {"reason":"Unregistered","timestamp":1741190400000}
 *
 * Sources: Apple, "Handling notification responses from APNs", table "Values for the APNs JSON reason key",
 * and, for broadcast, "Sending channel management requests to APNs".
 */

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

/** What the body of a rejection says; what it does not say, or says in another form, is absent. */
export interface ReasonBody {
  readonly reason?: string;
  /** UNIX **milliseconds**; only with `Unregistered` and `ExpiredToken`. */
  readonly timestamp?: number;
}

/** No reason is a book; a longer one comes from something that is not APNs. */
const MAX_REASON_CHARACTERS = 256;

/** The body of a rejection, as a gateway writes it. */
export function encodeReasonBody(body: ReasonBody): Buffer {
  return Buffer.from(JSON.stringify(body));
}

/** Reads the body of a rejection. Never throws: HTML, broken JSON and nothing at all say nothing. */
export function decodeReasonBody(bytes: Buffer): ReasonBody {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return {};
  }
  if (typeof value !== 'object' || value === null) return {};
  const { reason, timestamp } = value as Record<string, unknown>;
  return {
    ...(typeof reason === 'string' && reason !== '' && reason.length <= MAX_REASON_CHARACTERS
      ? { reason }
      : {}),
    ...(Number.isSafeInteger(timestamp) && (timestamp as number) >= 0
      ? { timestamp: (timestamp as number) || 0 }
      : {}),
  };
}

/**
 * Whether the same notification may be accepted later: too many requests, and every failure of the gateway's
 * own. A connection on which the provider token changed too often keeps refusing it.
 */
export function isTemporary(statusCode: number, reason: string | undefined): boolean {
  return statusCode === 429 ? reason !== 'TooManyProviderTokenUpdates' : statusCode >= 500;
}
