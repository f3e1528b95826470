/** Errors of connections to a binary gateway, and the reasons of outcomes that follow from errors. */
import { ApnsError, formatPeer, type Peer } from '../../core/errors.js';

/** The gateway closed the connection without a valid error response. */
export function lostError(peer: Peer): ApnsError {
  return new ApnsError(
    'APNS_ERR_CONNECTION_LOST',
    `${formatPeer(peer)} closed the connection without an error response that names a notification`,
  );
}

/** This side closed a connection because the gateway did not respond. */
export function timeoutError(peer: Peer, silentMs: number): ApnsError {
  return new ApnsError(
    'APNS_ERR_TIMEOUT',
    `${formatPeer(peer)} has accepted no bytes and sent no error response for ${silentMs} ms`,
  );
}

/** Status code 1: the gateway has an internal problem. */
export function processingError(peer: Peer): ApnsError {
  return new ApnsError(
    'APNS_ERR_CONNECTION_LOST',
    `${formatPeer(peer)} sent the error response ProcessingError (status code 1) and closed the connection`,
  );
}

/** Status code 128: later frames would fail in the same way. */
export function protocolError(peer: Peer): ApnsError {
  return new ApnsError(
    'APNS_ERR_GATEWAY_PROTOCOL',
    `${formatPeer(peer)} could not parse a frame (status code 128), so sending stopped: the gateway may not support frames of this command (0, 1 or 2)`,
  );
}

/** The gateway sent something other than an error response. */
export function notGatewayError(peer: Peer, cause: ApnsError): ApnsError {
  return new ApnsError(
    cause.code,
    `${formatPeer(peer)} sent bytes that are not an error response, check host and port: ${cause.message}`,
    { cause },
  );
}
