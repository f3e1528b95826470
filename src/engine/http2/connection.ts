/**
 * One HTTP/2 connection to APNs: a socket, the streams open on it, and the rules both ends must keep.
 *
 * States: waiting for SETTINGS (nothing may be sent) → open → draining (GOAWAY came, the stream ids are used up, or
 * the connection is replaced: what is open is finished, nothing is added) → closed, reported once by `onClose`.
 * `health` decides whether it gets new notifications, `liveness` whether the peer still responds.
 *
 * RFC 9113 throughout. Frames are collected in slabs that leave when they are full or at the end of the turn.
 */
import type { TLSSocket } from 'node:tls';
import { receive } from '../../connection/receiver.js';
import type { ApnsError, Peer } from '../../core/errors.js';
import { type ApnsResponse, ResponseDecoder } from '../../protocol/apns/response.js';
import { connectionError, Http2Error } from '../../protocol/http2/connection-error.js';
import { Http2ErrorCode } from '../../protocol/http2/error-code.js';
import { MAX_UINT31 } from '../../protocol/http2/frame-header.js';
import { type FrameHandler, FrameReader } from '../../protocol/http2/frame-reader.js';
import type { Http2Settings } from '../../protocol/http2/settings.js';
import { ConnectionHealth } from '../connection-health.js';
import type { EngineClock } from '../engine-clock.js';
import { breachError, farewellError, lossReason, resetReason } from './errors.js';
import { FloodGuard } from './flood-guard.js';
import { Http2Liveness, type LivenessLimits } from './liveness.js';
import { Http2Output } from './output.js';
import type { PendingNotification, StreamHolder } from './pending-notification.js';
import { Http2RequestWriter, INITIAL_WINDOW_BYTES } from './request-writer.js';
import { StreamTable } from './stream-table.js';

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
  /**
   * The connection is over, after every open stream was told of. Called once. `cause` is absent where this
   * side closed it in good order, and where the peer did without a word.
   */
  onClose(connection: Http2Connection, cause: ApnsError | undefined): void;
}

/** Our window for the whole connection: bodies are rejections, about 50 bytes each. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** A rejection longer than this comes from something that is not APNs: its stream is cancelled. */
const MAX_RESPONSE_BYTES = 48 * 1024;

/** What is kept of a rejection: its reason and timestamp. */
const MAX_KEPT_BYTES = 2048;

/** Fewer bytes of waiting bodies than this, since the last progress, are none: a peer may let them trickle. */
const MIN_CONTINUED_BYTES = 256;

/** How long a connection that is closed in good order may take to send what it still has. */
const GOODBYE_MS = 1000;

/** The data that the connections of one engine share. */
export interface Http2ConnectionContext {
  readonly peer: Peer;
  /** The value of `:authority`. */
  readonly authority: string;
  readonly clock: EngineClock;
  readonly limits: LivenessLimits;
}

/** See the file comment. */
export class Http2Connection implements FrameHandler, StreamHolder {
  readonly health: ConnectionHealth = new ConnectionHealth();
  readonly liveness: Http2Liveness;
  /** How many notifications were answered here. */
  #answers = 0;
  /** Whether this side wants no more of it. */
  #isRetired = false;
  /** Whether frames that were just read let more of the bodies be written. */
  #isWindowChanged = false;
  /** Bytes of continued bodies that counted as progress. */
  #countedBytes = 0;
  /** Whether frames are being read. */
  #isReading = false;
  readonly #socket: TLSSocket;
  readonly #peer: Peer;
  readonly #clock: EngineClock;
  readonly #events: Http2ConnectionEvents;
  readonly #output: Http2Output;
  readonly #requests: Http2RequestWriter;
  readonly #responses = new ResponseDecoder({ maxBodyBytes: MAX_KEPT_BYTES });
  readonly #frames = new FrameReader(this);
  readonly #floodGuard = new FloodGuard();
  readonly #streams = new StreamTable();
  #state: 'waiting' | 'open' | 'draining' | 'closed' = 'waiting';
  /** The requests that the peer still has to answer after GOAWAY, in the order of their streams. */
  #lastOpen: PendingNotification[] | undefined;
  /** Unlimited until SETTINGS say otherwise; nothing is sent before they came. */
  #maxStreams = Number.POSITIVE_INFINITY;
  /** The most streams that SETTINGS have allowed so far. */
  #peakStreamLimit = 0;
  #receivedBytes = 0;
  /** What GOAWAY said. */
  #goaway: ApnsError | undefined;

  constructor(socket: TLSSocket, context: Http2ConnectionContext, events: Http2ConnectionEvents) {
    const { peer, authority, clock, limits } = context;
    this.#socket = socket;
    this.#peer = peer;
    this.#clock = clock;
    this.#events = events;
    this.liveness = new Http2Liveness(clock.now(), limits);
    this.#output = new Http2Output(socket);
    this.#requests = new Http2RequestWriter(this.#output, authority);
    this.#output.writeControl({ type: 'SETTINGS', ack: false, settings: { enablePush: false } });
    const increment = CONNECTION_WINDOW_BYTES - INITIAL_WINDOW_BYTES;
    this.#output.writeControl({ type: 'WINDOW_UPDATE', streamId: 0, increment });
    const onBytes = (chunk: Buffer): void => this.#onBytes(chunk);
    // Behind the peer's end no answer can come, even if the socket never gets rid of what it holds.
    const onEnd = (): void => this.#close(undefined);
    receive(socket, { onBytes, onEnd, onClose: (cause) => this.#close(cause) }, peer);
    socket.on('drain', () => {
      this.#requests.writeOn();
      this.#tellRoom();
    });
  }

  /** Whether a notification was ever answered here. */
  get isProven(): boolean {
    return this.#answers > 0;
  }

  /** Whether it was this side that had enough of it. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Whether the peer took part in HTTP/2 and then ended the connection in good order, or refused what was sent. */
  get isDismissed(): boolean {
    const isGoaway = this.#goaway?.code === 'APNS_ERR_CONNECTION_LOST';
    const hasFailed = this.health.state === 'suspect' || this.health.isSick;
    return this.liveness.hasSettings && (isGoaway || hasFailed);
  }

  /** How many notifications are written and not answered. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** Whether the peer allows one stream at most and has allowed more: what APNs does after a rejection. */
  get isThrottled(): boolean {
    return this.#maxStreams <= 1 && this.#peakStreamLimit > 1;
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
    if (this.#state !== 'open' || !this.#requests.hasRoom || this.#output.isBlocked) return 0;
    const { health, liveness } = this;
    if (liveness.isStalled || liveness.verifiedFrom !== undefined) return 0;
    return Math.max(0, Math.min(this.#maxStreams, health.maxInFlight) - this.#streams.size);
  }

  /** Whether the peer must still respond to a request or open the window for one. */
  get hasWork(): boolean {
    const isShut = this.#state === 'open' && (this.#maxStreams === 0 || !this.#requests.hasRoom);
    return isShut || this.#streams.size > 0;
  }

  /** Writes a notification; there must be room. */
  send(pending: PendingNotification, now: number): void {
    if (this.#streams.size === 0) this.liveness.noteWork(now);
    pending.streamId = this.#streams.open(pending);
    pending.connection = this;
    pending.sentAt = now;
    pending.receivedBytes = 0;
    pending.rest = undefined;
    pending.attempts++;
    this.#requests.write(pending);
    if (this.#streams.nextId > MAX_UINT31) this.#state = 'draining';
  }

  timeOut(pending: PendingNotification): boolean {
    // A peer that has responded since then may be slow. One that has not will not respond to the next request either.
    if (this.liveness.lastResponseAt < pending.sentAt) this.health.recordSickness();
    return this.#cancel(pending);
  }

  /**
   * Takes back the requests that a stalled connection has not sent completely; the peer cannot have processed them.
   *
   * @param isAll whether to end every stream, so that all can be sent again
   */
  takeBack(isAll: boolean): void {
    for (const pending of this.#streams.all()) {
      const { rest } = pending;
      if ((!isAll && rest === undefined) || this.#cancel(pending)) continue;
      if (rest !== undefined) this.#events.onUnprocessed(this, pending);
      else this.#events.onLost(this, pending, 'Timeout');
    }
  }

  /** Counts bodies that the peer lets continue as progress, if they do so at more than a trickle. */
  noteContinued(): void {
    const { continuedBytes } = this.#requests;
    if (continuedBytes - this.#countedBytes < MIN_CONTINUED_BYTES) return;
    this.#countedBytes = continuedBytes;
    this.liveness.noteProgress(this.#clock.now());
  }

  /** Asks the peer whether it is still there. */
  ping(): void {
    this.liveness.notePing(this.#clock.now());
    this.#output.writeControl({ type: 'PING', ack: false, data: Buffer.alloc(8) });
  }

  /** The process was frozen: the peer must answer a PING before the next write. */
  verify(): void {
    if (this.#state !== 'open') return;
    this.liveness.noteFreeze(this.#clock.now());
    this.ping();
  }

  /** Opens no more streams, and closes when the open ones are answered. */
  drain(): void {
    this.#isRetired = true;
    if (this.#state !== 'closed') this.#state = 'draining';
    this.#closeIfDrained();
  }

  /** Closes at once; what is open is reported as if the peer had closed. */
  abandon(cause: ApnsError, errorCode: number = Http2ErrorCode.NO_ERROR): void {
    if (this.#state === 'closed') return;
    this.#sayGoodbye(errorCode);
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
    if (response !== undefined) this.#answer(pending, response);
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
    if (pending.receivedBytes > MAX_RESPONSE_BYTES) this.#cancel(pending);
  }

  onRstStream(streamId: number, errorCode: number): void {
    const pending = this.#streams.get(streamId);
    if (pending === undefined) {
      this.#checkNotIdle(streamId);
      return;
    }
    const known = this.#takePartial(pending);
    this.#remove(pending);
    if (known !== undefined) {
      this.#events.onResponse(this, pending, known);
      return;
    }
    const isRefused = errorCode === Http2ErrorCode.REFUSED_STREAM;
    this.health.recordFailure(pending.streamId, this.#streams.nextId, !isRefused && !this.isThrottled);
    if (isRefused) this.#events.onUnprocessed(this, pending);
    else this.#events.onLost(this, pending, resetReason(errorCode));
  }

  onSettings(settings: Http2Settings): void {
    const { maxConcurrentStreams } = settings;
    this.#requests.applySettings(settings, this.#streams);
    const wasFull = this.#maxStreams <= this.#streams.size;
    if (maxConcurrentStreams !== undefined) this.#maxStreams = maxConcurrentStreams;
    if (wasFull && this.#maxStreams > this.#streams.size) this.liveness.noteProgress(this.#clock.now());
    this.#peakStreamLimit = Math.max(this.#peakStreamLimit, this.#maxStreams);
    this.liveness.noteSettings(this.#clock.now());
    if (this.#state === 'waiting') this.#state = 'open';
    this.#output.writeControl({ type: 'SETTINGS', ack: true, settings: {} });
    this.#isWindowChanged = true;
  }

  onSettingsAck(): void {}

  onPing(data: Buffer, ack: boolean): void {
    if (ack) this.liveness.notePong();
    else this.#output.writeControl({ type: 'PING', ack: true, data: Buffer.from(data) });
  }

  onGoaway(lastStreamId: number, errorCode: number, debugData: Buffer): void {
    if (this.#state === 'closed') return;
    this.#goaway = farewellError(this.#peer, errorCode, debugData);
    this.#state = 'draining';
    // No stream is opened any more, so each stream is visited once, regardless of the number of GOAWAY frames.
    this.#lastOpen ??= this.#streams.all();
    for (let last = this.#lastOpen.at(-1); last !== undefined; last = this.#lastOpen.at(-1)) {
      if (last.streamId <= lastStreamId) return;
      this.#lastOpen.pop();
      if (this.#streams.get(last.streamId) === last) this.#deny(last);
    }
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (streamId === 0) {
      this.#requests.grow(increment);
      this.#isWindowChanged = true;
      return;
    }
    const pending = this.#streams.get(streamId);
    if (pending === undefined) this.#checkNotIdle(streamId);
    else if (!this.#requests.growStream(pending, increment))
      this.onStreamError(new Http2Error('FLOW_CONTROL_ERROR', streamId, 'the window exceeds 2^31-1'));
  }

  onStreamError({ streamId, http2ErrorCode }: Http2Error): void {
    const pending = this.#streams.get(streamId);
    if (pending === undefined) {
      // RST_STREAM was sent already, or the stream is over on both sides.
      this.#checkNotIdle(streamId);
      return;
    }
    this.#reset(pending, http2ErrorCode);
    this.health.recordFailure(streamId, this.#streams.nextId);
    this.#events.onLost(this, pending, 'MalformedResponse');
  }

  #onBytes(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    const now = this.#clock.now();
    this.#clock.noteRead();
    this.liveness.noteReceived(now);
    const answers = this.#answers;
    let failure: unknown;
    this.#isReading = true;
    try {
      this.#frames.read(chunk);
      this.#floodGuard.note(chunk.length, this.#answers + this.#requests.writtenBytes, now);
      if (this.#output.isOverrun) throw connectionError('ENHANCE_YOUR_CALM', 'answers are not read');
    } catch (error) {
      failure = error;
    }
    this.#isReading = false;
    if (this.#isWindowChanged && failure === undefined) this.#requests.writeOn();
    this.#isWindowChanged = false;
    if (this.#answers !== answers) this.liveness.noteResponse(now);
    if (failure !== undefined) this.#breakOff(failure);
    else this.#closeIfDrained();
    // Once, behind the last frame: who is told may write, end, destroy or throw.
    this.#events.onRoom(this);
  }

  #breakOff(failure: unknown): void {
    const errorCode = failure instanceof Http2Error ? failure.http2ErrorCode : Http2ErrorCode.NO_ERROR;
    this.abandon(breachError(this.#peer, failure), errorCode);
  }

  #answer(pending: PendingNotification, response: ApnsResponse): void {
    this.#noteResponse(pending, response);
    // Answered before it was sent whole: the rest would only be thrown away.
    if (pending.rest !== undefined) this.#reset(pending);
    else this.#streams.close(pending.streamId);
    pending.connection = undefined;
    this.#events.onResponse(this, pending, response);
  }

  #noteResponse({ streamId }: PendingNotification, { statusCode, reason }: ApnsResponse): void {
    this.#answers++;
    if (statusCode < 500) this.health.recordSuccess();
    else if (reason === 'Shutdown') this.health.recordSickness();
    else this.health.recordFailure(streamId, this.#streams.nextId);
  }

  /** GOAWAY shows that the notification was not processed, unless its response has already begun. */
  #deny(pending: PendingNotification): void {
    const known = this.#takePartial(pending);
    this.#remove(pending);
    if (known !== undefined) this.#events.onResponse(this, pending, known);
    else this.#events.onUnprocessed(this, pending);
  }

  #cancel(pending: PendingNotification): boolean {
    const known = this.#takePartial(pending);
    this.#reset(pending);
    if (known !== undefined) this.#events.onResponse(this, pending, known);
    this.#closeIfDrained();
    return known !== undefined;
  }

  /** The part of the response that has arrived on a stream that has ended. */
  #takePartial(pending: PendingNotification): ApnsResponse | undefined {
    const known = this.#responses.takePartial(pending.streamId);
    if (known === undefined) return undefined;
    this.#noteResponse(pending, known);
    this.liveness.noteResponse(this.#clock.now());
    return known;
  }

  #remove(pending: PendingNotification): void {
    pending.connection = undefined;
    this.#streams.close(pending.streamId);
    this.#requests.drop(pending);
  }

  #reset(pending: PendingNotification, errorCode: number = Http2ErrorCode.CANCEL): void {
    const { streamId } = pending;
    this.#remove(pending);
    this.#responses.forget(streamId);
    this.#output.writeControl({ type: 'RST_STREAM', streamId, errorCode });
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
    if (streamId % 2 === 1 && streamId < this.#streams.nextId) return;
    throw connectionError('PROTOCOL_ERROR', `stream ${streamId} was never opened`);
  }

  #tellRoom(): void {
    if (this.room > 0) this.#events.onRoom(this);
  }

  #closeIfDrained(): void {
    // Not between two frames: what a listener throws who is told of it would be taken for the peer's fault.
    if (this.#isReading || this.#state !== 'draining' || this.#streams.size > 0) return;
    this.#state = 'closed';
    this.#sayGoodbye(Http2ErrorCode.NO_ERROR);
    const socket = this.#socket;
    socket.destroySoon();
    // A peer that reads nothing would keep it for as long as it likes.
    const timer = setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
    socket.once('close', () => clearTimeout(timer));
    this.#events.onClose(this, this.#goaway);
  }

  #sayGoodbye(errorCode: number): void {
    this.#output.writeControl({ type: 'GOAWAY', lastStreamId: 0, errorCode, debugData: Buffer.alloc(0) });
    this.#output.flush();
  }

  #close(cause: ApnsError | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#socket.destroy();
    for (const pending of this.#streams.all()) {
      const known = this.#takePartial(pending);
      this.#remove(pending);
      if (known !== undefined) this.#events.onResponse(this, pending, known);
      // Without its last frame a request is not complete, and is not processed: RFC 9113, section 8.1.
      else if (pending.rest !== undefined) this.#events.onUnprocessed(this, pending);
      else this.#events.onLost(this, pending, lossReason(cause));
    }
    this.#events.onClose(this, cause ?? this.#goaway);
  }
}
