/** What is said of the end of an HTTP/2 connection or stream. */
import { ApnsError, formatPeer, type Peer, shownReason } from '../errors.js';
import { Http2ErrorCode, http2ErrorName } from '../protocol/http2/error-code.js';
import { decodeReasonBody } from '../protocol/http2/reason.js';

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
