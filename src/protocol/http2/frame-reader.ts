/**
 * Chunks of a connection in, events out: cuts frames, joins header blocks, and keeps the rules about the
 * order of frames that need no knowledge of streams.
 *
 *     connection: SETTINGS (or GOAWAY) first, then
 *         any frame ──────────────────────────────▶ its event
 *         HEADERS without END_HEADERS ─▶ CONTINUATION… on the same stream, nothing between ─▶ one event
 *
 * RFC 9113, sections 3.4, 4.3 and 6.10.
 */
import { PacketReader } from '../packet-reader.js';
import { decodeFrame } from './frame.js';
import { checkStream, contentEnd, contentStart } from './frame-content.js';
import {
  checkFirstFrame,
  DEFAULT_MAX_FRAME_BYTES,
  FRAME_HEADER_BYTES,
  FrameFlag,
  FrameType,
  frameFormat,
  frameStreamId,
} from './frame-header.js';
import { connectionError, Http2Error } from './http2-error.js';
import type { Http2Settings } from './settings.js';

/**
 * The methods that a {@link FrameReader} calls. Bytes are valid during the call only. A handler may throw an
 * {@link Http2Error}: one of a stream comes back to `onStreamError`, one of the connection ends the reading.
 */
export interface FrameHandler {
  /** A whole header block. Decode it even if its stream was reset, because it may change the table. */
  onHeaders(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void;
  /** `flowBytes` is what counts against both windows: the data with its padding. */
  onData(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
    flowBytes: number,
  ): void;
  onRstStream(streamId: number, errorCode: number): void;
  /** Apply the settings, then acknowledge them. */
  onSettings(settings: Http2Settings): void;
  onSettingsAck(): void;
  /** Respond with the same 8 bytes, unless `ack` is true. */
  onPing(data: Buffer, ack: boolean): void;
  /** Streams above `lastStreamId` were not processed. */
  onGoaway(lastStreamId: number, errorCode: number, debugData: Buffer): void;
  /** `streamId` 0 is the connection. */
  onWindowUpdate(streamId: number, increment: number): void;
  /** Respond with RST_STREAM; the connection continues. */
  onStreamError(error: Http2Error): void;
}

/** The limits of a {@link FrameReader}. */
export interface FrameReaderOptions {
  /** Our SETTINGS_MAX_FRAME_SIZE. @default 16384 */
  readonly maxFrameBytes?: number | undefined;
  /** The largest header block in pieces, with the frame header of each piece. @default 65536 */
  readonly maxHeaderBlockBytes?: number | undefined;
}

const DEFAULT_MAX_HEADER_BLOCK_BYTES = 65_536;

/** Reads the frames of one connection. */
export class FrameReader {
  readonly #packets: PacketReader;
  readonly #handler: FrameHandler;
  readonly #maxHeaderBlockBytes: number;
  #started = false;
  /** The stream whose header block is unfinished; 0 when none is. */
  #openStream = 0;
  #openEndsStream = false;
  #pieces: Buffer[] = [];
  #piecesBytes = 0;

  constructor(handler: FrameHandler, options: FrameReaderOptions = {}) {
    this.#handler = handler;
    const format = frameFormat(options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES);
    this.#packets = new PacketReader({
      ...format,
      measure: (bytes, start, end) => {
        // Check the type before the length: the first letters of an HTTP/1.1 response look like a frame of 4 MiB.
        if (!this.#started) this.#started = checkFirstFrame(bytes, start, end);
        return format.measure(bytes, start, end);
      },
    });
    this.#maxHeaderBlockBytes = options.maxHeaderBlockBytes ?? DEFAULT_MAX_HEADER_BLOCK_BYTES;
  }

  /**
   * Reads a chunk, whose frames may start and end anywhere.
   *
   * @throws {ApnsError} APNS_ERR_NOT_HTTP2 if the connection starts with anything but HTTP/2
   * @throws {Http2Error} a connection error; nothing can be read after it
   */
  read(chunk: Buffer): void {
    this.#packets.read(chunk, this.#onFrame);
  }

  /** @throws {ApnsError} APNS_ERR_TRUNCATED_PACKET if the bytes ended inside a frame */
  end(): void {
    this.#packets.end();
  }

  readonly #onFrame = (bytes: Buffer, start: number, end: number): void => {
    try {
      this.#dispatch(bytes, start, end);
    } catch (error) {
      // A stream error ends one stream; the frames behind it belong to others.
      if (!(error instanceof Http2Error) || error.streamId === 0) throw error;
      this.#handler.onStreamError(error);
    }
  };

  #dispatch(bytes: Buffer, start: number, end: number): void {
    const type = bytes[start + 3]!;
    if (this.#openStream !== 0 || type === FrameType.CONTINUATION) {
      this.#continueBlock(bytes, start, end);
    } else if (type === FrameType.HEADERS) {
      this.#startBlock(bytes, start, end);
    } else if (type === FrameType.DATA) {
      this.#readData(bytes, start, end);
    } else if (type === FrameType.PUSH_PROMISE) {
      throw connectionError('PROTOCOL_ERROR', 'the peer sent PUSH_PROMISE, but push is disabled');
    } else if (type < FrameType.CONTINUATION) {
      this.#readSmall(bytes, start, end);
    }
    // Frames of unknown types are ignored: RFC 9113, section 4.1.
  }

  #startBlock(bytes: Buffer, start: number, end: number): void {
    const streamId = frameStreamId(bytes, start);
    const flags = bytes[start + 4]!;
    checkStream(FrameType.HEADERS, streamId);
    const payload = start + FRAME_HEADER_BYTES;
    const from = contentStart(FrameType.HEADERS, flags, payload);
    const to = contentEnd(bytes, flags, payload, from, end);
    const endStream = (flags & FrameFlag.END_STREAM) !== 0;
    if ((flags & FrameFlag.END_HEADERS) !== 0) {
      this.#handler.onHeaders(streamId, bytes, from, to, endStream);
      return;
    }
    this.#openStream = streamId;
    this.#openEndsStream = endStream;
    this.#addPiece(bytes, from, to);
  }

  #continueBlock(bytes: Buffer, start: number, end: number): void {
    const streamId = this.#openStream;
    if (streamId === 0) throw connectionError('PROTOCOL_ERROR', 'CONTINUATION without HEADERS');
    if (bytes[start + 3] !== FrameType.CONTINUATION || frameStreamId(bytes, start) !== streamId) {
      throw connectionError('PROTOCOL_ERROR', `a frame interrupts the header block of stream ${streamId}`);
    }
    this.#addPiece(bytes, start + FRAME_HEADER_BYTES, end);
    if ((bytes[start + 4]! & FrameFlag.END_HEADERS) === 0) return;
    const block = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#piecesBytes = 0;
    this.#openStream = 0;
    this.#handler.onHeaders(streamId, block, 0, block.length, this.#openEndsStream);
  }

  /** Counts frame headers too, so that endless empty pieces reach the limit as well. */
  #addPiece(bytes: Buffer, from: number, to: number): void {
    this.#piecesBytes += FRAME_HEADER_BYTES + to - from;
    if (this.#piecesBytes > this.#maxHeaderBlockBytes) {
      throw connectionError('ENHANCE_YOUR_CALM', `a header block exceeds ${this.#maxHeaderBlockBytes} bytes`);
    }
    if (to > from) this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
  }

  #readData(bytes: Buffer, start: number, end: number): void {
    const streamId = frameStreamId(bytes, start);
    const flags = bytes[start + 4]!;
    checkStream(FrameType.DATA, streamId);
    const payload = start + FRAME_HEADER_BYTES;
    const from = contentStart(FrameType.DATA, flags, payload);
    const to = contentEnd(bytes, flags, payload, from, end);
    const endStream = (flags & FrameFlag.END_STREAM) !== 0;
    this.#handler.onData(streamId, bytes, from, to, endStream, end - payload);
  }

  #readSmall(bytes: Buffer, start: number, end: number): void {
    const frame = decodeFrame(bytes, start, end);
    switch (frame.type) {
      case 'RST_STREAM':
        this.#handler.onRstStream(frame.streamId, frame.errorCode);
        break;
      case 'SETTINGS':
        if (frame.ack) this.#handler.onSettingsAck();
        else this.#handler.onSettings(frame.settings);
        break;
      case 'PING':
        this.#handler.onPing(frame.data, frame.ack);
        break;
      case 'GOAWAY':
        this.#handler.onGoaway(frame.lastStreamId, frame.errorCode, frame.debugData);
        break;
      case 'WINDOW_UPDATE':
        this.#handler.onWindowUpdate(frame.streamId, frame.increment);
        break;
      // A client ignores PRIORITY after checking it.
    }
  }
}
