/**
 * What every HTTP/2 frame starts with: RFC 9113, section 4.1.
 *
 *      0                3        4         5                  9
 *     +----------------+--------+---------+------------------+-----------+
 *     | length (u24)   | type   | flags   | 0 | stream (u31) | payload … |
 *     +----------------+--------+---------+------------------+-----------+
 *
 * The length counts the payload only.
 */

import { ApnsError } from '../../core/errors.js';
import type { PacketFormat } from '../packet-reader.js';
import { readUint32, writeUint32 } from '../uint32.js';
import { connectionError } from './http2-error.js';

/** The types of frames. RFC 9113, section 6. Frames of other types are ignored. */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** The flags of frames. The module `frame` defines which frame has which flag. */
export const FrameFlag = {
  /** SETTINGS and PING. */
  ACK: 0x1,
  /** DATA and HEADERS. */
  END_STREAM: 0x1,
  /** HEADERS, PUSH_PROMISE and CONTINUATION. */
  END_HEADERS: 0x4,
  /** DATA, HEADERS and PUSH_PROMISE. */
  PADDED: 0x8,
  /** HEADERS. */
  PRIORITY: 0x20,
} as const;

/** The length of a frame header in bytes. */
export const FRAME_HEADER_BYTES = 9;

/** The initial value of SETTINGS_MAX_FRAME_SIZE, and its minimum. */
export const DEFAULT_MAX_FRAME_BYTES = 16_384;

/** The last stream id, and the largest window. */
export const MAX_UINT31 = 0x7fff_ffff;

/** The bytes that a client sends before its SETTINGS frame: RFC 9113, section 3.4. */
export const CLIENT_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Writes a frame header. @returns the offset after it, where the payload starts */
export function writeFrameHeader(
  slab: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  slab[at] = length >>> 16;
  slab[at + 1] = length >>> 8;
  slab[at + 2] = length;
  slab[at + 3] = type;
  slab[at + 4] = flags;
  return writeUint32(slab, at + 5, streamId);
}

/** The length of the payload of the frame at `start`. */
export function frameLength(bytes: Uint8Array, start: number): number {
  return (bytes[start]! << 16) | (bytes[start + 1]! << 8) | bytes[start + 2]!;
}

/** The stream id of the frame at `start`; the reserved bit is ignored. */
export function frameStreamId(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start + 5) & MAX_UINT31;
}

/**
 * For a PacketReader: cuts frames, refusing one whose payload is longer than our SETTINGS_MAX_FRAME_SIZE
 * as soon as its length is known.
 */
export function frameFormat(maxFrameBytes: number = DEFAULT_MAX_FRAME_BYTES): PacketFormat {
  return {
    name: 'HTTP/2 frame',
    maxBytes: FRAME_HEADER_BYTES + maxFrameBytes,
    measure(bytes, start, end) {
      if (end - start < FRAME_HEADER_BYTES) return 0;
      const length = frameLength(bytes, start);
      if (length > maxFrameBytes) {
        throw connectionError('FRAME_SIZE_ERROR', `a frame of ${length} bytes exceeds ${maxFrameBytes}`);
      }
      return FRAME_HEADER_BYTES + length;
    },
  };
}

/**
 * Checks the header of a connection's first frame, which must be SETTINGS. GOAWAY is let through as well:
 * some gateways send GOAWAY before SETTINGS (pushy#831).
 *
 * @returns whether enough bytes were there to check
 * @throws {ApnsError} APNS_ERR_NOT_HTTP2 for anything else, such as the text of an HTTP/1.1 answer
 */
export function checkFirstFrame(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < FRAME_HEADER_BYTES) return false;
  const type = bytes[start + 3];
  if (frameStreamId(bytes, start) === 0 && (type === FrameType.SETTINGS || type === FrameType.GOAWAY)) {
    return true;
  }
  throw new ApnsError(
    'APNS_ERR_NOT_HTTP2',
    'the peer does not speak HTTP/2: its first bytes are not a SETTINGS frame',
  );
}
