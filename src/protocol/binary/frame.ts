/**
 * The frame: one notification on the binary wire, in any of its three historic forms. Big-endian.
 *
 *     command 2   | 02 | frameLength u32 | item… |        item = | itemId u8 | length u16 | data |
 *     command 1   | 01 | identifier u32 | expiration u32 | tokenLength u16 | token | payloadLength u16 | payload |
 *     command 0   | 00 | tokenLength u16 | token | payloadLength u16 | payload |
 *
 * frameLength counts the items only. The order of items is free; writing the identifier first lets a
 * gateway name the notification even when its token is broken.
 *
 * Sources: Apple, "Binary Provider API" (command 2) and "Legacy Notification Format" (commands 1 and 0).
 */

import { ApnsError, invalidOption } from '../../core/errors.js';
import { MAX_UINT32 } from '../../core/notification-rules.js';
import { integerOption } from '../../core/options.js';
import type { PacketFormat } from '../packet-reader.js';
import { readUint32, writeUint32 } from '../uint32.js';

/** The form of a frame. 2 is the one to use; 1 cannot carry a priority; 0 carries no identifier either. */
export type FrameCommand = 2 | 1 | 0;

/** The numbers of command 2's items. */
export const FrameItem = {
  /** At most 100 bytes; required, once. */
  DeviceToken: 1,
  /** At most 2048 bytes of UTF-8 JSON, not NUL-terminated; required, once. */
  Payload: 2,
  /** 4 bytes, echoed in an error response. */
  Identifier: 3,
  /** 4 bytes, UNIX seconds; 0 means one attempt and no storing. */
  Expiration: 4,
  /** 1 byte, 10 or 5. */
  Priority: 5,
} as const;

/** "The payload … must be less than or equal to" this many bytes, by command. */
export const MAX_PAYLOAD_BYTES: Readonly<Record<FrameCommand, number>> = { 2: 2048, 1: 256, 0: 256 };

/** A frame's fields as they stand on the wire; nothing is validated, an absent item is an absent field. */
export interface Frame {
  readonly command: FrameCommand;
  /** Hex, lower case; empty when the token is there but has no bytes. */
  readonly deviceToken?: string;
  /** A view of the decoded bytes. */
  readonly payload?: Buffer;
  readonly identifier?: number;
  /** UNIX seconds. */
  readonly expiration?: number;
  readonly priority?: number;
}

/** The content of a frame; `command` 1 and 0 omit fields that they do not have. */
export interface FrameFields {
  /** Hex digits, an even number of them. */
  readonly deviceToken: string;
  readonly payload: string | Uint8Array;
  readonly identifier?: number | undefined;
  readonly expiration?: number | undefined;
  readonly priority?: number | undefined;
}

const HEADER_2_BYTES = 5;
const ITEM_HEADER_BYTES = 3;

/** The maximum of the 16-bit length of a token, a payload or an item. */
const MAX_LENGTH = 0xffff;

/** Command 1 requires an expiration, and 0 would prevent storing. So an absent one is sent as a date in 2038. */
const STORE = 0x7fff_ffff;

/** The maximum length of a frame: two 16-bit lengths, five items and their headers. */
const MAX_FRAME_BYTES = HEADER_2_BYTES + 5 * ITEM_HEADER_BYTES + 2 * MAX_LENGTH + 9;

/** For a PacketReader: cuts frames of any command. */
export const FRAME_FORMAT: PacketFormat = {
  name: 'frame',
  maxBytes: MAX_FRAME_BYTES,
  measure(bytes, start, end) {
    if (start >= end) return 0;
    const command = bytes[start];
    if (command === 2) {
      if (end - start < HEADER_2_BYTES) return 0;
      return HEADER_2_BYTES + readUint32(bytes, start + 1);
    }
    if (command !== 1 && command !== 0) {
      throw malformed(`it starts with command ${command}, but the known commands are 0, 1 and 2`);
    }
    const tokenStart = start + (command === 1 ? 11 : 3);
    // If the token's length has not arrived yet, the value that is read in its place also exceeds the buffer.
    const payloadStart = tokenStart + uint16(bytes, tokenStart - 2) + 2;
    if (end < payloadStart) return 0;
    return payloadStart + uint16(bytes, payloadStart - 2) - start;
  },
};

/**
 * The most bytes that {@link writeFrame} can need, for a token of `tokenBytes` and a payload of `payloadBytes`.
 */
export function frameBytes(tokenBytes: number, payloadBytes: number): number {
  return HEADER_2_BYTES + 5 * ITEM_HEADER_BYTES + 9 + tokenBytes + payloadBytes;
}

/**
 * Writes one frame into `slab` at `at`; the caller has made sure of the room and of the fields' rules.
 *
 * @returns the offset after the frame
 */
export function writeFrame(slab: Buffer, at: number, command: FrameCommand, fields: FrameFields): number {
  if (command === 2) return writeItems(slab, at, fields);
  let end = at;
  slab[end++] = command;
  if (command === 1) {
    end = writeUint32(slab, end, fields.identifier ?? 0);
    end = writeUint32(slab, end, fields.expiration ?? STORE);
  }
  end = writeToken(slab, end, fields.deviceToken);
  return writePayload(slab, end, fields.payload);
}

/**
 * Encodes one frame into a new buffer; {@link decodeFrame} reads it back. Values that a gateway would refuse, such as
 * an empty token, are encoded. Only values that do not fit into the format are rejected.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION for a token that is not hex, a token or payload of more than
 *   65535 bytes, or a number that does not fit its field
 */
export function encodeFrame(fields: FrameFields, command: FrameCommand = 2): Buffer {
  const { deviceToken, payload, identifier, expiration, priority } = fields;
  const tokenBytes = Buffer.from(deviceToken, 'hex').length;
  const payloadBytes = Buffer.byteLength(payload);
  if (tokenBytes * 2 !== deviceToken.length || tokenBytes > MAX_LENGTH) {
    throw invalidOption(
      'deviceToken',
      `an even number of hex digits for up to ${MAX_LENGTH} bytes`,
      deviceToken,
    );
  }
  if (payloadBytes > MAX_LENGTH) throw invalidOption('payload', `up to ${MAX_LENGTH} bytes`, payload);
  integerOption('identifier', identifier, { default: 0, min: 0, max: MAX_UINT32 });
  integerOption('expiration', expiration, { default: 0, min: 0, max: MAX_UINT32 });
  integerOption('priority', priority, { default: 0, min: 0, max: 0xff });
  const slab = Buffer.allocUnsafe(frameBytes(tokenBytes, payloadBytes));
  return slab.subarray(0, writeFrame(slab, 0, command, fields));
}

/**
 * The frame in the bytes from `start` to `end`, which must be exactly one. Of a repeated identifier,
 * expiration or priority the first counts.
 *
 * @throws {ApnsError} APNS_ERR_MALFORMED_PACKET for an unknown command, a repeated token or payload, an item
 *   of the wrong length or longer than the frame; APNS_ERR_TRUNCATED_PACKET if the frame does not end by `end`
 */
export function decodeFrame(bytes: Buffer, start = 0, end: number = bytes.length): Frame {
  const length = FRAME_FORMAT.measure(bytes, start, end);
  if (length === 0 || start + length > end) {
    throw new ApnsError('APNS_ERR_TRUNCATED_PACKET', `the bytes end inside a frame (${end - start} bytes)`);
  }
  if (start + length < end) throw malformed(`${end - start - length} bytes follow it`);
  const command = bytes[start] as FrameCommand;
  if (command === 2) return readItems(bytes, start + HEADER_2_BYTES, end);
  const tokenStart = start + (command === 1 ? 11 : 3);
  const tokenEnd = tokenStart + uint16(bytes, tokenStart - 2);
  const deviceToken = bytes.toString('hex', tokenStart, tokenEnd);
  const payload = bytes.subarray(tokenEnd + 2, end);
  if (command === 0) return { command, deviceToken, payload };
  const identifier = readUint32(bytes, start + 1);
  return { command, deviceToken, payload, identifier, expiration: readUint32(bytes, start + 5) };
}

/** The identifier of the frame at `start`, without decoding the rest; `undefined` where it has none. */
export function readIdentifier(bytes: Uint8Array, start: number, end: number): number | undefined {
  const command = bytes[start];
  if (command === 1) return readUint32(bytes, start + 1);
  if (command !== 2) return undefined;
  let at = start + HEADER_2_BYTES;
  while (at + ITEM_HEADER_BYTES + 4 <= end) {
    if (bytes[at] === FrameItem.Identifier) return readUint32(bytes, at + ITEM_HEADER_BYTES);
    at += ITEM_HEADER_BYTES + uint16(bytes, at + 1);
  }
  return undefined;
}

function writeItems(slab: Buffer, start: number, fields: FrameFields): number {
  let at = start + HEADER_2_BYTES;
  slab[start] = 2;
  if (fields.identifier !== undefined) {
    slab[at] = FrameItem.Identifier;
    at = writeUint32(slab, writeUint16(slab, at + 1, 4), fields.identifier);
  }
  slab[at] = FrameItem.DeviceToken;
  at = writeToken(slab, at + 1, fields.deviceToken);
  slab[at] = FrameItem.Payload;
  at = writePayload(slab, at + 1, fields.payload);
  if (fields.expiration !== undefined) {
    slab[at] = FrameItem.Expiration;
    at = writeUint32(slab, writeUint16(slab, at + 1, 4), fields.expiration);
  }
  if (fields.priority !== undefined) {
    slab[at] = FrameItem.Priority;
    at = writeUint16(slab, at + 1, 1);
    slab[at++] = fields.priority;
  }
  writeUint32(slab, start + 1, at - start - HEADER_2_BYTES);
  return at;
}

function readItems(bytes: Buffer, start: number, end: number): Frame {
  const frame: { -readonly [Field in keyof Frame]: Frame[Field] } = { command: 2 };
  let at = start;
  while (at < end) {
    if (at + ITEM_HEADER_BYTES > end) throw malformed('it ends inside the header of an item');
    const item = bytes[at]!;
    const length = uint16(bytes, at + 1);
    const data = at + ITEM_HEADER_BYTES;
    at = data + length;
    if (at > end) throw malformed(`item ${item} is ${at - end} bytes longer than the frame`);
    switch (item) {
      case FrameItem.DeviceToken:
        if (frame.deviceToken !== undefined) throw malformed('item 1 (device token) is repeated');
        frame.deviceToken = bytes.toString('hex', data, at);
        break;
      case FrameItem.Payload:
        if (frame.payload !== undefined) throw malformed('item 2 (payload) is repeated');
        frame.payload = bytes.subarray(data, at);
        break;
      case FrameItem.Identifier:
        frame.identifier ??= readUint32(bytes, itemOf(4, item, length, data));
        break;
      case FrameItem.Expiration:
        frame.expiration ??= readUint32(bytes, itemOf(4, item, length, data));
        break;
      case FrameItem.Priority:
        frame.priority ??= bytes[itemOf(1, item, length, data)]!;
        break;
      // Unknown items are skipped, so that the format can be extended.
    }
  }
  return frame;
}

function itemOf(expected: number, item: number, length: number, data: number): number {
  if (length !== expected) throw malformed(`item ${item} has ${expected} bytes, got ${length}`);
  return data;
}

function writeToken(slab: Buffer, at: number, hex: string): number {
  return writeUint16(slab, at, hex.length >>> 1) + slab.write(hex, at + 2, 'hex');
}

function writePayload(slab: Buffer, at: number, payload: string | Uint8Array): number {
  const start = at + 2;
  let length: number;
  if (typeof payload === 'string') {
    length = slab.write(payload, start);
  } else {
    length = payload.length;
    slab.set(payload, start);
  }
  writeUint16(slab, at, length);
  return start + length;
}

function writeUint16(slab: Buffer, at: number, value: number): number {
  slab[at] = value >>> 8;
  slab[at + 1] = value;
  return at + 2;
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function malformed(problem: string): ApnsError {
  return new ApnsError(
    'APNS_ERR_MALFORMED_PACKET',
    `not a frame of the binary provider protocol: ${problem}`,
  );
}
