/**
 * Sends frames and settles them, for both the binary sink and the binary delivery.
 *
 * A frame that was taken is in exactly one place until it is settled:
 *
 *     send() → backlog → a connection's window → settled
 *                 ↑              │
 *                 └─ discarded ──┤
 *                 └── retries ←──┘ (ProcessingError, after a delay)
 *
 * Every event (frames, responses, closed connections, failed dials, time) changes this state and then calls
 * `#advance`, which does everything that is now possible. Only the alarm of the clock checks deadlines:
 * it runs after the sockets were read, and its time excludes periods in which the process was frozen.
 * Taking frames and reading outcomes only change the state. The rest follows at the end of the tick, so that no
 * callback runs in the middle of a change.
 */
import { closedError, reasonOf } from '../../connection/connection-error.js';
import type { ApnsError } from '../../core/errors.js';
import type { OutcomeCounts, Settlement } from '../../core/outcome.js';
import type { ErrorResponse } from '../../protocol/binary/error-response.js';
import { StatusCode } from '../../protocol/binary/status-code.js';
import { EngineClock, FREEZE_CHECK_MS } from '../engine-clock.js';
import { Lifecycle } from '../lifecycle.js';
import { BatchQueue } from './batch-queue.js';
import { classifyFrames, type FrameClassification } from './classify-frames.js';
import type { BinaryConnection, ConnectionEnd } from './connection.js';
import { lostError, processingError, protocolError, timeoutError } from './errors.js';
import { countFrames, type FrameBatch, splitBatch } from './frame-batch.js';
import type { ResolvedBinaryOptions } from './options.js';
import type { OutcomeQueue } from './outcome-queue.js';
import { BinaryPool, type BinaryPoolEvents } from './pool.js';
import { Retries } from './retries.js';
import { Window } from './window.js';

/** The callbacks of a sender to the stream that owns it. */
export interface FrameSenderEvents {
  /** The window has room again. */
  onRoom(): void;
  /** The sending has ended by itself; everything is settled. */
  onFail(error: ApnsError): void;
  /** A gateway rejected a notification, or is shutting down. Responses to checkpoints are not reported. */
  onErrorResponse(response: ErrorResponse): void;
}

/** The maximum size of one write: between two writes Node reads the socket and reports progress. */
const MAX_WRITE_BYTES = 64 * 1024;

/** The maximum size of the backlog: enough for the next few writes. The rest can wait at its source. */
const MAX_BACKLOG_BYTES = 4 * MAX_WRITE_BYTES;

/** An engine with connections checks the time at least this often, so that it detects that the process was frozen. */
const IDLE_CHECK_MS = 60_000;

/** See the file comment. */
export class FrameSender implements BinaryPoolEvents {
  readonly #options: ResolvedBinaryOptions;
  readonly #events: FrameSenderEvents;
  readonly #clock = new EngineClock(() => this.#onAlarm());
  readonly #pool: BinaryPool;
  readonly #backlog = new BatchQueue();
  readonly #retries: Retries;
  readonly #window: Window;
  readonly #lifecycle = new Lifecycle();
  #isScheduled = false;

  constructor(options: ResolvedBinaryOptions, events: FrameSenderEvents) {
    this.#options = options;
    this.#window = new Window(options);
    this.#retries = new Retries(options.timeoutMs);
    this.#events = events;
    this.#pool = new BinaryPool(options, this, this.#clock);
  }

  get counts(): OutcomeCounts {
    return this.#window.counts;
  }

  get outcomes(): OutcomeQueue {
    return this.#window.outcomes;
  }

  /** How many more frames have room, if their bytes do. */
  get roomFrames(): number {
    return this.roomBytes <= 0 || this.#backlog.bytes >= MAX_BACKLOG_BYTES ? 0 : this.#window.roomFrames;
  }

  /** How many more bytes have room in the window. */
  get roomBytes(): number {
    return this.#window.roomBytes;
  }

  /**
   * Takes frames as far as the window has room, and writes them at the end of the tick.
   *
   * @returns the frames that were not taken; `onRoom` says when to offer them again
   */
  send(batch: FrameBatch): FrameBatch | undefined {
    if (this.#lifecycle.stopReason === undefined) {
      const [taken, rest] = splitBatch(batch, this.roomFrames, this.roomBytes, batch.extraBytes);
      if (taken !== undefined) this.take(taken);
      return rest;
    }
    this.take(batch);
    return undefined;
  }

  /** Takes frames whether or not the window has room; the caller has checked that. Their deadline counts from now. */
  take(batch: FrameBatch): void {
    const { stopReason } = this.#lifecycle;
    if (stopReason !== undefined) {
      this.outcomes.settle(batch, this.#unsent(stopReason));
      return;
    }
    this.#window.add(batch);
    this.#backlog.push({ ...batch, since: this.#clock.now() });
    this.#advanceSoon();
  }

  /** Settles everything, closes every connection, then calls back once. No frame may be sent afterwards. */
  end(callback: (error?: ApnsError) => void): void {
    this.#lifecycle.end(callback);
    this.#advanceSoon();
  }

  /** Settles every notification at once with its known outcome or with this reason, and drops every connection. */
  destroy(reason: string): void {
    if (this.#lifecycle.isOver) return;
    this.#lifecycle.destroy(reason);
    this.#stop();
    this.#clock.cancel();
    for (const connection of this.#pool.connections) connection.destroy(closedError(this.#options.target));
  }

  /** Outcomes were read, which may have made room. */
  onRead(): void {
    this.#advanceSoon();
  }

  onReady(): void {
    this.#advance();
  }

  onGiveUp(error: ApnsError): void {
    this.#lifecycle.fail(error, reasonOf(error));
    this.#stop();
  }

  onClose(connection: BinaryConnection, end: ConnectionEnd): void {
    if (end.response !== undefined) this.#onErrorResponse(connection, end, end.response);
    else this.#onEndWithoutResponse(connection, end);
    this.#advance();
  }

  #onErrorResponse(connection: BinaryConnection, end: ConnectionEnd, response: ErrorResponse): void {
    const { checkpoint, forgotten } = connection;
    const { statusCode, reason, identifier } = response;
    const batches = connection.window.takeAll();
    const classification = classifyFrames(batches, response, checkpoint, forgotten);
    this.#window.settleAll(classification.accepted, { status: 'accepted' });
    for (const batch of classification.rejected)
      this.#window.settle(batch, earlierUnknown(batch) ?? classification.settlement);
    this.#putBack(classification.discarded);
    this.#onUnknown(classification.unknown, { status: 'unknown', statusCode, reason });
    for (const batch of classification.retried) this.#retry(batch, classification.settlement);
    this.#noteProof(classification);
    const isCheckpoint = classification.isConfirmed && identifier === checkpoint;
    if (statusCode === StatusCode.ProtocolError && !isCheckpoint) {
      this.onGiveUp(protocolError(this.#options.target));
    } else if (classification.isConfirmed) {
      const isFailure = statusCode === StatusCode.ProcessingError && !isCheckpoint;
      // A gateway that sometimes cannot process one notification still makes progress with the others.
      if (!isFailure || classification.accepted.length > 0)
        this.#pool.recordSuccess(connection, !isCheckpoint);
      if (isFailure) this.#pool.recordFailure(processingError(this.#options.target));
    } else {
      this.#pool.recordLoss(connection, end, lostError(this.#options.target), batches.length > 0);
    }
    if (!isCheckpoint) this.#events.onErrorResponse(response);
  }

  #noteProof({ accepted, rejected, retried, discarded, unknown }: FrameClassification): void {
    const lost = countFrames(retried) + countFrames(discarded) + countFrames(unknown);
    this.#pool.noteProof(countFrames(accepted) + countFrames(rejected), lost);
  }

  #onEndWithoutResponse(connection: BinaryConnection, end: ConnectionEnd): void {
    const { cause } = end;
    const batches = connection.window.takeAll();
    if (connection.isPresumable && (cause === undefined || cause.code === 'APNS_ERR_TIMEOUT')) {
      this.#window.settleAll(batches, { status: 'presumed' });
      return;
    }
    const error = cause ?? lostError(this.#options.target);
    // This side closes its connections only when the sending is destroyed.
    const reason = this.#lifecycle.isOver ? this.#lifecycle.stopReason : undefined;
    this.#onUnknown(batches, { status: 'unknown', reason: reason ?? reasonOf(error) });
    this.#pool.noteProof(0, countFrames(batches));
    this.#pool.recordLoss(connection, end, error, batches.length > 0);
  }

  #onUnknown(batches: readonly FrameBatch[], settlement: Settlement): void {
    // The gateway may have accepted these frames, so they can never become unsent.
    if (this.#options.resendsUnknown)
      this.#putBack(batches.map((batch) => ({ ...batch, fallback: settlement })));
    else this.#window.settleAll(batches, settlement);
  }

  /** Puts frames back, to write them again before all waiting ones. */
  #putBack(batches: readonly FrameBatch[]): void {
    const { stopReason } = this.#lifecycle;
    if (stopReason === undefined) this.#backlog.unshift(batches);
    else this.#giveUp(batches, stopReason);
  }

  /** ProcessingError is an internal error of the gateway, so retries the notification within its deadline. */
  #retry(batch: FrameBatch, settlement: Settlement): void {
    const fallback = earlierUnknown(batch) ?? settlement;
    const isKept = !this.#lifecycle.isStopped && this.#retries.retry(batch, fallback, this.#clock.now());
    if (!isKept) this.#window.settle(batch, fallback);
  }

  /** Settles frames that will not be written, each with its known result. */
  #giveUp(batches: readonly FrameBatch[], reason: string): void {
    for (const batch of batches) this.#window.settle(batch, batch.fallback ?? this.#unsent(reason));
  }

  #unsent(reason: string): Settlement {
    return { status: 'unsent', reason, message: this.#pool.lastProblem ?? this.#lifecycle.failure?.message };
  }

  /** Stops writing. Frames that were written can still be settled by a response. */
  #stop(): void {
    this.#pool.stop();
    this.#giveUp([...this.#backlog.takeAll(), ...this.#retries.takeAll()], this.#lifecycle.stopReason!);
  }

  #advanceSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(() => {
      this.#isScheduled = false;
      this.#advance();
    });
  }

  /** Does everything that is possible now, then lets the stream offer more. */
  #advance(): void {
    // A connection that is destroyed within a step reports its end here.
    const lifecycle = this.#lifecycle;
    if (lifecycle.isOver || lifecycle.isStepping) return;
    this.#clock.noteActivity(this.#pool.connections.length > 0);
    const now = this.#clock.now();
    lifecycle.isStepping = true;
    // The engine detects a connection that was closed while the process was frozen before it writes to that connection.
    if (!this.#clock.isCatchingUp) {
      this.#write(now);
      if (lifecycle.isEnding) this.#finish(now);
    }
    lifecycle.isStepping = false;
    if (lifecycle.isEnding && this.#window.frames === 0 && this.#pool.connections.length === 0) {
      this.#complete();
      return;
    }
    const isWaiting = this.#backlog.first !== undefined;
    this.#pool.grow(now, { isWaiting, isUnsettled: this.#window.frames > 0 });
    this.#schedule(now);
    if (!lifecycle.isEnding && this.roomFrames > 0) this.#events.onRoom();
  }

  #onAlarm(): void {
    if (this.#lifecycle.isOver) return;
    this.#lifecycle.isStepping = true;
    this.#expire(this.#clock.now());
    this.#lifecycle.isStepping = false;
    this.#advance();
  }

  /** Handles what is due: retries, deadlines, checkpoints, and gateways that do not respond. */
  #expire(now: number): void {
    this.#backlog.unshift(this.#retries.takeDue(now));
    const expiredSince = now - this.#options.timeoutMs;
    if (this.#backlog.earliestAt <= expiredSince) {
      this.#giveUp(
        this.#backlog.takeWhere(({ since }) => since <= expiredSince),
        'DeadlineExceeded',
      );
    }
    for (const connection of this.#pool.connections) {
      if (this.#pool.dueAt(connection, now) <= now) this.#onDue(connection, now);
    }
  }

  #onDue(connection: BinaryConnection, now: number): void {
    const { checkpoint, pingTimeoutMs, timeoutMs, target } = this.#options;
    if (connection.state === 'fresh') {
      connection.open();
      return;
    }
    if (connection.window.earliestAt + timeoutMs <= now) this.#expireWritten(connection, now);
    const isOwing = connection.state !== 'open' || !connection.isFlushed;
    if (isOwing && connection.progressAt + pingTimeoutMs <= now) {
      connection.destroy(timeoutError(target, pingTimeoutMs));
    } else if (this.#pool.proofAt(connection, now) <= now) {
      if (checkpoint === 'auto') connection.writeCheckpoint(now);
      else this.#presume(connection, now);
    } else if (this.#pool.doublingAt(connection) <= now) {
      connection.doubleQuota(now);
    }
  }

  /** Settles frames that were not proved by their deadline; the other frames on the connection may still be proved. */
  #expireWritten(connection: BinaryConnection, now: number): void {
    const { checkpoint, timeoutMs, target } = this.#options;
    const batches = connection.expire(now - timeoutMs);
    const settlement: Settlement = { status: 'unknown', reason: 'DeadlineExceeded' };
    // An earlier ProcessingError proves nothing about the current attempt.
    for (const batch of batches) this.#window.settle(batch, earlierUnknown(batch) ?? settlement);
    this.#pool.noteProof(0, countFrames(batches));
    const isOwing = connection.state !== 'open' || checkpoint === 'auto';
    if (batches.length > 0 && isOwing && connection.window.frames === 0)
      connection.destroy(timeoutError(target, timeoutMs));
  }

  #presume(connection: BinaryConnection, now: number): void {
    const batches = connection.presume(now - this.#pool.presumeMs);
    this.#window.settleAll(batches, { status: 'presumed' });
    this.#pool.noteProof(countFrames(batches), 0);
  }

  #write(now: number): void {
    const expiredSince = now - this.#options.timeoutMs;
    for (let { first } = this.#backlog; first !== undefined; { first } = this.#backlog) {
      // The alarm settles it next.
      if (first.since <= expiredSince) return;
      const connection = this.#pool.pick();
      if (connection === undefined) {
        this.#proveFull(now);
        return;
      }
      const batch = this.#backlog.take(this.#pool.quotaLeft(connection), MAX_WRITE_BYTES)!;
      if (batch.attempts > 0) this.counts.resent += batch.count;
      connection.send(batch, now);
      if (this.#pool.isFull(connection)) connection.writeCheckpoint(now);
    }
  }

  /** After the quota has become smaller, a connection can hold more than the quota while other frames wait. */
  #proveFull(now: number): void {
    for (const connection of this.#pool.connections)
      if (connection.state === 'open' && this.#pool.isFull(connection)) connection.writeCheckpoint(now);
  }

  /** The input has ended: writes checkpoints to connections with frames, and closes the others. */
  #finish(now: number): void {
    if (this.#backlog.first !== undefined) return;
    for (const connection of this.#pool.connections) {
      if (connection.state === 'checked' || connection.state === 'finished') continue;
      if (connection.window.frames === 0) {
        if (this.#window.frames === 0) this.#pool.close(connection);
      } else if (this.#options.checkpoint === 'never') {
        connection.finish(now);
      } else {
        connection.writeCheckpoint(now);
      }
    }
  }

  #complete(): void {
    this.#pool.stop();
    this.#clock.cancel();
    this.#lifecycle.complete((error) => this.#events.onFail(error));
  }

  /** Sets the alarm to what is due next. */
  #schedule(now: number): void {
    let at = Number.POSITIVE_INFINITY;
    const { connections } = this.#pool;
    if (connections.length > 0) at = now + IDLE_CHECK_MS;
    if (this.#window.frames > 0) at = Math.min(at, now + FREEZE_CHECK_MS);
    for (const connection of connections) at = Math.min(at, this.#pool.dueAt(connection, now));
    at = Math.min(at, this.#retries.dueAt);
    if (this.#backlog.first !== undefined) {
      at = Math.min(at, this.#backlog.earliestAt + this.#options.timeoutMs);
      if (this.#pool.dialAt > now) at = Math.min(at, this.#pool.dialAt);
    }
    if (at < Number.POSITIVE_INFINITY) this.#clock.wakeAt(at);
  }
}

/** A notification that an earlier attempt left unknown stays unknown, unless a later attempt is accepted. */
function earlierUnknown({ fallback }: FrameBatch): Settlement | undefined {
  return fallback?.status === 'unknown' ? fallback : undefined;
}
