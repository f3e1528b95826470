/**
 * The error response: the one packet a gateway ever sends, and the last.
 *
 *      0        1            2                    6
 *     +--------+------------+--------------------+
 *     | 0x08   | statusCode | identifier (u32)   |
 *     +--------+------------+--------------------+
 *
 * "If you send a notification that is malformed or otherwise unintelligible, APNs returns an error-response
 * packet and closes the connection. Any notifications that you sent after the malformed notification using
 * the same connection are discarded, and must be resent." — Apple, "Binary Provider API"
 */
import { ApnsError } from '../../core/errors.js';
import { MAX_UINT32 } from '../../core/notification-rules.js';
import { integerOption } from '../../core/options.js';
import type { StatusReason } from '../../core/reason.js';
import type { PacketFormat } from '../packet-reader.js';
import { decodeStatusCode } from './status-code.js';

/** The command byte of an error response. */
export const ERROR_RESPONSE_COMMAND = 8;

/** The length of an error response in bytes. */
export const ERROR_RESPONSE_BYTES = 6;

/** An error response: what a gateway sends before it closes. */
export interface ErrorResponse {
  /** 0 to 255, see `StatusCode`. */
  readonly statusCode: number;
  /** The name of the status code; `Unknown` for a code without one. */
  readonly reason: StatusReason;
  /** The notification it is about, unsigned; 0 also where the gateway does not know. */
  readonly identifier: number;
}

/** For a PacketReader: cuts error responses. */
export const ERROR_RESPONSE_FORMAT: PacketFormat = {
  name: 'error response',
  maxBytes: ERROR_RESPONSE_BYTES,
  measure(bytes, start) {
    const command = bytes[start];
    if (command !== ERROR_RESPONSE_COMMAND) {
      throw new ApnsError(
        'APNS_ERR_MALFORMED_PACKET',
        `an error response starts with command 8, got ${command}; the peer may not be a binary gateway`,
      );
    }
    return ERROR_RESPONSE_BYTES;
  },
};

/**
 * The six bytes of an error response.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION for a number that does not fit its field
 */
export function encodeErrorResponse(response: Pick<ErrorResponse, 'statusCode' | 'identifier'>): Buffer {
  const bytes = Buffer.allocUnsafe(ERROR_RESPONSE_BYTES);
  bytes[0] = ERROR_RESPONSE_COMMAND;
  bytes[1] = integerOption('statusCode', response.statusCode, { default: 0, min: 0, max: 0xff });
  bytes.writeUInt32BE(
    integerOption('identifier', response.identifier, { default: 0, min: 0, max: MAX_UINT32 }),
    2,
  );
  return bytes;
}

/**
 * The error response in the six bytes from `start`.
 *
 * @throws {ApnsError} APNS_ERR_MALFORMED_PACKET or APNS_ERR_TRUNCATED_PACKET
 */
export function decodeErrorResponse(bytes: Buffer, start = 0): ErrorResponse {
  if (bytes.length - start < ERROR_RESPONSE_BYTES) {
    throw new ApnsError(
      'APNS_ERR_TRUNCATED_PACKET',
      `an error response has 6 bytes, got ${bytes.length - start}`,
    );
  }
  ERROR_RESPONSE_FORMAT.measure(bytes, start, bytes.length);
  const statusCode = bytes[start + 1]!;
  return { statusCode, reason: decodeStatusCode(statusCode), identifier: bytes.readUInt32BE(start + 2) };
}
