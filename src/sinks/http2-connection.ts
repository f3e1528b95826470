/**
 * One HTTP/2 connection to APNs: a socket, the streams open on it, and the rules both ends must keep.
 *
 * States: waiting for SETTINGS (nothing may be sent) → open → draining (GOAWAY came, or the stream ids are
 * used up: what is open is finished, nothing is added) → closed, reported once by `onClose`.
 *
 * RFC 9113 throughout. Frames are collected in slabs that leave when they are full or at the end of the turn.
 */
import type { TLSSocket } from 'node:tls';
import { receive } from '../connection/receiver.js';
import { type ApnsError, type Peer, toApnsError } from '../errors.js';
import { connectionError, Http2Error } from '../protocol/http2/connection-error.js';
import { Http2ErrorCode, http2ErrorName } from '../protocol/http2/error-code.js';
import { DEFAULT_MAX_FRAME_BYTES, FRAME_HEADER_BYTES, MAX_UINT31 } from '../protocol/http2/frame-header.js';
import { type FrameHandler, FrameReader } from '../protocol/http2/frame-reader.js';
import {
  bodyBytes,
  type GeneralRequest,
  notificationBytes,
  RequestEncoder,
  requestHeadersBytes,
} from '../protocol/http2/request.js';
import { type ApnsResponse, ResponseDecoder } from '../protocol/http2/response.js';
import type { Http2Settings } from '../protocol/http2/settings.js';
import { Http2Output } from './http2-output.js';
import type { PendingNotification } from './pending-notification.js';

/** What a connection tells its sender. */
export interface Http2ConnectionEvents {
  /** A notification was answered. The response object is used again. */
  onResponse(connection: Http2Connection, pending: PendingNotification, response: ApnsResponse): void;
  /** A notification was certainly not processed: refused, above GOAWAY's last stream, or not sent whole. */
  onUnprocessed(connection: Http2Connection, pending: PendingNotification): void;
  /** A notification's stream ended without an answer; `reason` says how. */
  onLost(connection: Http2Connection, pending: PendingNotification, reason: string): void;
  /** More notifications may be sent than before. */
  onRoom(connection: Http2Connection): void;
  /** The connection is over, after every open stream was told of. Called once. */
  onClose(connection: Http2Connection, cause: ApnsError | undefined): void;
}

/** RFC 9113, section 6.9.2: what every window is until something is said about it. */
const INITIAL_WINDOW_BYTES = 65_535;

/** Our window for the whole connection: bodies are rejections, about 50 bytes each. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** A rejection longer than this comes from something that is not APNs: its stream is cancelled. */
const MAX_RESPONSE_BYTES = 48 * 1024;

/** Frames that demand work and bring no answer forward; more of them in a row are an attack. */
const MAX_IDLE_FRAMES = 10_000;

/** See the file comment. */
export class Http2Connection implements FrameHandler {
  readonly openedAt: number = performance.now();
  /** When the peer last sent something. */
  heardAt: number = this.openedAt;
  /** When the PING was sent that is not answered yet. */
  pingedAt: number | undefined;
  /** Whether a notification was ever answered here. */
  isProven = false;
  readonly #socket: TLSSocket;
  readonly #events: Http2ConnectionEvents;
  readonly #output: Http2Output;
  readonly #authority: string;
  readonly #requests: RequestEncoder;
  readonly #responses = new ResponseDecoder();
  readonly #frames = new FrameReader(this);
  readonly #streams = new Map<number, PendingNotification>();
  /** Streams whose body is not written whole, in the order they were opened. */
  readonly #unfinished = new Set<PendingNotification>();
  #state: 'waiting' | 'open' | 'draining' | 'closed' = 'waiting';
  #nextStreamId = 1;
  #lastProcessed = MAX_UINT31;
  /** Unlimited until SETTINGS say otherwise; nothing is sent before they came. */
  #maxStreams = Number.POSITIVE_INFINITY;
  /** The most streams that SETTINGS have allowed so far. */
  #hadStreams = 0;
  #initialWindow = INITIAL_WINDOW_BYTES;
  #sendWindow = INITIAL_WINDOW_BYTES;
  #receivedBytes = 0;
  #idleFrames = 0;

  constructor(socket: TLSSocket, peer: Peer, authority: string, events: Http2ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#authority = authority;
    this.#requests = new RequestEncoder({ authority });
    this.#output = new Http2Output(socket);
    this.#output.writeControl({ type: 'SETTINGS', ack: false, settings: { enablePush: false } });
    const increment = CONNECTION_WINDOW_BYTES - INITIAL_WINDOW_BYTES;
    this.#output.writeControl({ type: 'WINDOW_UPDATE', streamId: 0, increment });
    const onBytes = (chunk: Buffer): void => this.#onBytes(chunk, peer);
    receive(socket, { onBytes, onClose: (cause) => this.#close(cause) }, peer);
    socket.on('drain', () => this.#tellRoom());
  }

  /** How many notifications are written and not answered. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** Whether the peer allows one stream at most and has allowed more: what APNs does after a rejection. */
  get isThrottled(): boolean {
    return this.#maxStreams <= 1 && this.#hadStreams > 1;
  }

  /** Whether the peer's SETTINGS have come. */
  get isReady(): boolean {
    return this.#state !== 'waiting';
  }

  get isDraining(): boolean {
    return this.#state === 'draining' || this.#state === 'closed';
  }

  /** How many more notifications may be sent now. */
  get room(): number {
    if (this.#state !== 'open' || this.#sendWindow <= 0 || this.#output.isBlocked) return 0;
    return Math.max(0, this.#maxStreams - this.#streams.size);
  }

  /** The notification that was written first of those not answered. */
  get oldest(): PendingNotification | undefined {
    return this.#streams.values().next().value;
  }

  /** Writes a notification; there must be room. */
  send(pending: PendingNotification, now: number): void {
    pending.streamId = this.#nextStreamId;
    pending.sendWindow = this.#initialWindow;
    pending.sentAt = now;
    pending.receivedBytes = 0;
    pending.rest = undefined;
    pending.attempts++;
    this.#nextStreamId += 2;
    this.#idleFrames = 0;
    this.#streams.set(pending.streamId, pending);
    const output = this.#output;
    if (pending.broadcast === undefined) {
      output.reserve(notificationBytes(pending));
      output.end = this.#requests.writeNotificationHeaders(
        output.slab,
        output.end,
        pending.streamId,
        pending,
      );
    } else {
      this.#writeBroadcast(pending, pending.broadcast);
    }
    this.#writeBody(pending);
    if (this.#nextStreamId > MAX_UINT31) this.#state = 'draining';
  }

  /** Gives up waiting for an answer. */
  cancel(pending: PendingNotification): void {
    this.#remove(pending);
    this.#responses.forget(pending.streamId);
    this.#output.writeControl({
      type: 'RST_STREAM',
      streamId: pending.streamId,
      errorCode: Http2ErrorCode.CANCEL,
    });
  }

  /** Asks the peer whether it is still there. */
  ping(now: number): void {
    this.pingedAt = now;
    this.#output.writeControl({ type: 'PING', ack: false, data: Buffer.alloc(8) });
  }

  /** Opens no more streams, and closes when the open ones are answered. */
  drain(): void {
    if (this.#state !== 'closed') this.#state = 'draining';
    this.#closeIfDrained();
  }

  /** Closes at once; what is open is reported as if the peer had closed. */
  abandon(cause: ApnsError): void {
    if (this.#state === 'closed') return;
    this.#sayGoodbye(cause instanceof Http2Error ? cause.http2ErrorCode : Http2ErrorCode.NO_ERROR);
    this.#close(cause);
  }

  onHeaders(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const pending = this.#streams.get(streamId);
    if (pending === undefined) {
      this.#checkNotIdle(streamId);
      this.#responses.skipHeaders(bytes, start, end);
      return;
    }
    const response = this.#responses.onHeaders(streamId, bytes, start, end, endStream);
    if (response === undefined) this.#countIdleFrame();
    else this.#answer(pending, response);
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
    const pending = this.#streams.get(streamId);
    if (pending === undefined) {
      this.#checkNotIdle(streamId);
      return;
    }
    const response = this.#responses.onData(streamId, bytes, start, end, endStream);
    if (response !== undefined) {
      this.#answer(pending, response);
      return;
    }
    pending.receivedBytes += flowBytes;
    if (flowBytes === 0) this.#countIdleFrame();
    if (pending.receivedBytes <= MAX_RESPONSE_BYTES) return;
    const known = this.#responses.conclude(streamId);
    this.cancel(pending);
    if (known !== undefined) this.#events.onResponse(this, pending, known);
    this.#closeIfDrained();
  }

  onRstStream(streamId: number, errorCode: number): void {
    const pending = this.#streams.get(streamId);
    if (pending === undefined) {
      this.#checkNotIdle(streamId);
      this.#countIdleFrame();
      return;
    }
    const known = this.#responses.conclude(streamId);
    this.#remove(pending);
    if (known !== undefined) this.#events.onResponse(this, pending, known);
    else if (errorCode === Http2ErrorCode.REFUSED_STREAM) this.#events.onUnprocessed(this, pending);
    else this.#events.onLost(this, pending, reasonOf(errorCode));
    this.#closeIfDrained();
  }

  onSettings(settings: Http2Settings): void {
    this.#countIdleFrame();
    this.#requests.applySettings(settings);
    if (settings.initialWindowSize !== undefined) this.#moveWindows(settings.initialWindowSize);
    if (settings.maxConcurrentStreams !== undefined) this.#maxStreams = settings.maxConcurrentStreams;
    this.#hadStreams = Math.max(this.#hadStreams, this.#maxStreams);
    if (this.#state === 'waiting') this.#state = 'open';
    this.#output.writeControl({ type: 'SETTINGS', ack: true, settings: {} });
    this.#writeUnfinished();
    this.#tellRoom();
  }

  onSettingsAck(): void {
    this.#countIdleFrame();
  }

  onPing(data: Buffer, ack: boolean): void {
    this.#countIdleFrame();
    if (ack) this.pingedAt = undefined;
    else this.#output.writeControl({ type: 'PING', ack: true, data: Buffer.from(data) });
  }

  onGoaway(lastStreamId: number): void {
    this.#countIdleFrame();
    this.#lastProcessed = Math.min(this.#lastProcessed, lastStreamId);
    this.#state = 'draining';
    for (const pending of [...this.#streams.values()]) {
      if (pending.streamId <= this.#lastProcessed) continue;
      this.#remove(pending);
      this.#responses.forget(pending.streamId);
      this.#events.onUnprocessed(this, pending);
    }
    this.#closeIfDrained();
    this.#events.onRoom(this);
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.#countIdleFrame();
    if (streamId === 0) {
      this.#sendWindow += increment;
      if (this.#sendWindow > MAX_UINT31)
        throw connectionError('FLOW_CONTROL_ERROR', 'the window exceeds 2^31-1');
    } else {
      const pending = this.#streams.get(streamId);
      if (pending === undefined) {
        this.#checkNotIdle(streamId);
        return;
      }
      pending.sendWindow += increment;
      if (pending.sendWindow > MAX_UINT31) {
        this.onStreamError(new Http2Error('FLOW_CONTROL_ERROR', streamId, 'the window exceeds 2^31-1'));
        return;
      }
    }
    this.#writeUnfinished();
    if (streamId === 0) this.#tellRoom();
  }

  onStreamError(error: Http2Error): void {
    const { streamId, http2ErrorCode } = error;
    this.#output.writeControl({ type: 'RST_STREAM', streamId, errorCode: http2ErrorCode });
    this.#responses.forget(streamId);
    const pending = this.#streams.get(streamId);
    if (pending === undefined) return;
    this.#remove(pending);
    this.#events.onLost(this, pending, 'MalformedResponse');
    this.#closeIfDrained();
  }

  #onBytes(chunk: Buffer, peer: Peer): void {
    if (this.#state === 'closed') return;
    this.heardAt = performance.now();
    try {
      this.#frames.read(chunk);
    } catch (error) {
      this.abandon(toApnsError(error, peer));
      return;
    }
    this.#events.onRoom(this);
  }

  #answer(pending: PendingNotification, response: ApnsResponse): void {
    this.#idleFrames = 0;
    this.isProven = true;
    // Answered before it was sent whole: the rest would only be thrown away.
    if (pending.rest !== undefined) this.cancel(pending);
    else this.#streams.delete(pending.streamId);
    this.#events.onResponse(this, pending, response);
    if (this.#state === 'draining') this.#closeIfDrained();
  }

  #remove(pending: PendingNotification): void {
    this.#streams.delete(pending.streamId);
    if (pending.rest !== undefined) this.#unfinished.delete(pending);
  }

  #writeBroadcast(
    { streamId, payload, authorization }: PendingNotification,
    broadcast: GeneralRequest,
  ): void {
    const output = this.#output;
    const credentials = authorization === undefined ? [] : [['authorization', authorization] as const];
    const request = { ...broadcast, headers: [...broadcast.headers, ...credentials] };
    output.reserve(requestHeadersBytes(request, this.#authority) + bodyBytes(payload));
    output.end = this.#requests.writeHeaders(output.slab, output.end, streamId, request, false);
  }

  #writeBody(pending: PendingNotification): void {
    const { payload } = pending;
    const most = typeof payload === 'string' ? 3 * payload.length : payload.length;
    if (most > Math.min(this.#sendWindow, pending.sendWindow, DEFAULT_MAX_FRAME_BYTES)) {
      pending.rest = Buffer.from(payload as string);
      this.#unfinished.add(pending);
      this.#writeRest(pending);
      return;
    }
    const output = this.#output;
    const start = output.end + FRAME_HEADER_BYTES;
    output.end = this.#requests.writeBody(output.slab, output.end, pending.streamId, payload);
    this.#sendWindow -= output.end - start;
    pending.sendWindow -= output.end - start;
  }

  /** Writes as much of a body as both windows take. */
  #writeRest(pending: PendingNotification): void {
    let rest = pending.rest!;
    const output = this.#output;
    while (rest.length > 0) {
      const credit = Math.min(this.#sendWindow, pending.sendWindow, DEFAULT_MAX_FRAME_BYTES);
      if (credit <= 0) break;
      const piece = rest.subarray(0, credit);
      rest = rest.subarray(credit);
      output.reserve(bodyBytes(piece));
      output.end = this.#requests.writeBody(
        output.slab,
        output.end,
        pending.streamId,
        piece,
        rest.length === 0,
      );
      this.#sendWindow -= piece.length;
      pending.sendWindow -= piece.length;
    }
    pending.rest = rest.length === 0 ? undefined : rest;
    if (rest.length === 0) this.#unfinished.delete(pending);
  }

  #writeUnfinished(): void {
    for (const pending of this.#unfinished) {
      if (this.#sendWindow <= 0) return;
      this.#writeRest(pending);
    }
  }

  /** RFC 9113, section 6.9.2: a new initial size moves every open stream's window, below zero if need be. */
  #moveWindows(size: number): void {
    const difference = size - this.#initialWindow;
    this.#initialWindow = size;
    for (const pending of this.#streams.values()) {
      pending.sendWindow += difference;
      if (pending.sendWindow > MAX_UINT31)
        throw connectionError('FLOW_CONTROL_ERROR', 'a window exceeds 2^31-1');
    }
  }

  /** Gives DATA back to the window of the connection; no stream needs more than its first window. */
  #returnWindow(bytes: number): void {
    this.#receivedBytes += bytes;
    if (this.#receivedBytes < CONNECTION_WINDOW_BYTES / 2) return;
    this.#output.writeControl({ type: 'WINDOW_UPDATE', streamId: 0, increment: this.#receivedBytes });
    this.#receivedBytes = 0;
  }

  /** RFC 9113, section 5.1: frames of a stream that was never opened end the connection. */
  #checkNotIdle(streamId: number): void {
    if (streamId % 2 === 1 && streamId < this.#nextStreamId) return;
    throw connectionError('PROTOCOL_ERROR', `stream ${streamId} was never opened`);
  }

  #countIdleFrame(): void {
    if (++this.#idleFrames <= MAX_IDLE_FRAMES) return;
    throw connectionError('ENHANCE_YOUR_CALM', `${MAX_IDLE_FRAMES} frames in a row brought no answer`);
  }

  #tellRoom(): void {
    if (this.room > 0) this.#events.onRoom(this);
  }

  #closeIfDrained(): void {
    if (this.#state !== 'draining' || this.#streams.size > 0) return;
    this.#state = 'closed';
    this.#sayGoodbye(Http2ErrorCode.NO_ERROR);
    this.#socket.destroySoon();
    this.#events.onClose(this, undefined);
  }

  #sayGoodbye(errorCode: number): void {
    this.#output.writeControl({ type: 'GOAWAY', lastStreamId: 0, errorCode, debugData: Buffer.alloc(0) });
    this.#output.flush();
  }

  #close(cause: ApnsError | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#socket.destroy();
    for (const pending of [...this.#streams.values()]) {
      const known = this.#responses.conclude(pending.streamId);
      if (known !== undefined) this.#events.onResponse(this, pending, known);
      // Without its last frame a request is not complete, and is not processed: RFC 9113, section 8.1.
      else if (pending.rest !== undefined) this.#events.onUnprocessed(this, pending);
      else
        this.#events.onLost(this, pending, cause?.code === 'APNS_ERR_TIMEOUT' ? 'Timeout' : 'ConnectionLost');
    }
    this.#streams.clear();
    this.#events.onClose(this, cause);
  }
}

/** A wire error code as the reason of an outcome: INTERNAL_ERROR becomes StreamInternalError. */
function reasonOf(errorCode: number): string {
  const words = http2ErrorName(errorCode).toLowerCase().split('_');
  return `Stream${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`;
}
