/**
 * The open streams of one connection: which notification each belongs to, and how each ends.
 *
 * A stream ends with a response, with RST_STREAM from either side, by GOAWAY, or with its connection. What has arrived of
 * a response counts in each case. Streams keep the health of the connection up to date.
 */

import { type ApnsResponse, ResponseDecoder } from '../../protocol/apns/response.js';
import { Http2ErrorCode } from '../../protocol/http2/error-code.js';
import { connectionError, type Http2Error } from '../../protocol/http2/http2-error.js';
import type { ConnectionHealth } from '../connection-health.js';
import { resetReason } from './errors.js';
import type { Http2Output } from './output.js';
import type { PendingNotification, StreamHolder } from './pending-notification.js';
import { type Http2RequestWriter, INITIAL_WINDOW_BYTES } from './request-writer.js';
import { StreamTable } from './stream-table.js';

/** The callbacks for the end of a stream. */
export interface StreamEvents<Connection> {
  /** A notification has its response. The response object is reused. */
  onResponse(connection: Connection, pending: PendingNotification, response: ApnsResponse): void;
  /** The peer has certainly not processed a notification: refused, above GOAWAY's last stream, or sent incompletely. */
  onUnprocessed(connection: Connection, pending: PendingNotification): void;
  /** A notification's stream ended without a response; `reason` says how. */
  onLost(connection: Connection, pending: PendingNotification, reason: string): void;
}

/** What streams need from their connection. */
export interface StreamOwner {
  /** A response had begun when its stream ended. */
  onPartialResponse(): void;
  /** Whether the peer has responded to any request since then, in engine time. */
  hasRespondedSince(then: number): boolean;
  /** A stream was reset from this side, perhaps the last one. */
  onReset(): void;
}

/** The receive window of the connection. Only rejections have bodies, of about 50 bytes each. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** A longer rejection does not come from APNs, so its stream is cancelled. */
const MAX_RESPONSE_BYTES = 48 * 1024;

/** The maximum size of a stored rejection, which contains a reason and a timestamp. */
const MAX_KEPT_BYTES = 2048;

/** See the file comment. */
export class Http2Streams<Connection extends StreamOwner> implements StreamHolder {
  readonly table: StreamTable = new StreamTable();
  readonly #owner: Connection;
  #responseCount = 0;
  readonly #events: StreamEvents<Connection>;
  readonly #output: Http2Output;
  readonly #requests: Http2RequestWriter;
  readonly #health: ConnectionHealth;
  /** How many streams the peer allows. Without a limit in its SETTINGS, which arrive first, there is none. */
  #limit = Number.POSITIVE_INFINITY;
  /** The most streams that SETTINGS have allowed so far. */
  #peakLimit = 0;
  /** Bytes of received DATA that were not returned to the peer's window. */
  #receivedBytes = 0;
  readonly #responses = new ResponseDecoder({ maxBodyBytes: MAX_KEPT_BYTES });

  constructor(
    owner: Connection,
    parts: {
      readonly requests: Http2RequestWriter;
      readonly output: Http2Output;
      readonly health: ConnectionHealth;
    },
    events: StreamEvents<Connection>,
  ) {
    const { requests, output, health } = parts;
    this.#owner = owner;
    this.#requests = requests;
    this.#output = output;
    this.#health = health;
    this.#events = events;
  }

  /** The number of notifications with a response. */
  get responseCount(): number {
    return this.#responseCount;
  }

  /** How many streams the peer allows. */
  get limit(): number {
    return this.#limit;
  }

  /** Whether the peer allows one stream at most and has allowed more: what APNs does after a rejection. */
  get isThrottled(): boolean {
    return this.#limit <= 1 && this.#peakLimit > 1;
  }

  /** Applies SETTINGS. @returns whether there was no room for another stream before, and now there is */
  setLimit(limit: number): boolean {
    const wasFull = this.#limit <= this.table.size;
    this.#limit = limit;
    this.#peakLimit = Math.max(this.#peakLimit, limit);
    return wasFull && limit > this.table.size;
  }

  /** Increases the receive window of the connection above its initial size. */
  openWindow(): void {
    this.#growOurWindow(CONNECTION_WINDOW_BYTES - INITIAL_WINDOW_BYTES);
  }

  /** Opens a stream for a notification, and writes the request. */
  open(pending: PendingNotification, now: number): void {
    pending.streamId = this.table.open(pending);
    pending.connection = this;
    pending.sentAt = now;
    pending.receivedBytes = 0;
    pending.rest = undefined;
    pending.attempts++;
    this.#requests.write(pending);
  }

  timeOut(pending: PendingNotification): boolean {
    // A peer that has responded since then may be slow. One that has not will not respond to the next request either.
    if (!this.#owner.hasRespondedSince(pending.sentAt)) this.#health.recordSickness();
    return this.#cancel(pending);
  }

  /**
   * Takes back the requests that a stalled connection has not sent completely; the peer cannot have processed them.
   *
   * @param isAll whether to end every stream, so that all can be sent again
   */
  takeBack(isAll: boolean): void {
    for (const pending of this.table.all()) {
      const { rest } = pending;
      if ((!isAll && rest === undefined) || this.#cancel(pending)) continue;
      if (rest !== undefined) this.#events.onUnprocessed(this.#owner, pending);
      else this.#events.onLost(this.#owner, pending, 'Timeout');
    }
  }

  onHeaders(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const pending = this.table.get(streamId);
    if (pending === undefined) {
      this.#checkNotIdle(streamId);
      this.#responses.skipHeaders(bytes, start, end);
      return;
    }
    const response = this.#responses.onHeaders(streamId, bytes, start, end, endStream);
    if (response !== undefined) this.#finish(pending, response);
  }

  onData(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
    flowBytes: number,
  ): void {
    this.#returnWindow(flowBytes);
    const pending = this.table.get(streamId);
    if (pending === undefined) {
      this.#checkNotIdle(streamId);
      return;
    }
    const response = this.#responses.onData(streamId, bytes, start, end, endStream);
    if (response !== undefined) {
      this.#finish(pending, response);
      return;
    }
    pending.receivedBytes += flowBytes;
    if (pending.receivedBytes > MAX_RESPONSE_BYTES) this.#cancel(pending);
  }

  onRstStream(streamId: number, errorCode: number): void {
    const pending = this.table.get(streamId);
    if (pending === undefined) {
      this.#checkNotIdle(streamId);
      return;
    }
    const isRefused = errorCode === Http2ErrorCode.REFUSED_STREAM;
    if (this.#discard(pending)) return;
    this.#health.recordFailure(pending.streamId, this.table.nextId, !isRefused && !this.isThrottled);
    if (isRefused) this.#events.onUnprocessed(this.#owner, pending);
    else this.#events.onLost(this.#owner, pending, resetReason(errorCode));
  }

  /** @returns false if the window of the stream exceeds the maximum */
  growWindow(streamId: number, increment: number): boolean {
    const pending = this.table.get(streamId);
    if (pending !== undefined) return this.#requests.growStream(pending, increment);
    this.#checkNotIdle(streamId);
    return true;
  }

  /** Handles a stream error: the connection remains usable. */
  onStreamError({ streamId, http2ErrorCode }: Http2Error): void {
    const pending = this.table.get(streamId);
    if (pending === undefined) {
      // RST_STREAM was already sent, or both sides have ended the stream.
      this.#checkNotIdle(streamId);
      return;
    }
    this.#reset(pending, http2ErrorCode);
    this.#health.recordFailure(streamId, this.table.nextId);
    this.#events.onLost(this.#owner, pending, 'MalformedResponse');
  }

  /** GOAWAY shows that a notification was not processed, unless its response has already begun. */
  deny(pending: PendingNotification): void {
    if (this.table.get(pending.streamId) !== pending) return;
    if (!this.#discard(pending)) this.#events.onUnprocessed(this.#owner, pending);
  }

  /** The connection has ended, so ends every stream. */
  lose(reason: string): void {
    for (const pending of this.table.all()) {
      const { rest } = pending;
      if (this.#discard(pending)) continue;
      // Without its last frame a request is not complete, and is not processed: RFC 9113, section 8.1.
      if (rest !== undefined) this.#events.onUnprocessed(this.#owner, pending);
      else this.#events.onLost(this.#owner, pending, reason);
    }
  }

  #finish(pending: PendingNotification, response: ApnsResponse): void {
    this.#record(pending, response);
    // The response arrived before the whole request was sent: cancel the rest, which the peer would discard.
    if (pending.rest !== undefined) this.#reset(pending);
    else this.table.close(pending.streamId);
    pending.connection = undefined;
    this.#events.onResponse(this.#owner, pending, response);
  }

  #record({ streamId }: PendingNotification, { statusCode, reason }: ApnsResponse): void {
    this.#responseCount++;
    if (statusCode < 500) this.#health.recordSuccess();
    else if (reason === 'Shutdown') this.#health.recordSickness();
    else this.#health.recordFailure(streamId, this.table.nextId);
  }

  /** Ends a stream from this side. @returns whether a response had partly arrived, which was then reported */
  #cancel(pending: PendingNotification): boolean {
    const known = this.#takePartial(pending);
    this.#reset(pending);
    if (known !== undefined) this.#events.onResponse(this.#owner, pending, known);
    this.#owner.onReset();
    return known !== undefined;
  }

  /** Removes a stream that has ended. @returns whether a response had partly arrived, which was then reported */
  #discard(pending: PendingNotification): boolean {
    const known = this.#takePartial(pending);
    this.#remove(pending);
    if (known !== undefined) this.#events.onResponse(this.#owner, pending, known);
    return known !== undefined;
  }

  /** The part of the response that has arrived on a stream that has ended. */
  #takePartial(pending: PendingNotification): ApnsResponse | undefined {
    const known = this.#responses.takePartial(pending.streamId);
    if (known === undefined) return undefined;
    this.#record(pending, known);
    this.#owner.onPartialResponse();
    return known;
  }

  #remove(pending: PendingNotification): void {
    pending.connection = undefined;
    this.table.close(pending.streamId);
    this.#requests.drop(pending);
  }

  #reset(pending: PendingNotification, errorCode: number = Http2ErrorCode.CANCEL): void {
    const { streamId } = pending;
    this.#remove(pending);
    this.#responses.forget(streamId);
    this.#output.writeControl({ type: 'RST_STREAM', streamId, errorCode });
  }

  /** Returns DATA to the window of the connection. No stream needs more than its initial window. */
  #returnWindow(bytes: number): void {
    this.#receivedBytes += bytes;
    if (this.#receivedBytes < CONNECTION_WINDOW_BYTES / 2) return;
    this.#growOurWindow(this.#receivedBytes);
    this.#receivedBytes = 0;
  }

  #growOurWindow(increment: number): void {
    this.#output.writeControl({ type: 'WINDOW_UPDATE', streamId: 0, increment });
  }

  /** RFC 9113, section 5.1: frames of a stream that was never opened end the connection. */
  #checkNotIdle(streamId: number): void {
    if (streamId % 2 === 1 && streamId < this.table.nextId) return;
    throw connectionError('PROTOCOL_ERROR', `stream ${streamId} was never opened`);
  }
}
