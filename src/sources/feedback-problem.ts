/** The error for bytes that do not come from a feedback service. */
import { ApnsError, formatPeer, type Peer } from '../core/errors.js';
import { FRAME_HEADER_BYTES, FrameType } from '../protocol/http2/frame-header.js';

/** The number of bytes that {@link notFeedbackError} checks: the header of an HTTP/2 frame (RFC 9113, section 4.1). */
export const FEEDBACK_HEAD_BYTES: number = FRAME_HEADER_BYTES;

/**
 * The error names the protocol that responded, and what to do.
 *
 * @param head the first bytes of the connection
 */
export function notFeedbackError(peer: Peer, head: Buffer): ApnsError {
  const what = protocolOf(head);
  const response = what === undefined ? 'sent a tuple without a device token' : `responded in ${what}`;
  return new ApnsError(
    'APNS_ERR_MALFORMED_PACKET',
    `${formatPeer(peer)} ${response}, so it is not a feedback service: give the host and port of the feedback service, whose usual port is 2196`,
  );
}

/** The protocol that a connection begins with, if it is known and is not that of a feedback service. */
export function protocolOf(head: Buffer): 'HTTP/2' | 'HTTP/1' | undefined {
  if (head.toString('latin1', 0, 7) === 'HTTP/1.') return 'HTTP/1';
  if (head.length < FEEDBACK_HEAD_BYTES) return undefined;
  // RFC 9113, section 3.4: a server begins with a SETTINGS frame, on stream 0, that is not an acknowledgement.
  const isSettings = head[3] === FrameType.SETTINGS && head[4] === 0 && head.readUInt32BE(5) === 0;
  return isSettings && head.readUIntBE(0, 3) % 6 === 0 ? 'HTTP/2' : undefined;
}
