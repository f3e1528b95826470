/**
 * Frames around bytes that are in the slab already, as many as the peer's SETTINGS_MAX_FRAME_SIZE takes.
 *
 *     before   | 9 free | payload ………………………………………… |
 *     after    | header | piece | header | piece | header | rest |
 */
import { FRAME_HEADER_BYTES, FrameFlag, FrameType, writeFrameHeader } from './frame-header.js';

/** How many bytes {@link frameHeaderBlock} and {@link frameData} add to a payload of `length`, at most. */
export function splitBytes(length: number, maxFrameBytes: number): number {
  return FRAME_HEADER_BYTES * (1 + Math.floor(length / maxFrameBytes));
}

/**
 * Frames a header block that ends at `end` and starts behind room for a frame header at `at`: HEADERS, and
 * CONTINUATION where it is too long for one frame. RFC 9113, section 4.3.
 *
 * @returns the offset after the last frame
 */
export function frameHeaderBlock(
  slab: Uint8Array,
  at: number,
  end: number,
  streamId: number,
  endStream: boolean,
  maxFrameBytes: number,
): number {
  const length = end - at - FRAME_HEADER_BYTES;
  const flags = endStream ? FrameFlag.END_STREAM : 0;
  if (length <= maxFrameBytes) {
    writeFrameHeader(slab, at, length, FrameType.HEADERS, flags | FrameFlag.END_HEADERS, streamId);
    return end;
  }
  const after = spread(
    slab,
    at,
    length,
    maxFrameBytes,
    FrameType.CONTINUATION,
    FrameFlag.END_HEADERS,
    streamId,
  );
  writeFrameHeader(slab, at, maxFrameBytes, FrameType.HEADERS, flags, streamId);
  return after;
}

/** Frames a body likewise: one or more DATA. RFC 9113, section 6.1. @returns the offset after the last frame */
export function frameData(
  slab: Uint8Array,
  at: number,
  end: number,
  streamId: number,
  endStream: boolean,
  maxFrameBytes: number,
): number {
  const length = end - at - FRAME_HEADER_BYTES;
  const flags = endStream ? FrameFlag.END_STREAM : 0;
  if (length <= maxFrameBytes) {
    writeFrameHeader(slab, at, length, FrameType.DATA, flags, streamId);
    return end;
  }
  const after = spread(slab, at, length, maxFrameBytes, FrameType.DATA, flags, streamId);
  writeFrameHeader(slab, at, maxFrameBytes, FrameType.DATA, 0, streamId);
  return after;
}

/** Makes room for a frame header before every further piece, the last piece first, and writes it. */
function spread(
  slab: Uint8Array,
  at: number,
  length: number,
  maxFrameBytes: number,
  type: number,
  lastFlags: number,
  streamId: number,
): number {
  const last = Math.ceil(length / maxFrameBytes) - 1;
  const payload = at + FRAME_HEADER_BYTES;
  for (let piece = last; piece > 0; piece--) {
    const from = payload + piece * maxFrameBytes;
    const size = Math.min(maxFrameBytes, payload + length - from);
    const to = from + piece * FRAME_HEADER_BYTES;
    slab.copyWithin(to, from, from + size);
    writeFrameHeader(slab, to - FRAME_HEADER_BYTES, size, type, piece === last ? lastFlags : 0, streamId);
  }
  return payload + length + last * FRAME_HEADER_BYTES;
}
