/**
 * Writes the requests of one connection, within the two flow-control windows of RFC 9113, section 6.9.
 *
 *     write() ──▶ headers, and the body whole, if both windows take it
 *        └──────▶ unfinished ── windows grow, the socket drains ──▶ written piece by piece
 */

import {
  bodyBytes,
  type GeneralRequest,
  notificationBytes,
  RequestEncoder,
  requestHeadersBytes,
} from '../../protocol/apns/request.js';
import {
  DEFAULT_MAX_FRAME_BYTES,
  FRAME_HEADER_BYTES,
  MAX_UINT31,
} from '../../protocol/http2/frame-header.js';
import { connectionError } from '../../protocol/http2/http2-error.js';
import type { Http2Settings } from '../../protocol/http2/settings.js';
import type { Http2Output } from './output.js';
import type { PendingNotification } from './pending-notification.js';
import type { StreamTable } from './stream-table.js';

/** The default size of every window: section 6.9.2. */
export const INITIAL_WINDOW_BYTES = 65_535;

/** Bodies that wait for a window are copies. With this many of them, no further stream is opened. */
const MAX_UNFINISHED = 1024;

/** Progress requires this many bytes of waiting bodies, because a peer may allow only a few bytes at a time. */
const MIN_CONTINUED_BYTES = 256;

/** See the file comment. */
export class Http2RequestWriter {
  /** The bytes of bodies that were written. */
  writtenBytes = 0;
  /** How many of these bytes had to wait for a window or the socket. */
  continuedBytes = 0;
  /** How many of the delayed bytes have counted as progress. */
  #countedBytes = 0;
  readonly #output: Http2Output;
  readonly #authority: string;
  readonly #requests: RequestEncoder;
  /** Notifications with unfinished bodies, in the order in which their streams were opened. */
  readonly #unfinished = new Set<PendingNotification>();
  #initialWindow = INITIAL_WINDOW_BYTES;
  /** The most by which the window of an open stream exceeds the initial window. */
  #maxOffset = 0;
  /** The window of the whole connection. */
  #window = INITIAL_WINDOW_BYTES;

  /** @param authority the value of `:authority` */
  constructor(output: Http2Output, authority: string) {
    this.#output = output;
    this.#authority = authority;
    this.#requests = new RequestEncoder({ authority });
  }

  /** Whether it makes sense to open a further stream. */
  get hasRoom(): boolean {
    return this.#window > 0 && this.#unfinished.size < MAX_UNFINISHED;
  }

  /** Writes a request on a new stream: its headers, and as much of its body as the windows allow. */
  write(pending: PendingNotification): void {
    const output = this.#output;
    const { streamId, broadcast } = pending;
    if (broadcast === undefined) {
      output.reserve(notificationBytes(pending));
      output.end = this.#requests.writeNotificationHeaders(output.slab, output.end, streamId, pending);
    } else {
      this.#writeBroadcastHeaders(pending, broadcast);
    }
    this.#startBody(pending);
  }

  /** Whether waiting bodies have made progress since the last call that returned true. */
  takeProgress(): boolean {
    if (this.continuedBytes - this.#countedBytes < MIN_CONTINUED_BYTES) return false;
    this.#countedBytes = this.continuedBytes;
    return true;
  }

  /** Applies the peer's SETTINGS; `streams` are the open ones. */
  applySettings(settings: Http2Settings, streams: StreamTable): void {
    this.#requests.applySettings(settings);
    const { initialWindowSize } = settings;
    if (initialWindowSize === undefined) return;
    // Section 6.9.2: a new initial size changes the window of every open stream, which can become negative.
    this.#initialWindow = initialWindowSize;
    if (initialWindowSize + this.#maxOffset > MAX_UINT31) this.#checkWindows(streams.all());
  }

  /** Drops the rest of a body whose stream has ended. */
  drop(pending: PendingNotification): void {
    if (pending.rest !== undefined) this.#unfinished.delete(pending);
  }

  /** The peer has increased the window of the connection. */
  grow(increment: number): void {
    this.#window += increment;
    if (this.#window > MAX_UINT31) throw connectionError('FLOW_CONTROL_ERROR', 'the window exceeds 2^31-1');
  }

  /** The peer has increased the window of a stream. @returns false if the window exceeds the maximum */
  growStream(pending: PendingNotification, increment: number): boolean {
    pending.windowOffset += increment;
    if (this.#initialWindow + pending.windowOffset > MAX_UINT31) return false;
    this.#maxOffset = Math.max(this.#maxOffset, pending.windowOffset);
    if (pending.rest !== undefined) this.#continue(pending);
    return true;
  }

  /** Writes as much as the windows and the socket allow now. */
  writeOn(): void {
    for (const pending of this.#unfinished) {
      if (this.#window <= 0 || this.#output.isBlocked) return;
      this.#continue(pending);
    }
  }

  #writeBroadcastHeaders(
    { streamId, payload, authorization }: PendingNotification,
    broadcast: GeneralRequest,
  ): void {
    const output = this.#output;
    const credentials = authorization === undefined ? [] : [['authorization', authorization] as const];
    const request = { ...broadcast, headers: [...broadcast.headers, ...credentials] };
    output.reserve(requestHeadersBytes(request, this.#authority) + bodyBytes(payload));
    output.end = this.#requests.writeHeaders(output.slab, output.end, streamId, request, false);
  }

  #startBody(pending: PendingNotification): void {
    const { payload } = pending;
    pending.windowOffset = 0;
    const most = typeof payload === 'string' ? 3 * payload.length : payload.length;
    if (most > Math.min(this.#window, this.#initialWindow, DEFAULT_MAX_FRAME_BYTES)) {
      pending.rest = Buffer.from(payload as string);
      this.#unfinished.add(pending);
      this.#writeRest(pending);
      return;
    }
    const output = this.#output;
    const start = output.end + FRAME_HEADER_BYTES;
    output.end = this.#requests.writeBody(output.slab, output.end, pending.streamId, payload);
    this.#take(pending, output.end - start);
  }

  #checkWindows(open: readonly PendingNotification[]): void {
    this.#maxOffset = 0;
    for (const { windowOffset } of open) this.#maxOffset = Math.max(this.#maxOffset, windowOffset);
    if (this.#initialWindow + this.#maxOffset > MAX_UINT31)
      throw connectionError('FLOW_CONTROL_ERROR', 'a window exceeds 2^31-1');
  }

  #continue(pending: PendingNotification): void {
    const before = this.writtenBytes;
    this.#writeRest(pending);
    this.continuedBytes += this.writtenBytes - before;
  }

  #writeRest(pending: PendingNotification): void {
    let rest = pending.rest!;
    const output = this.#output;
    while (rest.length > 0 && !output.isBlocked) {
      const window = Math.min(this.#window, this.#initialWindow + pending.windowOffset);
      const credit = Math.min(window, DEFAULT_MAX_FRAME_BYTES);
      if (credit <= 0) break;
      const piece = rest.subarray(0, credit);
      rest = rest.subarray(credit);
      output.reserve(bodyBytes(piece));
      const { slab, end } = output;
      output.end = this.#requests.writeBody(slab, end, pending.streamId, piece, rest.length === 0);
      this.#take(pending, piece.length);
    }
    if (rest.length === 0) this.#unfinished.delete(pending);
    pending.rest = rest.length === 0 ? undefined : rest;
  }

  #take(pending: PendingNotification, bytes: number): void {
    this.#window -= bytes;
    pending.windowOffset -= bytes;
    this.writtenBytes += bytes;
  }
}
