/**
 * One HTTP/2 connection to APNs (RFC 9113): a socket, its open streams, and the rules of the connection.
 *
 * States: waiting for SETTINGS (nothing may be sent) → open → draining (after GOAWAY, with all stream ids used, or when
 * the connection is replaced: open streams finish, and no new ones open) → closed, which `onClose` reports once.
 * `health` decides whether it gets new notifications, `liveness` whether the peer still responds.
 *
 * Frames are collected in slabs, which are written when they are full or at the end of the tick.
 */
import type { TLSSocket } from 'node:tls';
import { receive } from '../../connection/receiver.js';
import type { ApnsError, Peer } from '../../core/errors.js';
import { Http2ErrorCode } from '../../protocol/http2/error-code.js';
import { MAX_UINT31 } from '../../protocol/http2/frame-header.js';
import { type FrameHandler, FrameReader } from '../../protocol/http2/frame-reader.js';
import { connectionError, Http2Error } from '../../protocol/http2/http2-error.js';
import type { Http2Settings } from '../../protocol/http2/settings.js';
import { ConnectionHealth } from '../connection-health.js';
import type { EngineClock } from '../engine-clock.js';
import { goawayError, http2ProtocolError, lossReason } from './errors.js';
import { FloodGuard } from './flood-guard.js';
import { Http2Liveness, type LivenessLimits } from './liveness.js';
import { Http2Output } from './output.js';
import type { PendingNotification } from './pending-notification.js';
import { Http2RequestWriter } from './request-writer.js';
import { Http2Streams, type StreamEvents, type StreamOwner } from './streams.js';

/** The callbacks of a connection to its sender. */
export interface Http2ConnectionEvents extends StreamEvents<Http2Connection> {
  /** More notifications may be sent than before. */
  onRoom(connection: Http2Connection): void;
  /**
   * The connection has ended, and the end of every open stream was reported. Called once. There is no `cause` if this
   * side closed the connection normally, or if the peer closed it without an error.
   */
  onClose(connection: Http2Connection, cause: ApnsError | undefined): void;
}

/** How long a connection may take to send its remaining bytes when it closes normally. */
const DRAIN_MS = 1000;

/** The data that the connections of one engine share. */
export interface Http2ConnectionContext {
  readonly peer: Peer;
  /** The value of `:authority`. */
  readonly authority: string;
  readonly clock: EngineClock;
  readonly limits: LivenessLimits;
}

/** See the file comment. */
export class Http2Connection implements FrameHandler, StreamOwner {
  readonly health: ConnectionHealth = new ConnectionHealth();
  readonly liveness: Http2Liveness;
  #isReplaced = false;
  /** Whether the frames that were just read allow more DATA. */
  #isWindowChanged = false;
  /** Whether frames are being read. */
  #isReading = false;
  readonly #socket: TLSSocket;
  readonly #peer: Peer;
  readonly #clock: EngineClock;
  readonly #events: Http2ConnectionEvents;
  readonly #output: Http2Output;
  readonly #requests: Http2RequestWriter;
  readonly #frames = new FrameReader(this);
  readonly #floodGuard = new FloodGuard();
  readonly #streams: Http2Streams<Http2Connection>;
  #state: 'waiting' | 'open' | 'draining' | 'closed' = 'waiting';
  /** The requests that the peer must still answer after GOAWAY, in the order of their streams. */
  #lastOpen: PendingNotification[] | undefined;
  /** The contents of GOAWAY. */
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
    const parts = { requests: this.#requests, output: this.#output, health: this.health };
    this.#streams = new Http2Streams<Http2Connection>(this, parts, events);
    this.#output.writeControl({ type: 'SETTINGS', ack: false, settings: { enablePush: false } });
    this.#streams.openWindow();
    const onBytes = (chunk: Buffer): void => this.#onBytes(chunk);
    // After the peer's end no response can arrive, even if the socket still has bytes to send.
    const onEnd = (): void => this.#close(undefined);
    receive(socket, { onBytes, onEnd, onClose: (cause) => this.#close(cause) }, peer);
    socket.on('drain', () => {
      this.#requests.writeOn();
      this.#notifyRoom();
    });
  }

  /** Whether this connection has received a response to a notification. */
  get isProven(): boolean {
    return this.#streams.responseCount > 0;
  }

  /** Whether this side drains the connection, so that another one replaces it. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  /** Whether the peer spoke HTTP/2 and then ended the connection normally, or refused requests. */
  get isClosedByPeer(): boolean {
    const isGoaway = this.#goaway?.code === 'APNS_ERR_CONNECTION_LOST';
    const hasFailed = this.health.state === 'failing' || this.health.isSick;
    return this.liveness.hasSettings && (isGoaway || hasFailed);
  }

  /** The number of notifications that are written and have no response. */
  get openStreams(): number {
    return this.#streams.table.size;
  }

  /** Whether the peer allows one stream at most and has allowed more: what APNs does after a rejection. */
  get isThrottled(): boolean {
    return this.#streams.isThrottled;
  }

  /** Whether the peer's SETTINGS have arrived. */
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
    return Math.max(0, Math.min(this.#streams.limit, health.maxInFlight) - this.#streams.table.size);
  }

  /** Whether the peer must still respond to a request or open the window for one. */
  get hasWork(): boolean {
    const isShut = this.#state === 'open' && (this.#streams.limit === 0 || !this.#requests.hasRoom);
    return isShut || this.#streams.table.size > 0;
  }

  /** Writes a notification. Check `room` first. */
  send(pending: PendingNotification, now: number): void {
    if (this.#streams.table.size === 0) this.liveness.noteWork(now);
    this.#streams.open(pending, now);
    if (this.#streams.table.nextId > MAX_UINT31) this.#state = 'draining';
  }

  /** See {@link Http2Streams.takeBack}. */
  takeBack(isAll: boolean): void {
    this.#streams.takeBack(isAll);
  }

  /** Counts DATA that the peer has allowed as progress, if it is more than a few bytes. */
  noteContinued(): void {
    if (this.#requests.takeProgress()) this.liveness.noteProgress(this.#clock.now());
  }

  /** Sends PING, to check whether the peer still responds. */
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

  /** Opens no more streams, and closes after the open ones have their responses. */
  drain(): void {
    this.#isReplaced = true;
    if (this.#state !== 'closed') this.#state = 'draining';
    this.#closeIfDrained();
  }

  /** Closes at once, and reports open streams as if the peer had closed. */
  destroy(cause: ApnsError, errorCode: number = Http2ErrorCode.NO_ERROR): void {
    if (this.#state === 'closed') return;
    this.#writeGoaway(errorCode);
    this.#close(cause);
  }

  onHeaders(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    this.#streams.onHeaders(streamId, bytes, start, end, endStream);
  }

  onData(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
    flowBytes: number,
  ): void {
    this.#streams.onData(streamId, bytes, start, end, endStream, flowBytes);
  }

  onRstStream(streamId: number, errorCode: number): void {
    this.#streams.onRstStream(streamId, errorCode);
  }

  onSettings(settings: Http2Settings): void {
    const { maxConcurrentStreams } = settings;
    this.#requests.applySettings(settings, this.#streams.table);
    const hasMore = this.#streams.setLimit(maxConcurrentStreams ?? this.#streams.limit);
    if (hasMore) this.liveness.noteProgress(this.#clock.now());
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
    this.#goaway = goawayError(this.#peer, errorCode, debugData);
    this.#state = 'draining';
    // No stream opens after GOAWAY, so each stream is visited once, regardless of the number of GOAWAY frames.
    this.#lastOpen ??= this.#streams.table.all();
    for (let last = this.#lastOpen.at(-1); last !== undefined; last = this.#lastOpen.at(-1)) {
      if (last.streamId <= lastStreamId) return;
      this.#lastOpen.pop();
      this.#streams.deny(last);
    }
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (streamId === 0) {
      this.#requests.grow(increment);
      this.#isWindowChanged = true;
      return;
    }
    if (!this.#streams.growWindow(streamId, increment))
      this.onStreamError(new Http2Error('FLOW_CONTROL_ERROR', streamId, 'the window exceeds 2^31-1'));
  }

  onStreamError(error: Http2Error): void {
    this.#streams.onStreamError(error);
  }

  onPartialResponse(): void {
    this.liveness.noteResponse(this.#clock.now());
  }

  hasRespondedSince(then: number): boolean {
    return this.liveness.lastResponseAt >= then;
  }

  onReset(): void {
    this.#closeIfDrained();
  }

  #onBytes(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    const now = this.#clock.now();
    this.#clock.noteRead();
    this.liveness.noteReceived(now);
    const responseCount = this.#streams.responseCount;
    let failure: unknown;
    this.#isReading = true;
    try {
      this.#frames.read(chunk);
      this.#floodGuard.note(chunk.length, this.#streams.responseCount + this.#requests.writtenBytes, now);
      if (this.#output.isOverrun)
        throw connectionError('ENHANCE_YOUR_CALM', 'the peer does not read responses to PING and SETTINGS');
    } catch (error) {
      failure = error;
    }
    this.#isReading = false;
    if (this.#isWindowChanged && failure === undefined) this.#requests.writeOn();
    this.#isWindowChanged = false;
    if (this.#streams.responseCount !== responseCount) this.liveness.noteResponse(now);
    if (failure !== undefined) this.#breakOff(failure);
    else this.#closeIfDrained();
    // Call this once, after the last frame: the callback may write, end, destroy or throw.
    this.#events.onRoom(this);
  }

  #breakOff(failure: unknown): void {
    const errorCode = failure instanceof Http2Error ? failure.http2ErrorCode : Http2ErrorCode.NO_ERROR;
    this.destroy(http2ProtocolError(this.#peer, failure), errorCode);
  }

  #notifyRoom(): void {
    if (this.room > 0) this.#events.onRoom(this);
  }

  #closeIfDrained(): void {
    // Do not close between two frames: an error of a listener would look like an error of the peer.
    if (this.#isReading || this.#state !== 'draining' || this.#streams.table.size > 0) return;
    this.#state = 'closed';
    this.#writeGoaway(Http2ErrorCode.NO_ERROR);
    const socket = this.#socket;
    socket.destroySoon();
    // A peer that does not read could otherwise keep the socket open without a limit.
    const timer = setTimeout(() => socket.destroy(), DRAIN_MS).unref();
    socket.once('close', () => clearTimeout(timer));
    this.#events.onClose(this, this.#goaway);
  }

  #writeGoaway(errorCode: number): void {
    this.#output.writeControl({ type: 'GOAWAY', lastStreamId: 0, errorCode, debugData: Buffer.alloc(0) });
    this.#output.flush();
  }

  #close(cause: ApnsError | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#socket.destroy();
    this.#streams.lose(lossReason(cause));
    this.#events.onClose(this, cause ?? this.#goaway);
  }
}
