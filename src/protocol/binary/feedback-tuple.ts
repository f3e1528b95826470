/**
 * The feedback tuple: a device token that is no longer valid, and since when.
 *
 *      0                 4             6                      6 + tokenLength
 *     +-----------------+-------------+----------------------+
 *     | timestamp (u32) | tokenLength | device token         |
 *     +-----------------+-------------+----------------------+
 *
 * "The feedback service's binary data format … begins transmitting immediately when you connect; you do not
 * need to send any command." — Apple, "Binary Provider API", "The Feedback Service". The token's length is
 * a field: nothing here assumes 32 bytes.
 */
import { ApnsError, invalidOption } from '../../core/errors.js';
import { MAX_UINT32 } from '../../core/notification-rules.js';
import { integerOption } from '../../core/options.js';
import type { PacketFormat } from '../packet-reader.js';

/** A device token that is no longer valid, as the feedback service lists it. */
export interface FeedbackTuple {
  /** UNIX seconds at which the app was found to be gone. Keep a token that was registered later. */
  readonly timestamp: number;
  /** Hex, lower case. */
  readonly deviceToken: string;
}

const HEADER_BYTES = 6;

/** The maximum of the 16-bit token length. */
const MAX_TOKEN_BYTES = 0xffff;

/** For a PacketReader: cuts feedback tuples. A 16-bit length bounds them by itself. */
export const FEEDBACK_TUPLE_FORMAT: PacketFormat = {
  name: 'feedback tuple',
  maxBytes: HEADER_BYTES + MAX_TOKEN_BYTES,
  measure(bytes, start, end) {
    if (end - start < HEADER_BYTES) return 0;
    return HEADER_BYTES + ((bytes[start + 4]! << 8) | bytes[start + 5]!);
  },
};

/**
 * The bytes of a feedback tuple.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION for a token that is not hex or has more than 65535 bytes, or a
 *   timestamp that does not fit its field
 */
export function encodeFeedbackTuple({ timestamp, deviceToken }: FeedbackTuple): Buffer {
  const token = Buffer.from(deviceToken, 'hex');
  if (token.length * 2 !== deviceToken.length || token.length > MAX_TOKEN_BYTES) {
    throw invalidOption(
      'deviceToken',
      `an even number of hex digits for up to ${MAX_TOKEN_BYTES} bytes`,
      deviceToken,
    );
  }
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + token.length);
  bytes.writeUInt32BE(integerOption('timestamp', timestamp, { default: 0, min: 0, max: MAX_UINT32 }), 0);
  bytes.writeUInt16BE(token.length, 4);
  token.copy(bytes, HEADER_BYTES);
  return bytes;
}

/**
 * The feedback tuple that starts at `start`.
 *
 * @throws {ApnsError} APNS_ERR_TRUNCATED_PACKET if it does not end by `end`
 */
export function decodeFeedbackTuple(bytes: Buffer, start = 0, end: number = bytes.length): FeedbackTuple {
  const length = FEEDBACK_TUPLE_FORMAT.measure(bytes, start, end);
  if (length === 0 || start + length > end) {
    throw new ApnsError(
      'APNS_ERR_TRUNCATED_PACKET',
      `the bytes end inside a feedback tuple (${end - start} bytes)`,
    );
  }
  return {
    timestamp: bytes.readUInt32BE(start),
    deviceToken: bytes.toString('hex', start + HEADER_BYTES, start + length),
  };
}
