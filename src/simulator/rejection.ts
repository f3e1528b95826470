/** The HTTP/2 response to a notification that is not accepted: a status, a reason, and a body that contains the reason. */
import { type ApnsReason, REASON_STATUS } from '../core/reason.js';
import { encodeReasonBody } from '../protocol/apns/reason.js';

/** A notification, or another request, that was not accepted. */
export interface Rejection {
  /** A reason of Apple's table, or an unknown one. */
  readonly reason: string;
  readonly statusCode: number;
  /** UNIX milliseconds. */
  readonly timestamp?: number;
  /** The value of `retry-after`, in seconds. */
  readonly retryAfterSeconds?: number;
}

/** A rejection with the status that Apple's table has for its reason. */
export function rejection(reason: ApnsReason): Rejection {
  return { reason, statusCode: REASON_STATUS[reason] };
}

/** The same, with a `retry-after` if seconds are given. */
export function withRetryAfter(rejection: Rejection, seconds: number | undefined): Rejection {
  return seconds === undefined ? rejection : { ...rejection, retryAfterSeconds: seconds };
}

/**
 * The forms that the body of a rejection can be given: as it should be, or as something on the way makes
 * it. Their order is that of the argument of the token fault `strayBody`, from 0.
 */
export const BODY_KINDS = ['html', 'empty', 'huge', 'brokenJson', 'numberReason', 'json'] as const;

/** The form of a rejection's body: `json` is what APNs sends, the others are what a client must survive. */
export type BodyKind = (typeof BODY_KINDS)[number];

/** The form of Apple's examples. */
export const JSON_TYPE = 'application/json';

/** A body of 1 MiB, which all responses share. */
const HUGE_BODY = Buffer.alloc(1 << 20, 'apns-streams ');

/** The body of a rejection. */
export function rejectionBody({ reason, timestamp }: Rejection, kind: BodyKind): Buffer {
  switch (kind) {
    case 'json':
      return encodeReasonBody({ reason, ...(timestamp === undefined ? {} : { timestamp }) });
    case 'html':
      return Buffer.from(`<html><body><h1>${reason}</h1></body></html>\n`);
    case 'empty':
      return Buffer.alloc(0);
    case 'huge':
      return HUGE_BODY;
    case 'brokenJson':
      return Buffer.from(`{"reason":"${reason}`);
    case 'numberReason':
      return Buffer.from('{"reason":42,"timestamp":"now"}');
  }
}

/** The `content-type` of each form; the empty body has none. */
const CONTENT_TYPES: Readonly<Record<BodyKind, string | undefined>> = {
  html: 'text/html',
  empty: undefined,
  huge: 'text/plain',
  brokenJson: JSON_TYPE,
  numberReason: JSON_TYPE,
  json: JSON_TYPE,
};

/** The header `content-type` of the body of a rejection. */
export function contentType(kind: BodyKind): { readonly 'content-type'?: string } {
  const type = CONTENT_TYPES[kind];
  return type === undefined ? {} : { 'content-type': type };
}

const STATUS_REASONS: ReadonlyMap<number, ApnsReason> = new Map([
  [1, 'InternalServerError'],
  [2, 'MissingDeviceToken'],
  [3, 'MissingTopic'],
  [4, 'PayloadEmpty'],
  [5, 'BadDeviceToken'],
  [6, 'BadTopic'],
  [7, 'PayloadTooLarge'],
  [8, 'BadDeviceToken'],
  [10, 'Shutdown'],
]);

/**
 * What comes nearest to a status code of the binary wire. One that has no counterpart becomes a reason that
 * no table has, which clients must bear as well: 400 `StatusCode<n>`.
 */
export function rejectionOfStatusCode(statusCode: number): Rejection {
  const reason = STATUS_REASONS.get(statusCode);
  return reason === undefined ? { reason: `StatusCode${statusCode}`, statusCode: 400 } : rejection(reason);
}

/** The token fault `reason` refers to these by their index, so the order must never change. */
export const NUMBERED_REASONS: readonly ApnsReason[] = [
  'BadCertificate',
  'BadCertificateEnvironment',
  'BadEnvironmentKeyIdInToken',
  'BadEnvironmentKeyInToken',
  'ExpiredProviderToken',
  'Forbidden',
  'InvalidProviderToken',
  'MissingProviderToken',
  'UnrelatedKeyIdInToken',
  'TooManyProviderTokenUpdates',
  'ExpiredToken',
  'Unregistered',
  'DeviceTokenNotForTopic',
  'TopicDisallowed',
  'IdleTimeout',
  'InvalidPushType',
  'BadMessageId',
  'BadExpirationDate',
  'BadPriority',
  'BadCollapseId',
  'DuplicateHeaders',
  'BadPath',
  'MethodNotAllowed',
  'TooManyRequests',
  'InternalServerError',
  'ServiceUnavailable',
  'Shutdown',
];

/**
 * The rejection with that number. A number without a reason becomes 400 `Reason<n>`.
 *
 * @param now UNIX milliseconds, the timestamp of a 410 response
 */
export function rejectionOfNumber(number: number, now: number): Rejection {
  const reason = NUMBERED_REASONS[number];
  if (reason === undefined) return { reason: `Reason${number}`, statusCode: 400 };
  const rejected = rejection(reason);
  return rejected.statusCode === 410 ? { ...rejected, timestamp: now } : rejected;
}
