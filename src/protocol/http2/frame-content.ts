/**
 * What several frames share: on which streams they may be, their padding, and their priority fields.
 *
 *     | padLength u8 if PADDED | exclusive u1, dependency u31, weight u8 if PRIORITY | content | padding |
 *
 * RFC 9113, sections 6.1 to 6.3.
 */

import { readUint32, writeUint32 } from '../uint32.js';
import { FrameFlag, FrameType, MAX_UINT31 } from './frame-header.js';
import { connectionError } from './http2-error.js';

/** Obsolete since RFC 9113, section 5.3.2, and still on the wire. */
export interface StreamPriority {
  readonly exclusive: boolean;
  readonly dependency: number;
  /** 1 to 256. */
  readonly weight: number;
}

/** Bytes of the priority fields of HEADERS and PRIORITY. */
export const PRIORITY_BYTES = 5;

/**
 * Checks that a frame is on a stream, or on the connection, as its type demands.
 *
 * @throws {Http2Error} PROTOCOL_ERROR
 */
export function checkStream(type: number, streamId: number): void {
  switch (type) {
    case FrameType.SETTINGS:
    case FrameType.PING:
    case FrameType.GOAWAY:
      if (streamId === 0) return;
      throw connectionError('PROTOCOL_ERROR', `a frame of type ${type} belongs to stream 0, got ${streamId}`);
    case FrameType.WINDOW_UPDATE:
      return;
    default:
      if (streamId !== 0 || type > FrameType.CONTINUATION) return;
      throw connectionError('PROTOCOL_ERROR', `a frame of type ${type} cannot be on stream 0`);
  }
}

/** The start of the data or the header block of DATA, HEADERS or PUSH_PROMISE, from the start of the payload. */
export function contentStart(type: number, flags: number, payload: number): number {
  let at = payload;
  if ((flags & FrameFlag.PADDED) !== 0) at += 1;
  if (type === FrameType.HEADERS && (flags & FrameFlag.PRIORITY) !== 0) at += PRIORITY_BYTES;
  else if (type === FrameType.PUSH_PROMISE) at += 4;
  return at;
}

/**
 * Where it ends, which is before the padding.
 *
 * @throws {Http2Error} PROTOCOL_ERROR for padding that is longer than what is there: section 6.1
 */
export function contentEnd(
  bytes: Uint8Array,
  flags: number,
  payload: number,
  from: number,
  end: number,
): number {
  if (from > end) throw connectionError('FRAME_SIZE_ERROR', 'a frame ends before its content starts');
  if ((flags & FrameFlag.PADDED) === 0) return end;
  const to = end - bytes[payload]!;
  if (to < from) throw connectionError('PROTOCOL_ERROR', 'the padding of a frame is longer than the frame');
  return to;
}

/** Writes priority fields. @returns the offset after them */
export function writePriority(slab: Uint8Array, at: number, priority: StreamPriority): number {
  const end = writeUint32(slab, at, priority.dependency);
  if (priority.exclusive) slab[at]! |= 0x80;
  slab[end] = priority.weight - 1;
  return end + 1;
}

/** Reads the priority fields at `at`. */
export function readPriority(bytes: Uint8Array, at: number): StreamPriority {
  const dependency = readUint32(bytes, at);
  return {
    exclusive: dependency > MAX_UINT31,
    dependency: dependency & MAX_UINT31,
    weight: bytes[at + 4]! + 1,
  };
}

/** The length of the padding, as the field of a frame that has one. */
export function paddingOf(bytes: Uint8Array, flags: number, payload: number): { padding?: number } {
  return (flags & FrameFlag.PADDED) === 0 ? {} : { padding: bytes[payload]! };
}
