/** What is said of the end of an HTTP/2 connection or stream. */
import { ApnsError, formatPeer, type Peer, shownReason, toApnsError } from '../errors.js';
import { Http2ErrorCode, http2ErrorName } from '../protocol/http2/error-code.js';
import { decodeReasonBody } from '../protocol/http2/reason.js';
import type { ResolvedHttp2Options } from './http2-options.js';

/** A wire error code as the reason of an outcome: INTERNAL_ERROR becomes StreamInternalError. */
export function resetReason(errorCode: number): string {
  const words = http2ErrorName(errorCode).toLowerCase().split('_');
  return `Stream${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`;
}

/** Why nothing more is known of what was in flight when the connection ended. */
export function lossReason(cause: ApnsError | undefined): string {
  if (cause?.code === 'APNS_ERR_TIMEOUT') return 'Timeout';
  return cause?.code === 'APNS_ERR_CLOSED' ? 'Aborted' : 'ConnectionLost';
}

/** What a GOAWAY means where nothing else explains the end of the connection. APNs puts a reason into it. */
export function farewellError(peer: Peer, errorCode: number, debugData: Buffer): ApnsError {
  const { reason } = decodeReasonBody(debugData);
  return new ApnsError(
    errorCode === Http2ErrorCode.NO_ERROR ? 'APNS_ERR_CONNECTION_LOST' : 'APNS_ERR_HTTP2_PROTOCOL',
    `${formatPeer(peer)} ended the connection: ${shownReason(reason) ?? http2ErrorName(errorCode)}`,
  );
}

/** What credentials are told that nobody takes; a clock that is wrong is the most common cause. */
export function refusedError({ target, providerToken }: ResolvedHttp2Options, reason: string): ApnsError {
  const skewMs = providerToken?.clockSkewMs;
  const clock =
    skewMs === undefined || Math.abs(skewMs) < 60_000
      ? ''
      : `; this clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'behind' : 'ahead of'} the server's`;
  return new ApnsError(
    'APNS_ERR_CREDENTIALS_REFUSED',
    `${formatPeer(target)} refuses the credentials: ${shownReason(reason) ?? 'for an unusual reason'}${clock}`,
  );
}

/** What is said of frames that break the rules, or are none: pure code knows neither the peer nor what to do. */
export function breachError(peer: Peer, error: unknown): ApnsError {
  if (!(error instanceof ApnsError)) return toApnsError(error, peer);
  const { code, message } = error;
  return new ApnsError(code, `${formatPeer(peer)}: ${message}; check host and port`, { cause: error });
}

/** Why a connection is given up that says nothing. */
export function silentError(peer: Peer, silentMs: number): ApnsError {
  return new ApnsError(
    'APNS_ERR_TIMEOUT',
    `${formatPeer(peer)} has said nothing for ${Math.round(silentMs)} ms, neither SETTINGS nor an answer to PING`,
  );
}
