/** What ends a connection to a binary gateway, as errors, and errors as the reasons of outcomes. */
import { ApnsError, formatPeer, type Peer } from '../../core/errors.js';

/** The gateway is gone and has said nothing of use. */
export function lostError(peer: Peer): ApnsError {
  return new ApnsError(
    'APNS_ERR_CONNECTION_LOST',
    `${formatPeer(peer)} closed the connection without an answer that names a notification`,
  );
}

/** This side gave a connection up for its silence. */
export function timeoutError(peer: Peer, silentMs: number): ApnsError {
  return new ApnsError(
    'APNS_ERR_TIMEOUT',
    `${formatPeer(peer)} has neither taken bytes nor answered for ${silentMs} ms`,
  );
}

/** Status code 1: the gateway has an internal problem. */
export function processingError(peer: Peer): ApnsError {
  return new ApnsError(
    'APNS_ERR_CONNECTION_LOST',
    `${formatPeer(peer)} answered ProcessingError (status code 1) and closed the connection`,
  );
}

/** Status code 128: whatever was sent next would fare the same. */
export function protocolError(peer: Peer): ApnsError {
  return new ApnsError(
    'APNS_ERR_GATEWAY_PROTOCOL',
    `${formatPeer(peer)} could not parse what was sent (status code 128), so sending stopped: it may not know the command of the frames, try another`,
  );
}

/** What came is no error response, which is all that a gateway ever says. */
export function notGatewayError(peer: Peer, cause: ApnsError): ApnsError {
  return new ApnsError(
    cause.code,
    `${formatPeer(peer)} sent what no binary gateway sends, check host and port: ${cause.message}`,
    { cause },
  );
}

/** This side closed a connection while frames were on it. */
export function closedError(peer: Peer): ApnsError {
  return new ApnsError('APNS_ERR_CLOSED', `the connection to ${formatPeer(peer)} was given up`);
}
