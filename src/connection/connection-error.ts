/** Decides whether a failed connection is worth another attempt. */
import { ApnsError, type ApnsErrorCode, formatPeer, type Peer } from '../core/errors.js';

/** Failures that recur with every attempt until the configuration changes. */
const FATAL: ReadonlySet<ApnsErrorCode> = new Set<ApnsErrorCode>([
  'APNS_ERR_INVALID_OPTION',
  'APNS_ERR_BAD_CREDENTIALS',
  'APNS_ERR_CREDENTIALS_REFUSED',
  'APNS_ERR_WRONG_HOST',
  'APNS_ERR_UNKNOWN_AUTHORITY',
  'APNS_ERR_CERTIFICATE_EXPIRED',
  'APNS_ERR_VERIFICATION_DISABLED',
  'APNS_ERR_NOT_TLS',
  'APNS_ERR_TLS_VERSION',
  'APNS_ERR_NOT_HTTP2',
  'APNS_ERR_PROXY',
  'APNS_ERR_CLOSED',
]);

/**
 * Whether another attempt to connect is pointless. Another attempt may succeed after refused, unreachable, timed out
 * and lost connections, after a failed name resolution (the resolver may be down), and without free file descriptors.
 */
export function isFatalConnectionError(error: ApnsError): boolean {
  return FATAL.has(error.code);
}

/**
 * The error for a connection that the gateway closed right after the handshake, before it confirmed a notification, or
 * in the handshake, after it had received the client certificate. With TLS 1.3, the handshake completes on this side
 * before the gateway checks the client certificate (RFC 8446 section 4.4), so a refusal usually has this form.
 */
export function closedAfterHandshake(peer: Peer): ApnsError {
  return new ApnsError(
    'APNS_ERR_CREDENTIALS_REFUSED',
    `${formatPeer(peer)} closed the connection in or right after the TLS handshake, most likely because it refuses the client certificate or requires one: check that the credentials are the right ones for this gateway and have not been revoked`,
  );
}

/** This side closed the connection. */
export function closedError(peer: Peer, cause?: unknown): ApnsError {
  return new ApnsError('APNS_ERR_CLOSED', `this side closed the connection to ${formatPeer(peer)}`, {
    cause,
  });
}

/** An error's code as the reason of an outcome: APNS_ERR_CONNECTION_LOST becomes ConnectionLost. */
export function reasonOf({ code }: ApnsError): string {
  const words = code.slice('APNS_ERR_'.length).toLowerCase().split('_');
  return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
}
