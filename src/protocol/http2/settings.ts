/**
 * The payload of SETTINGS: RFC 9113, section 6.5.
 *
 *      0                2                  6
 *     +----------------+------------------+
 *     | id (u16)       | value (u32)      |      any number of times, in any order
 *     +----------------+------------------+
 */

import { readUint32, writeUint32 } from '../uint32.js';
import { DEFAULT_MAX_FRAME_BYTES, MAX_UINT31 } from './frame-header.js';
import { connectionError } from './http2-error.js';

/** The ids of the settings. RFC 9113, section 6.5.2. Others are ignored. */
export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const;

/** The settings in one frame; other settings keep their values. */
export interface Http2Settings {
  /** Bytes of the table that the other side's encoder may use. Initially 4096. */
  readonly headerTableSize?: number;
  /** Initially true. */
  readonly enablePush?: boolean;
  /** Streams the other side may open at a time. Initially unlimited. */
  readonly maxConcurrentStreams?: number;
  /** Bytes of DATA a new stream may receive, up to 2^31-1; a change moves every open stream's window. Initially 65,535. */
  readonly initialWindowSize?: number;
  /** Bytes of payload the other side may put into a frame, 16,384 to 2^24-1. Initially 16,384. */
  readonly maxFrameSize?: number;
  /** Advice: bytes of a header list as HPACK counts them. Initially unlimited. */
  readonly maxHeaderListSize?: number;
}

/** The length of one setting in bytes. */
const SETTING_BYTES = 6;

const MAX_MAX_FRAME_BYTES = 0xff_ffff;

/** Writes the settings that are there; six bytes each. @returns the offset after them */
export function writeSettingsPayload(slab: Uint8Array, at: number, settings: Http2Settings): number {
  const { enablePush } = settings;
  at = writeSetting(slab, at, SettingId.HEADER_TABLE_SIZE, settings.headerTableSize);
  at = writeSetting(
    slab,
    at,
    SettingId.ENABLE_PUSH,
    enablePush === undefined ? undefined : Number(enablePush),
  );
  at = writeSetting(slab, at, SettingId.MAX_CONCURRENT_STREAMS, settings.maxConcurrentStreams);
  at = writeSetting(slab, at, SettingId.INITIAL_WINDOW_SIZE, settings.initialWindowSize);
  at = writeSetting(slab, at, SettingId.MAX_FRAME_SIZE, settings.maxFrameSize);
  return writeSetting(slab, at, SettingId.MAX_HEADER_LIST_SIZE, settings.maxHeaderListSize);
}

/**
 * Reads a SETTINGS payload; of a setting that is repeated the last value counts.
 *
 * @throws {Http2Error} FRAME_SIZE_ERROR, FLOW_CONTROL_ERROR or PROTOCOL_ERROR as section 6.5.2 says
 */
export function readSettingsPayload(bytes: Uint8Array, start: number, end: number): Http2Settings {
  if ((end - start) % SETTING_BYTES !== 0) {
    throw connectionError('FRAME_SIZE_ERROR', `SETTINGS of ${end - start} bytes are not whole settings`);
  }
  const settings: { -readonly [Name in keyof Http2Settings]: Http2Settings[Name] } = {};
  for (let at = start; at < end; at += SETTING_BYTES) {
    const value = readUint32(bytes, at + 2);
    switch ((bytes[at]! << 8) | bytes[at + 1]!) {
      case SettingId.HEADER_TABLE_SIZE:
        settings.headerTableSize = value;
        break;
      case SettingId.ENABLE_PUSH:
        if (value > 1) throw connectionError('PROTOCOL_ERROR', `ENABLE_PUSH is 0 or 1, got ${value}`);
        settings.enablePush = value === 1;
        break;
      case SettingId.MAX_CONCURRENT_STREAMS:
        settings.maxConcurrentStreams = value;
        break;
      case SettingId.INITIAL_WINDOW_SIZE:
        if (value > MAX_UINT31) {
          throw connectionError('FLOW_CONTROL_ERROR', `INITIAL_WINDOW_SIZE ${value} exceeds 2^31-1`);
        }
        settings.initialWindowSize = value;
        break;
      case SettingId.MAX_FRAME_SIZE:
        if (value < DEFAULT_MAX_FRAME_BYTES || value > MAX_MAX_FRAME_BYTES) {
          throw connectionError('PROTOCOL_ERROR', `MAX_FRAME_SIZE is 16384 to 2^24-1, got ${value}`);
        }
        settings.maxFrameSize = value;
        break;
      case SettingId.MAX_HEADER_LIST_SIZE:
        settings.maxHeaderListSize = value;
        break;
    }
  }
  return settings;
}

function writeSetting(slab: Uint8Array, at: number, id: number, value: number | undefined): number {
  if (value === undefined) return at;
  slab[at] = 0;
  slab[at + 1] = id;
  return writeUint32(slab, at + 2, value);
}
