/**
 * The ten frames of HTTP/2: RFC 9113, section 6. All integers big-endian; the frame header is left out here.
 *
 *     DATA           | padLength u8 if PADDED | data | padding |
 *     HEADERS        | padLength u8 if PADDED | dependency u32, weight u8 if PRIORITY | header block | padding |
 *     PRIORITY       | dependency u32 | weight u8 |
 *     RST_STREAM     | errorCode u32 |
 *     SETTINGS       | id u16 | value u32 | …                       see `settings`
 *     PUSH_PROMISE   | padLength u8 if PADDED | promised stream u32 | header block | padding |
 *     PING           | 8 bytes |
 *     GOAWAY         | last stream u32 | errorCode u32 | debug data |
 *     WINDOW_UPDATE  | increment u32 |
 *     CONTINUATION   | header block |
 *
 * The top bit of a stream id or an increment is reserved and ignored; of a dependency it says "exclusive".
 * Encoding takes whatever it is given, decoding checks what section 6 demands of each frame alone.
 */
import { ApnsError } from '../../core/errors.js';
import { readUint32, writeUint32 } from '../uint32.js';
import {
  checkStream,
  contentEnd,
  contentStart,
  PRIORITY_BYTES,
  paddingOf,
  readPriority,
  type StreamPriority,
  writePriority,
} from './frame-content.js';
import {
  FRAME_HEADER_BYTES,
  FrameFlag,
  FrameType,
  frameLength,
  frameStreamId,
  MAX_UINT31,
  writeFrameHeader,
} from './frame-header.js';
import { connectionError, type Http2Error, streamError } from './http2-error.js';
import { type Http2Settings, readSettingsPayload, writeSettingsPayload } from './settings.js';

/** One frame. `padding` is its length in bytes, without the length byte; absent when there is not even that. */
export type Http2Frame =
  | {
      readonly type: 'DATA';
      readonly streamId: number;
      readonly endStream: boolean;
      readonly padding?: number;
      readonly data: Buffer;
    }
  | {
      readonly type: 'HEADERS';
      readonly streamId: number;
      readonly endStream: boolean;
      readonly endHeaders: boolean;
      readonly padding?: number;
      readonly priority?: StreamPriority;
      readonly block: Buffer;
    }
  | { readonly type: 'PRIORITY'; readonly streamId: number; readonly priority: StreamPriority }
  | { readonly type: 'RST_STREAM'; readonly streamId: number; readonly errorCode: number }
  | { readonly type: 'SETTINGS'; readonly ack: boolean; readonly settings: Http2Settings }
  | {
      readonly type: 'PUSH_PROMISE';
      readonly streamId: number;
      readonly endHeaders: boolean;
      readonly padding?: number;
      readonly promisedStreamId: number;
      readonly block: Buffer;
    }
  | { readonly type: 'PING'; readonly ack: boolean; readonly data: Buffer }
  | {
      readonly type: 'GOAWAY';
      readonly lastStreamId: number;
      readonly errorCode: number;
      readonly debugData: Buffer;
    }
  | { readonly type: 'WINDOW_UPDATE'; readonly streamId: number; readonly increment: number }
  | {
      readonly type: 'CONTINUATION';
      readonly streamId: number;
      readonly endHeaders: boolean;
      readonly block: Buffer;
    }
  | {
      readonly type: 'UNKNOWN';
      readonly code: number;
      readonly flags: number;
      readonly streamId: number;
      readonly payload: Buffer;
    };

/** Frames without bytes of the caller's own take no more than this: six settings are the longest. */
export const SMALL_FRAME_BYTES: number = FRAME_HEADER_BYTES + 36;

/** Encodes one frame into a new buffer. */
export function encodeFrame(frame: Http2Frame): Buffer {
  const slab = Buffer.alloc(SMALL_FRAME_BYTES + 256 + (bytesOf(frame)?.length ?? 0));
  return slab.subarray(0, writeFrame(slab, 0, frame));
}

/** Writes one frame into `slab` at `at`, which has room for it. @returns the offset after it */
export function writeFrame(slab: Buffer, at: number, frame: Http2Frame): number {
  let end = at + FRAME_HEADER_BYTES;
  let type: number = FrameType.DATA;
  let flags = 0;
  let streamId = 0;
  if ('streamId' in frame) streamId = frame.streamId;
  if ('endStream' in frame && frame.endStream) flags |= FrameFlag.END_STREAM;
  if ('endHeaders' in frame && frame.endHeaders) flags |= FrameFlag.END_HEADERS;
  if ('ack' in frame && frame.ack) flags |= FrameFlag.ACK;
  if ('padding' in frame) {
    flags |= FrameFlag.PADDED;
    slab[end++] = frame.padding!;
  }
  switch (frame.type) {
    case 'DATA':
      break;
    case 'HEADERS':
      type = FrameType.HEADERS;
      if (frame.priority === undefined) break;
      flags |= FrameFlag.PRIORITY;
      end = writePriority(slab, end, frame.priority);
      break;
    case 'PRIORITY':
      type = FrameType.PRIORITY;
      end = writePriority(slab, end, frame.priority);
      break;
    case 'RST_STREAM':
      type = FrameType.RST_STREAM;
      end = writeUint32(slab, end, frame.errorCode);
      break;
    case 'SETTINGS':
      type = FrameType.SETTINGS;
      end = writeSettingsPayload(slab, end, frame.settings);
      break;
    case 'PUSH_PROMISE':
      type = FrameType.PUSH_PROMISE;
      end = writeUint32(slab, end, frame.promisedStreamId);
      break;
    case 'PING':
      type = FrameType.PING;
      break;
    case 'GOAWAY':
      type = FrameType.GOAWAY;
      end = writeUint32(slab, writeUint32(slab, end, frame.lastStreamId), frame.errorCode);
      break;
    case 'WINDOW_UPDATE':
      type = FrameType.WINDOW_UPDATE;
      end = writeUint32(slab, end, frame.increment);
      break;
    case 'CONTINUATION':
      type = FrameType.CONTINUATION;
      break;
    case 'UNKNOWN':
      type = frame.code;
      flags = frame.flags;
      break;
  }
  const bytes = bytesOf(frame);
  if (bytes !== undefined) {
    slab.set(bytes, end);
    end += bytes.length;
  }
  if ('padding' in frame) {
    slab.fill(0, end, end + frame.padding!);
    end += frame.padding!;
  }
  writeFrameHeader(slab, at, end - at - FRAME_HEADER_BYTES, type, flags, streamId);
  return end;
}

/**
 * The frame in the bytes from `start` to `end`, which must be exactly one. Its bytes are views.
 *
 * @throws {ApnsError} APNS_ERR_TRUNCATED_PACKET or APNS_ERR_MALFORMED_PACKET if it is not exactly one
 * @throws {Http2Error} if it breaks a rule that a frame can break alone
 */
export function decodeFrame(bytes: Buffer, start = 0, end: number = bytes.length): Http2Frame {
  checkLength(bytes, start, end);
  const code = bytes[start + 3]!;
  const flags = bytes[start + 4]!;
  const streamId = frameStreamId(bytes, start);
  const payload = start + FRAME_HEADER_BYTES;
  const endStream = (flags & FrameFlag.END_STREAM) !== 0;
  const endHeaders = (flags & FrameFlag.END_HEADERS) !== 0;
  const ack = (flags & FrameFlag.ACK) !== 0;
  checkStream(code, streamId);
  switch (code) {
    case FrameType.DATA: {
      const from = contentStart(code, flags, payload);
      const data = bytes.subarray(from, contentEnd(bytes, flags, payload, from, end));
      return { type: 'DATA', streamId, endStream, ...paddingOf(bytes, flags, payload), data };
    }
    case FrameType.HEADERS: {
      const from = contentStart(code, flags, payload);
      const block = bytes.subarray(from, contentEnd(bytes, flags, payload, from, end));
      const padding = paddingOf(bytes, flags, payload);
      if ((flags & FrameFlag.PRIORITY) === 0) {
        return { type: 'HEADERS', streamId, endStream, endHeaders, ...padding, block };
      }
      const priority = readPriority(bytes, from - PRIORITY_BYTES);
      return { type: 'HEADERS', streamId, endStream, endHeaders, ...padding, priority, block };
    }
    case FrameType.PRIORITY:
      if (end - payload !== PRIORITY_BYTES) {
        throw streamError('FRAME_SIZE_ERROR', streamId, `PRIORITY has 5 bytes, got ${end - payload}`);
      }
      return { type: 'PRIORITY', streamId, priority: readPriority(bytes, payload) };
    case FrameType.RST_STREAM:
      exactly(4, 'RST_STREAM', end - payload);
      return { type: 'RST_STREAM', streamId, errorCode: readUint32(bytes, payload) };
    case FrameType.SETTINGS:
      if (ack) exactly(0, 'SETTINGS with ACK', end - payload);
      return { type: 'SETTINGS', ack, settings: readSettingsPayload(bytes, payload, end) };
    case FrameType.PUSH_PROMISE: {
      const from = contentStart(code, flags, payload);
      const block = bytes.subarray(from, contentEnd(bytes, flags, payload, from, end));
      const promisedStreamId = readUint32(bytes, from - 4) & MAX_UINT31;
      const padding = paddingOf(bytes, flags, payload);
      return { type: 'PUSH_PROMISE', streamId, endHeaders, ...padding, promisedStreamId, block };
    }
    case FrameType.PING:
      exactly(8, 'PING', end - payload);
      return { type: 'PING', ack, data: bytes.subarray(payload, end) };
    case FrameType.GOAWAY: {
      if (end - payload < 8) throw wrongSize(`GOAWAY has at least 8 bytes, got ${end - payload}`);
      const lastStreamId = readUint32(bytes, payload) & MAX_UINT31;
      const errorCode = readUint32(bytes, payload + 4);
      return { type: 'GOAWAY', lastStreamId, errorCode, debugData: bytes.subarray(payload + 8, end) };
    }
    case FrameType.WINDOW_UPDATE: {
      exactly(4, 'WINDOW_UPDATE', end - payload);
      const increment = readUint32(bytes, payload) & MAX_UINT31;
      if (increment > 0) return { type: 'WINDOW_UPDATE', streamId, increment };
      if (streamId === 0) throw connectionError('PROTOCOL_ERROR', 'WINDOW_UPDATE by 0');
      throw streamError('PROTOCOL_ERROR', streamId, 'WINDOW_UPDATE by 0');
    }
    case FrameType.CONTINUATION:
      return { type: 'CONTINUATION', streamId, endHeaders, block: bytes.subarray(payload, end) };
    default:
      return { type: 'UNKNOWN', code, flags, streamId, payload: bytes.subarray(payload, end) };
  }
}

function bytesOf(frame: Http2Frame): Buffer | undefined {
  if ('data' in frame) return frame.data;
  if ('block' in frame) return frame.block;
  if ('debugData' in frame) return frame.debugData;
  return 'payload' in frame ? frame.payload : undefined;
}

function checkLength(bytes: Uint8Array, start: number, end: number): void {
  const have = end - start;
  // A truncated header is read as a length that exceeds the available bytes.
  const length = FRAME_HEADER_BYTES + frameLength(bytes, start);
  if (length > have) {
    throw new ApnsError('APNS_ERR_TRUNCATED_PACKET', `the bytes end inside an HTTP/2 frame (${have} bytes)`);
  }
  if (length === have) return;
  throw new ApnsError('APNS_ERR_MALFORMED_PACKET', `${have - length} bytes follow an HTTP/2 frame`);
}

function exactly(length: number, name: string, got: number): void {
  if (got !== length) throw wrongSize(`${name} has ${length} bytes, got ${got}`);
}

function wrongSize(problem: string): Http2Error {
  return connectionError('FRAME_SIZE_ERROR', problem);
}
