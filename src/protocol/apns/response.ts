/**
 * Responses of APNs: from header blocks and DATA to what an outcome needs.
 *
 *     (1xx HEADERS)*  HEADERS  DATA*  (trailers HEADERS)?      RFC 9113, section 8.1
 *
 * The response to an accepted notification is a single HEADERS frame with END_STREAM. It needs no allocation and no
 * state. Some rules are not enforced, because a violation does not change the result: names in upper case,
 * connection-specific headers, and a wrong content-length. A response with status 200 means acceptance.
 */
import { redactName } from '../../core/redact.js';
import { type FieldSink, HpackDecoder } from '../hpack/decoder.js';
import { DEFAULT_TABLE_BYTES } from '../hpack/dynamic-table.js';
import { type Http2Error, streamError } from '../http2/http2-error.js';
import { decodeReasonBody } from './reason.js';

/** The response of APNs to one request. */
export interface ApnsResponse {
  /** 200 to 599 in practice; never 1xx. */
  readonly statusCode: number;
  readonly apnsId: string | undefined;
  /** Sandbox only. */
  readonly apnsUniqueId: string | undefined;
  /** Channel management. */
  readonly apnsChannelId: string | undefined;
  readonly apnsRequestId: string | undefined;
  /** The header as it was sent; `decodeRetryAfter` reads it. */
  readonly retryAfter: string | undefined;
  /** As it was sent, see `parseHttpDate`; shows the error of the local clock. */
  readonly date: string | undefined;
  /** From the JSON body of a response other than 2xx, where there is one. */
  readonly reason: string | undefined;
  /** From the same body: UNIX milliseconds. */
  readonly timestamp: number | undefined;
  /** The body up to the limit; empty when there is none. */
  readonly body: Buffer;
  /** The length of the whole body. */
  readonly bodyBytes: number;
}

/** The limits of a {@link ResponseDecoder}. */
export interface ResponseDecoderOptions {
  /** Our SETTINGS_HEADER_TABLE_SIZE. @default 4096 */
  readonly maxTableBytes?: number | undefined;
  /** Our SETTINGS_MAX_HEADER_LIST_SIZE: a longer list ends its stream. @default 16384 */
  readonly maxHeaderListBytes?: number | undefined;
  /** The most bytes kept of a body; the rest is counted and dropped. @default 16384 */
  readonly maxBodyBytes?: number | undefined;
}

const DEFAULT_MAX_HEADER_LIST_BYTES = 16_384;
const DEFAULT_MAX_BODY_BYTES = 16_384;
/** The maximum size of the pool; a gateway has few unfinished responses at a time. */
const MAX_SPARES = 64;

const NO_BODY = Buffer.alloc(0);
const STATUS = /^[1-9]\d\d$/;

/** Decodes the responses of one connection, any number of streams at a time. */
export class ResponseDecoder {
  readonly #hpack: HpackDecoder;
  readonly #maxHeaderListBytes: number;
  readonly #maxBodyBytes: number;
  /** Streams with final headers whose end has not arrived. */
  readonly #open: Map<number, Response> = new Map();
  #spare: Response = new Response();
  /** Completed responses, for reuse. */
  readonly #spares: Response[] = [];

  constructor(options: ResponseDecoderOptions = {}) {
    this.#hpack = new HpackDecoder(options.maxTableBytes ?? DEFAULT_TABLE_BYTES);
    this.#maxHeaderListBytes = options.maxHeaderListBytes ?? DEFAULT_MAX_HEADER_LIST_BYTES;
    this.#maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  }

  /** How many responses are unfinished. */
  get openResponses(): number {
    return this.#open.size;
  }

  /**
   * Takes a whole header block: interim, final, or trailers.
   *
   * @returns the response if it ends here; the object is used again by the next call
   * @throws {Http2Error} a connection error (COMPRESSION_ERROR) if the block cannot be decoded, a stream
   *   error if it is no response or its list exceeds the limit
   */
  onHeaders(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): ApnsResponse | undefined {
    const open = this.#open.size === 0 ? undefined : this.#open.get(streamId);
    if (open !== undefined) return this.#readTrailers(streamId, open, bytes, start, end, endStream);
    const response = this.#spare;
    response.reset();
    this.#checkListSize(streamId, this.#hpack.decode(bytes, start, end, response));
    const { statusCode } = response;
    if (response.problem !== undefined) throw malformed(streamId, response.problem);
    if (statusCode === 0) throw malformed(streamId, 'it has no :status');
    if (statusCode < 200) {
      if (endStream) throw malformed(streamId, `it ends with an interim ${statusCode}`);
      return undefined;
    }
    if (endStream) return response;
    this.#open.set(streamId, response);
    this.#spare = this.#spares.pop() ?? new Response();
    return undefined;
  }

  /**
   * Takes DATA without its padding. The caller returns the bytes to the flow-control windows.
   *
   * @returns the response if it ends here
   * @throws {Http2Error} a stream error if no final headers came before
   */
  onData(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): ApnsResponse | undefined {
    const response = this.#open.get(streamId);
    if (response === undefined) throw malformed(streamId, 'DATA comes before its headers');
    response.addBody(bytes, start, end, this.#maxBodyBytes);
    return endStream ? this.#finish(streamId, response) : undefined;
  }

  /** Decodes the block of a stream that was reset, because the block may have changed the table. */
  skipHeaders(bytes: Buffer, start: number, end: number): void {
    this.#hpack.decode(bytes, start, end, undefined);
  }

  /**
   * Takes an unfinished response: its final headers and the body so far.
   *
   * @returns `undefined` if no final headers have come
   */
  takePartial(streamId: number): ApnsResponse | undefined {
    const response = this.#open.get(streamId);
    return response && this.#finish(streamId, response);
  }

  /** Drops what has been read of a stream that was reset. */
  forget(streamId: number): void {
    this.#open.delete(streamId);
  }

  #readTrailers(
    streamId: number,
    response: Response,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): ApnsResponse {
    this.#checkListSize(streamId, this.#hpack.decode(bytes, start, end, response));
    if (response.problem !== undefined) throw this.#dropMalformed(streamId, response.problem);
    if (!endStream) throw this.#dropMalformed(streamId, 'its trailers do not end the stream');
    return this.#finish(streamId, response);
  }

  #finish(streamId: number, response: Response): ApnsResponse {
    this.#open.delete(streamId);
    if (this.#spares.length < MAX_SPARES) this.#spares.push(response);
    response.finish();
    return response;
  }

  #checkListSize(streamId: number, listBytes: number): void {
    if (listBytes <= this.#maxHeaderListBytes) return;
    this.#open.delete(streamId);
    throw streamError(
      'ENHANCE_YOUR_CALM',
      streamId,
      `its header list of ${listBytes} bytes exceeds ${this.#maxHeaderListBytes}`,
    );
  }

  #dropMalformed(streamId: number, problem: string): Http2Error {
    this.#open.delete(streamId);
    return malformed(streamId, problem);
  }
}

/** A response while it is read. */
class Response implements ApnsResponse, FieldSink {
  statusCode = 0;
  apnsId: string | undefined;
  apnsUniqueId: string | undefined;
  apnsChannelId: string | undefined;
  apnsRequestId: string | undefined;
  retryAfter: string | undefined;
  date: string | undefined;
  reason: string | undefined;
  timestamp: number | undefined;
  body: Buffer = NO_BODY;
  bodyBytes = 0;
  problem: string | undefined;
  #regular = false;
  #room: Buffer = NO_BODY;
  #keptBytes = 0;

  /** Resets the response for reuse. Values that were read from it remain valid. */
  reset(): void {
    this.statusCode = 0;
    this.apnsId = undefined;
    this.apnsUniqueId = undefined;
    this.apnsChannelId = undefined;
    this.apnsRequestId = undefined;
    this.retryAfter = undefined;
    this.date = undefined;
    this.problem = undefined;
    this.#regular = false;
    if (this.bodyBytes === 0) return;
    this.reason = undefined;
    this.timestamp = undefined;
    this.body = NO_BODY;
    this.bodyBytes = 0;
    this.#room = NO_BODY;
    this.#keptBytes = 0;
  }

  onField(name: string, value: string): void {
    if (name.charCodeAt(0) === 0x3a) {
      this.#onPseudo(name, value);
      return;
    }
    this.#regular = true;
    switch (name) {
      case 'apns-id':
        this.apnsId = value;
        break;
      case 'apns-unique-id':
        this.apnsUniqueId = value;
        break;
      case 'apns-channel-id':
        this.apnsChannelId = value;
        break;
      case 'apns-request-id':
        this.apnsRequestId = value;
        break;
      case 'retry-after':
        this.retryAfter = value;
        break;
      case 'date':
        this.date = value;
        break;
    }
  }

  wants(name: string): boolean {
    return name === ':status' || name.startsWith('apns-') || name === 'retry-after' || name === 'date';
  }

  addBody(bytes: Buffer, start: number, end: number, maxBytes: number): void {
    this.bodyBytes += end - start;
    const kept = Math.min(end - start, maxBytes - this.#keptBytes);
    const wanted = this.#keptBytes + kept;
    if (wanted > this.#room.length) {
      // Twice as much each time: a buffer per frame would let a peer of one-byte frames multiply the limit.
      const room = Buffer.allocUnsafe(Math.max(wanted, Math.min(maxBytes, 2 * this.#room.length)));
      this.#room.copy(room, 0, 0, this.#keptBytes);
      this.#room = room;
    }
    bytes.copy(this.#room, this.#keptBytes, start, start + kept);
    this.#keptBytes = wanted;
  }

  finish(): void {
    if (this.bodyBytes === 0) return;
    this.body = this.#room.subarray(0, this.#keptBytes);
    if (this.statusCode < 300) return;
    const { reason, timestamp } = decodeReasonBody(this.body);
    this.reason = reason;
    this.timestamp = timestamp;
  }

  /** RFC 9113, sections 8.3 and 8.3.2: `:status`, once, before all else, and in no trailers. */
  #onPseudo(name: string, value: string): void {
    if (name !== ':status') this.problem = `it has an unknown pseudo-header "${redactName(name)}"`;
    else if (this.statusCode !== 0) this.problem = 'it has :status twice';
    else if (this.#regular) this.problem = 'a header comes before :status';
    else if (!STATUS.test(value)) this.problem = 'its :status is not a three-digit number';
    else this.statusCode = Number(value);
  }
}

function malformed(streamId: number, problem: string): Http2Error {
  return streamError('PROTOCOL_ERROR', streamId, `the response is malformed: ${problem}`);
}
