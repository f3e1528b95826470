/**
 * The DATA of one connection's requests, and the two windows that hold it back: RFC 9113, section 6.9.
 *
 *     start() ──▶ written whole, if both windows take it
 *        └──────▶ unfinished ── windows grow, the socket drains ──▶ written piece by piece
 */
import { connectionError } from '../protocol/http2/connection-error.js';
import { DEFAULT_MAX_FRAME_BYTES, FRAME_HEADER_BYTES, MAX_UINT31 } from '../protocol/http2/frame-header.js';
import { bodyBytes, type RequestEncoder } from '../protocol/http2/request.js';
import type { Http2Output } from './http2-output.js';
import type { PendingNotification } from './pending-notification.js';

/** Section 6.9.2: what every window is until something is said about it. */
export const INITIAL_WINDOW_BYTES = 65_535;

/** Bodies that wait for a window are copies; with so many of them no further stream is opened. */
const MAX_UNFINISHED = 1024;

/** See the file comment. */
export class Http2BodyWriter {
  /** Bytes of bodies written so far. */
  writtenBytes = 0;
  readonly #output: Http2Output;
  readonly #requests: RequestEncoder;
  /** In the order their streams were opened. */
  readonly #unfinished = new Set<PendingNotification>();
  #initialWindow = INITIAL_WINDOW_BYTES;
  /** The window of the whole connection. */
  #window = INITIAL_WINDOW_BYTES;

  constructor(output: Http2Output, requests: RequestEncoder) {
    this.#output = output;
    this.#requests = requests;
  }

  /** Whether it makes sense to open a further stream. */
  get hasRoom(): boolean {
    return this.#window > 0 && this.#unfinished.size < MAX_UNFINISHED;
  }

  /** Writes the body of a stream whose headers have just been written, or what the windows take of it. */
  start(pending: PendingNotification): void {
    const { payload } = pending;
    pending.sendWindow = this.#initialWindow;
    const most = typeof payload === 'string' ? 3 * payload.length : payload.length;
    if (most > Math.min(this.#window, pending.sendWindow, DEFAULT_MAX_FRAME_BYTES)) {
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

  /** Forgets a body whose stream is over. */
  drop(pending: PendingNotification): void {
    if (pending.rest !== undefined) this.#unfinished.delete(pending);
  }

  /** The peer takes more on all streams together. */
  grow(increment: number): void {
    this.#window += increment;
    if (this.#window > MAX_UINT31) throw connectionError('FLOW_CONTROL_ERROR', 'the window exceeds 2^31-1');
    this.writeOn();
  }

  /** The peer takes more on one stream. @returns false if that window is larger than any may be */
  growStream(pending: PendingNotification, increment: number): boolean {
    pending.sendWindow += increment;
    if (pending.sendWindow > MAX_UINT31) return false;
    if (pending.rest !== undefined) this.#writeRest(pending);
    return true;
  }

  /** Section 6.9.2: a new initial size moves every open stream's window, below zero if need be. */
  setInitialWindow(bytes: number, open: Iterable<PendingNotification>): void {
    const difference = bytes - this.#initialWindow;
    this.#initialWindow = bytes;
    for (const pending of open) {
      pending.sendWindow += difference;
      if (pending.sendWindow > MAX_UINT31)
        throw connectionError('FLOW_CONTROL_ERROR', 'a window exceeds 2^31-1');
    }
  }

  /** Writes what windows and socket take now. */
  writeOn(): void {
    for (const pending of this.#unfinished) {
      if (this.#window <= 0 || this.#output.isBlocked) return;
      this.#writeRest(pending);
    }
  }

  #writeRest(pending: PendingNotification): void {
    let rest = pending.rest!;
    const output = this.#output;
    while (rest.length > 0 && !output.isBlocked) {
      const credit = Math.min(this.#window, pending.sendWindow, DEFAULT_MAX_FRAME_BYTES);
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
    pending.sendWindow -= bytes;
    this.writtenBytes += bytes;
  }
}
