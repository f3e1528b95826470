/**
 * Frames in, settlements out: what the gateway sink and the gateway delivery share.
 *
 * A frame that was taken is in exactly one place until it is settled:
 *
 *     send() → backlog → a connection's window → settled
 *                 ↑              │
 *                 └─ discarded ──┤
 *                 └── retries ←──┘ (ProcessingError, after a delay)
 *
 * Everything that can happen (frames, answers, closed connections, failed dials, time) changes this state
 * and then calls `#advance`, which does whatever is now possible. One timer wakes it for whatever is due.
 * Taking frames and reading outcomes change the state only: the rest follows at the end of the turn, so
 * that nobody is called back in the middle of a change.
 */
import { reasonOf } from '../connection/connection-error.js';
import type { ApnsError } from '../errors.js';
import { createOutcomeCounts, type OutcomeCounts, type Settlement } from '../outcome.js';
import type { ErrorResponse } from '../protocol/binary/error-response.js';
import { StatusCode } from '../protocol/binary/status-code.js';
import { type FrameRun, splitRun } from './frame-run.js';
import type { ConnectionEnd, GatewayConnection } from './gateway-connection.js';
import { closedError, lostError, protocolError, timeoutError } from './gateway-error.js';
import type { ResolvedGatewayOptions } from './gateway-options.js';
import { GatewayPool, type GatewayPoolEvents } from './gateway-pool.js';
import { OutcomeQueue } from './outcome-queue.js';
import { RunQueue } from './run-queue.js';
import { judge } from './verdict.js';
import { WakeUp } from './wake-up.js';

/** What a sender tells the stream around it. */
export interface GatewaySenderEvents {
  /** The window has room again. */
  onRoom(): void;
  /** The sending has ended by itself; everything is settled. */
  onFail(error: ApnsError): void;
  /** A gateway rejected something, or went away. Checkpoints are not reported. */
  onErrorResponse(response: ErrorResponse): void;
}

/** The most that is written at once: between two writes the socket is read, and its progress seen. */
const MAX_WRITE_BYTES = 64 * 1024;

/** The most that is taken before it can be written: enough for the next few writes; the rest can wait at its source. */
const MAX_BACKLOG_BYTES = 4 * MAX_WRITE_BYTES;

/** See the file comment. */
export class GatewaySender implements GatewayPoolEvents {
  readonly counts: OutcomeCounts = createOutcomeCounts();
  readonly outcomes: OutcomeQueue = new OutcomeQueue(this.counts);
  readonly #options: ResolvedGatewayOptions;
  readonly #events: GatewaySenderEvents;
  readonly #pool: GatewayPool;
  readonly #backlog = new RunQueue();
  #retries: { readonly run: FrameRun; readonly dueAt: number }[] = [];
  #unsettledFrames = 0;
  #unsettledBytes = 0;
  #onEnd: ((error?: ApnsError) => void) | undefined;
  #failure: ApnsError | undefined;
  /** Why nothing is written any more, as the reason of an outcome. */
  #stopReason: string | undefined;
  /** Everything is settled, and nobody is told anything any more. */
  #isOver = false;
  #isStepping = false;
  #isScheduled = false;
  readonly #wakeUp = new WakeUp(() => this.#advance());

  constructor(options: ResolvedGatewayOptions, events: GatewaySenderEvents) {
    this.#options = options;
    this.#events = events;
    this.#pool = new GatewayPool(options, this);
  }

  /** How many more frames would be taken, if they are not too long. Outcomes that nobody has read yet count too. */
  get roomFrames(): number {
    const { windowCount, windowBytes } = this.#options;
    if (this.#unsettledBytes >= windowBytes || this.#backlog.bytes >= MAX_BACKLOG_BYTES) return 0;
    return Math.max(0, windowCount - this.#unsettledFrames - this.outcomes.unread);
  }

  /**
   * Takes frames as far as the window has room; they are written at the end of the turn.
   *
   * @returns the frames that were not taken; `onRoom` says when to offer them again
   */
  send(run: FrameRun): FrameRun | undefined {
    if (this.#stopReason !== undefined) {
      this.outcomes.settle(run, { status: 'unsent', reason: this.#stopReason });
      return undefined;
    }
    const [taken, rest] = splitRun(run, this.roomFrames, this.#options.windowBytes - this.#unsettledBytes);
    if (taken !== undefined) {
      this.#unsettledFrames += taken.count;
      this.#unsettledBytes += taken.end - taken.start;
      this.#backlog.push({ ...taken, since: performance.now() });
      this.#advanceSoon();
    }
    return rest;
  }

  /** Settles everything, closes every connection, then calls back once. No frame may be sent afterwards. */
  end(callback: (error?: ApnsError) => void): void {
    this.#onEnd = callback;
    this.#advanceSoon();
  }

  /** Settles everything at once with what is known, and drops every connection. */
  destroy(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop(reason);
    this.#wakeUp.cancel();
    for (const connection of this.#pool.connections) connection.abandon(closedError(this.#options.target));
  }

  /** Outcomes were read, which may have made room. */
  onRead(): void {
    this.#advanceSoon();
  }

  onReady(): void {
    this.#advance();
  }

  onGiveUp(error: ApnsError): void {
    this.#failure ??= error;
    this.#stop(reasonOf(error));
  }

  onClose(connection: GatewayConnection, end: ConnectionEnd): void {
    if (end.response !== undefined) this.#onAnswer(connection, end, end.response);
    else this.#onSilence(connection, end);
    this.#advance();
  }

  #onAnswer(connection: GatewayConnection, end: ConnectionEnd, response: ErrorResponse): void {
    const { checkpoint, presumed } = connection;
    const { statusCode, reason, identifier } = response;
    const runs = connection.window.takeAll();
    const verdict = judge(runs, response, checkpoint, presumed);
    this.#settleAll(verdict.accepted, { status: 'accepted' });
    this.#settleAll(verdict.rejected, verdict.settlement);
    // They are known not to have been processed, and wait anew.
    const since = performance.now();
    this.#putBack(verdict.discarded.map((run) => ({ ...run, since })));
    this.#onUnknown(verdict.unknown, { status: 'unknown', statusCode, reason });
    for (const run of verdict.retried) this.#retry(run, verdict.settlement);
    const isCheckpoint = verdict.isConfirmed && identifier === checkpoint;
    if (statusCode === StatusCode.ProtocolError && !isCheckpoint) {
      this.#pool.stop();
      this.onGiveUp(protocolError(this.#options.target));
    } else if (verdict.isConfirmed) {
      this.#pool.trust(!isCheckpoint);
    } else {
      this.#pool.distrust(connection, end, lostError(this.#options.target), runs.length > 0);
    }
    if (!isCheckpoint) this.#events.onErrorResponse(response);
  }

  #onSilence(connection: GatewayConnection, end: ConnectionEnd): void {
    const { cause } = end;
    const runs = connection.window.takeAll();
    if (connection.isPresumable && (cause === undefined || cause.code === 'APNS_ERR_TIMEOUT')) {
      this.#settleAll(runs, { status: 'presumed' });
      return;
    }
    const error = cause ?? lostError(this.#options.target);
    this.#onUnknown(runs, { status: 'unknown', reason: reasonOf(error) });
    this.#pool.distrust(connection, end, error, runs.length > 0);
  }

  #onUnknown(runs: readonly FrameRun[], settlement: Settlement): void {
    // Whatever happens to them next: they may have been delivered, so they can never be called unsent.
    if (this.#options.resendsUnknown) this.#putBack(runs.map((run) => ({ ...run, fallback: settlement })));
    else this.#settleAll(runs, settlement);
  }

  /** Frames that are to be written again, before all that wait. */
  #putBack(runs: readonly FrameRun[]): void {
    if (this.#stopReason === undefined) this.#backlog.unshift(runs);
    else this.#giveUp(runs, this.#stopReason);
  }

  /** ProcessingError: the gateway's own trouble, so the notification is tried again within its deadline. */
  #retry(run: FrameRun, settlement: Settlement): void {
    const { deadlineMs } = this.#options;
    // What an earlier attempt left unknown stays so, whatever this one came to.
    const fallback = run.fallback?.status === 'unknown' ? run.fallback : settlement;
    const dueAt = performance.now() + Math.random() * Math.min(10_000, 100 * 2 ** run.attempts);
    if (this.#stopReason !== undefined || dueAt > run.since + deadlineMs) this.#settle(run, fallback);
    else this.#retries.push({ run: { ...run, fallback }, dueAt });
  }

  #settleAll(runs: readonly FrameRun[], settlement: Settlement): void {
    for (const run of runs) this.#settle(run, settlement);
  }

  #settle(run: FrameRun, settlement: Settlement): void {
    this.#unsettledFrames -= run.count;
    this.#unsettledBytes -= run.end - run.start;
    this.outcomes.settle(run, settlement);
  }

  /** Frames that will not be written: settles them with what is known about each. */
  #giveUp(runs: readonly FrameRun[], reason: string): void {
    for (const run of runs) this.#settle(run, run.fallback ?? { status: 'unsent', reason });
  }

  /** Nothing more is written; what was written is still settled as well as it can be. */
  #stop(reason: string): void {
    this.#stopReason ??= reason;
    this.#pool.stop();
    this.#giveUp([...this.#backlog.takeAll(), ...this.#retries.splice(0).map(({ run }) => run)], reason);
  }

  #advanceSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(() => {
      this.#isScheduled = false;
      this.#advance();
    });
  }

  /** Does what is possible now, then lets the stream around this offer more. */
  #advance(): void {
    // A connection that is given up within a step reports its end here.
    if (this.#isOver || this.#isStepping) return;
    this.#isStepping = true;
    const now = performance.now();
    this.#expire(now);
    this.#write(now);
    if (this.#isEnding) this.#finish(now);
    this.#isStepping = false;
    if (this.#isEnding && this.#unsettledFrames === 0 && this.#pool.connections.length === 0) {
      this.#complete();
      return;
    }
    const isWaiting = this.#backlog.first !== undefined;
    this.#pool.grow(now, { isWaiting, isUnsettled: this.#unsettledFrames > 0 });
    this.#schedule(now);
    if (!this.#isEnding && this.roomFrames > 0) this.#events.onRoom();
  }

  get #isEnding(): boolean {
    return this.#onEnd !== undefined || this.#failure !== undefined;
  }

  /** Does what time demands: retries that are due, deadlines that have passed, silence that has lasted. */
  #expire(now: number): void {
    const due = this.#retries.filter(({ dueAt }) => dueAt <= now);
    if (due.length > 0) {
      this.#retries = this.#retries.filter(({ dueAt }) => dueAt > now);
      this.#backlog.unshift(due.map(({ run }) => run));
    }
    const expiredSince = now - this.#options.deadlineMs;
    if (this.#backlog.first !== undefined && this.#backlog.first.since <= expiredSince) {
      this.#giveUp(
        this.#backlog.takeWhere(({ since }) => since <= expiredSince),
        'DeadlineExceeded',
      );
    }
    for (const connection of this.#pool.connections) {
      if ((this.#pool.dueAt(connection) ?? now + 1) <= now) this.#onDue(connection, now);
    }
  }

  #onDue(connection: GatewayConnection, now: number): void {
    const { windowAgeMs, checkpoint, closeTimeoutMs, target } = this.#options;
    if (connection.state === 'fresh') {
      connection.state = 'open';
    } else if (connection.state !== 'open') {
      connection.abandon(timeoutError(target, closeTimeoutMs));
    } else if (checkpoint === 'auto') {
      connection.writeCheckpoint(now);
    } else if (connection.isFlushed) {
      this.#settleAll(connection.presume(now - windowAgeMs), { status: 'presumed' });
    } else {
      connection.abandon(timeoutError(target, windowAgeMs));
    }
  }

  #write(now: number): void {
    while (this.#backlog.first !== undefined) {
      const connection = this.#pool.pick();
      if (connection === undefined) return;
      const run = this.#backlog.take(this.#pool.quotaFrames - connection.window.frames, MAX_WRITE_BYTES)!;
      if (run.attempts > 0) this.counts.resent += run.count;
      connection.send(run, now);
      if (this.#pool.isFull(connection)) connection.writeCheckpoint(now);
    }
  }

  /** Nothing more will come: has every connection prove what it holds, and lets go of those that hold nothing. */
  #finish(now: number): void {
    if (this.#backlog.first !== undefined) return;
    for (const connection of this.#pool.connections) {
      if (connection.state === 'checked' || connection.state === 'finished') continue;
      if (connection.window.frames === 0) {
        if (this.#unsettledFrames === 0) this.#pool.retire(connection);
      } else if (this.#options.checkpoint === 'never') {
        connection.finish(now);
      } else {
        connection.writeCheckpoint(now);
      }
    }
  }

  #complete(): void {
    this.#isOver = true;
    this.#pool.stop();
    this.#wakeUp.cancel();
    if (this.#onEnd !== undefined) this.#onEnd(this.#failure);
    else this.#events.onFail(this.#failure!);
  }

  /** Has itself woken for whatever is due next. */
  #schedule(now: number): void {
    let at = Number.POSITIVE_INFINITY;
    for (const connection of this.#pool.connections) at = Math.min(at, this.#pool.dueAt(connection) ?? at);
    for (const { dueAt } of this.#retries) at = Math.min(at, dueAt);
    const first = this.#backlog.first;
    if (first !== undefined) {
      at = Math.min(at, first.since + this.#options.deadlineMs);
      if (this.#pool.dialAt > now) at = Math.min(at, this.#pool.dialAt);
    }
    this.#wakeUp.at(at, now);
  }
}
