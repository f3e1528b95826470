/**
 * Why APNs rejects: the JSON body of every response but 200.
 *
 *     {"reason":"Unregistered","timestamp":1741190400000}
 *
 * Source: Apple, "Handling notification responses from APNs".
 */

/** What the body of a rejection says; what it does not say, or says in another form, is absent. */
export interface ReasonBody {
  readonly reason?: string;
  /** UNIX **milliseconds**; only with `Unregistered` and `ExpiredToken`. */
  readonly timestamp?: number;
}

/** A longer reason does not come from APNs. */
const MAX_REASON_CHARACTERS = 256;

/** The body of a rejection, as a gateway writes it. */
export function encodeReasonBody(body: ReasonBody): Buffer {
  return Buffer.from(JSON.stringify(body));
}

/** Reads the body of a rejection. It does not throw: for HTML, invalid JSON and an empty body, all fields are absent. */
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
