/**
 * Requests to APNs: one HEADERS frame and one DATA frame each, written straight into the caller's slab.
 *
 *     HEADERS   | :path, literal | :method :scheme :authority authorization apns-topic … | apns-id … |
 *     DATA      | payload |
 *
 * Apple, "Communicating with APNs": "Encode the :path and authorization values as literal header fields
 * without indexing. Encode the apns-id, apns-expiration, and apns-collapse-id values differently based on
 * whether this is an initial or subsequent request: the first time you send these values, encode them with
 * incremental indexing to allow the header names to be added to the dynamic table; subsequent times, as
 * literal header fields without indexing. Encode all other headers as literals with incremental indexing."
 *
 * Apple's current page, "Establishing a connection to APNs", says that authorization "can be indexed". This codec keeps
 * it a literal, which both pages allow.
 *
 * What does not change from one notification to the next is therefore a byte or two per header, and is kept
 * as bytes for as long as the table keeps still.
 */

import { BLOCK_START_BYTES, HpackEncoder, headerFieldBytes } from '../hpack/encoder.js';
import { writeInteger } from '../hpack/integer.js';
import { stringBytes } from '../hpack/string.js';
import { DEFAULT_MAX_FRAME_BYTES, FRAME_HEADER_BYTES } from '../http2/frame-header.js';
import { frameData, frameHeaderBlock, splitBytes } from '../http2/frame-split.js';
import type { Http2Settings } from '../http2/settings.js';

/** The fields of one notification on HTTP/2. The encoder checks nothing; an absent field has no header. */
export interface NotificationRequest {
  /** Hex. */
  readonly deviceToken: string;
  readonly payload: string | Uint8Array;
  readonly topic?: string | undefined;
  readonly pushType?: string | undefined;
  readonly priority?: number | undefined;
  /** UNIX seconds. */
  readonly expiration?: number | undefined;
  readonly collapseId?: string | undefined;
  readonly apnsId?: string | undefined;
  /** `bearer <provider token>`; absent with a client certificate. */
  readonly authorization?: string | undefined;
}

/** Any other request: a broadcast, or a request of channel management. */
export interface GeneralRequest {
  readonly method: string;
  /** Such as `/4/broadcasts/apps/com.example.app`. */
  readonly path: string;
  /** Names in lower case. They are compressed as Apple advises, by name. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** The destination of the requests of a {@link RequestEncoder}. */
export interface RequestEncoderOptions {
  /** The value of `:authority`: the host, with its port unless that is 443. */
  readonly authority: string;
  /** The most bytes of the header table, even if the peer allows more. @default 4096 */
  readonly maxTableBytes?: number | undefined;
}

const DEVICE_PATH = Buffer.from('/3/device/');

/** `:path` has index 4 in the static table; a literal without indexing starts with four zeros. */
const PATH_LITERAL = 0x04;

/** Headers whose values change with every request, so that only their names are added to the table. */
const CHANGING: ReadonlySet<string> = new Set([
  'apns-id',
  'apns-expiration',
  'apns-collapse-id',
  'apns-channel-id',
  'apns-request-id',
]);

/** Room for the names and the short values of a notification's headers, and for `:authority` up to 255 bytes. */
const NOTIFICATION_FIXED_BYTES = 1024;

/** The most bytes that the two frames of a notification take, for any state of the header table. */
export function notificationBytes(request: NotificationRequest): number {
  const {
    deviceToken,
    topic = '',
    pushType = '',
    collapseId = '',
    apnsId = '',
    authorization = '',
  } = request;
  const units =
    deviceToken.length +
    topic.length +
    pushType.length +
    collapseId.length +
    apnsId.length +
    authorization.length;
  // Together, as one string: what the lengths of the others take is part of the fixed bytes.
  const most = NOTIFICATION_FIXED_BYTES + stringBytes(units);
  return most + splitBytes(most, DEFAULT_MAX_FRAME_BYTES) + bodyBytes(request.payload);
}

/** The most bytes that {@link RequestEncoder.writeBody} needs. */
export function bodyBytes(payload: string | Uint8Array): number {
  const most = typeof payload === 'string' ? 3 * payload.length : payload.length;
  return most + splitBytes(most, DEFAULT_MAX_FRAME_BYTES);
}

/** The most bytes that {@link RequestEncoder.writeHeaders} needs for a request to `authority`. */
export function requestHeadersBytes(request: GeneralRequest, authority: string): number {
  let most = BLOCK_START_BYTES + headerFieldBytes(':scheme', 'https');
  most += headerFieldBytes(':method', request.method) + headerFieldBytes(':authority', authority);
  most += headerFieldBytes(':path', request.path);
  for (const [name, value] of request.headers) most += headerFieldBytes(name, value);
  return most + splitBytes(most, DEFAULT_MAX_FRAME_BYTES);
}

/** Encodes the requests of one connection. */
export class RequestEncoder {
  readonly #authority: string;
  readonly #hpack: HpackEncoder;
  #maxFrameBytes = DEFAULT_MAX_FRAME_BYTES;
  /** The bytes of the headers that notifications share, what they were made from, and the table they fit. */
  #shared: Buffer = Buffer.alloc(0);
  #sharedVersion = -1;
  #topic: string | undefined;
  #pushType: string | undefined;
  #priority: number | undefined;
  #authorization: string | undefined;

  constructor(options: RequestEncoderOptions) {
    this.#authority = options.authority;
    this.#hpack = new HpackEncoder({ maxTableBytes: options.maxTableBytes });
  }

  /** Takes over what the peer's SETTINGS say about header tables and frame sizes. */
  applySettings(settings: Http2Settings): void {
    if (settings.headerTableSize !== undefined) this.#hpack.setMaxTableBytes(settings.headerTableSize);
    if (settings.maxFrameSize !== undefined) this.#maxFrameBytes = settings.maxFrameSize;
  }

  /**
   * Writes the HEADERS of `POST /3/device/<token>`, which {@link writeBody} must follow. `slab` has room
   * for {@link notificationBytes} from `at`.
   *
   * @returns the offset after it
   */
  writeNotificationHeaders(slab: Buffer, at: number, streamId: number, request: NotificationRequest): number {
    let end = this.#hpack.writeBlockStart(slab, at + FRAME_HEADER_BYTES);
    end = writeDevicePath(slab, end, request.deviceToken);
    end = this.#writeShared(slab, end, request);
    const { apnsId, expiration, collapseId } = request;
    if (apnsId !== undefined) end = this.#writeChanging(slab, end, 'apns-id', apnsId);
    if (expiration !== undefined) end = this.#writeChanging(slab, end, 'apns-expiration', `${expiration}`);
    if (collapseId !== undefined) end = this.#writeChanging(slab, end, 'apns-collapse-id', collapseId);
    return frameHeaderBlock(slab, at, end, streamId, false, this.#maxFrameBytes);
  }

  /**
   * Writes a body, or the last part of one, as DATA; the caller has made sure of the flow-control credit.
   *
   * @returns the offset after it
   */
  writeBody(
    slab: Buffer,
    at: number,
    streamId: number,
    payload: string | Uint8Array,
    endStream = true,
  ): number {
    const start = at + FRAME_HEADER_BYTES;
    let end: number;
    if (typeof payload === 'string') {
      end = start + slab.write(payload, start);
    } else {
      slab.set(payload, start);
      end = start + payload.length;
    }
    return frameData(slab, at, end, streamId, endStream, this.#maxFrameBytes);
  }

  /**
   * Writes the HEADERS of any other request. `slab` has room for {@link requestHeadersBytes} from `at`.
   *
   * @param endStream whether no body follows
   * @returns the offset after it
   */
  writeHeaders(
    slab: Buffer,
    at: number,
    streamId: number,
    request: GeneralRequest,
    endStream: boolean,
  ): number {
    let end = this.#hpack.writeBlockStart(slab, at + FRAME_HEADER_BYTES);
    end = this.#writeTarget(slab, end, request.method);
    end = this.#hpack.writeField(slab, end, ':path', request.path, 'pass');
    for (const [name, value] of request.headers) {
      if (CHANGING.has(name)) end = this.#writeChanging(slab, end, name, value);
      else end = this.#hpack.writeField(slab, end, name, value, name === 'authorization' ? 'pass' : 'add');
    }
    return frameHeaderBlock(slab, at, end, streamId, endStream, this.#maxFrameBytes);
  }

  #writeTarget(slab: Buffer, at: number, method: string): number {
    at = this.#hpack.writeField(slab, at, ':method', method, 'add');
    at = this.#hpack.writeField(slab, at, ':scheme', 'https', 'add');
    return this.#hpack.writeField(slab, at, ':authority', this.#authority, 'add');
  }

  /** The first time the name enters the table, with the value it has then. */
  #writeChanging(slab: Buffer, at: number, name: string, value: string): number {
    return this.#hpack.knowsName(name)
      ? this.#hpack.writePassing(slab, at, name, value)
      : this.#hpack.writeField(slab, at, name, value, 'add');
  }

  #writeShared(slab: Buffer, at: number, request: NotificationRequest): number {
    const { authorization, topic, pushType, priority } = request;
    if (
      this.#sharedVersion === this.#hpack.version &&
      topic === this.#topic &&
      pushType === this.#pushType &&
      priority === this.#priority &&
      authorization === this.#authorization
    ) {
      slab.set(this.#shared, at);
      return at + this.#shared.length;
    }
    const version = this.#hpack.version;
    let end = this.#writeTarget(slab, at, 'POST');
    if (authorization !== undefined) {
      end = this.#hpack.writeField(slab, end, 'authorization', authorization, 'pass');
    }
    if (topic !== undefined) end = this.#hpack.writeField(slab, end, 'apns-topic', topic, 'add');
    if (pushType !== undefined) end = this.#hpack.writeField(slab, end, 'apns-push-type', pushType, 'add');
    if (priority !== undefined)
      end = this.#hpack.writeField(slab, end, 'apns-priority', `${priority}`, 'add');
    // If these bytes have added to the table, they are out of date already: the next ones only refer to it.
    this.#shared = Buffer.from(slab.subarray(at, end));
    this.#sharedVersion = version;
    this.#topic = topic;
    this.#pushType = pushType;
    this.#priority = priority;
    this.#authorization = authorization;
    return end;
  }
}

function writeDevicePath(slab: Buffer, at: number, deviceToken: string): number {
  slab[at] = PATH_LITERAL;
  const start = writeInteger(slab, at + 1, 0, 7, DEVICE_PATH.length + deviceToken.length);
  slab.set(DEVICE_PATH, start);
  return start + DEVICE_PATH.length + slab.write(deviceToken, start + DEVICE_PATH.length, 'latin1');
}
