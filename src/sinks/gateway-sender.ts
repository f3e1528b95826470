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
 */
import { closedAfterHandshake, isFatalConnectionError } from '../connection/connection-error.js';
import { dial } from '../connection/dial.js';
import { ApnsError, formatPeer, type Peer, toApnsError } from '../errors.js';
import { createOutcomeCounts, type OutcomeCounts, type Settlement } from '../outcome.js';
import type { ErrorResponse } from '../protocol/binary/error-response.js';
import { StatusCode } from '../protocol/binary/status-code.js';
import { type FrameRun, splitRun } from './frame-run.js';
import { GatewayConnection, type GatewayConnectionEvents } from './gateway-connection.js';
import type { ResolvedGatewayOptions } from './gateway-options.js';
import { OutcomeQueue } from './outcome-queue.js';
import { RunQueue } from './run-queue.js';
import { judge } from './verdict.js';

/** What a sender tells the stream around it. */
export interface GatewaySenderEvents {
  /** The window has room again. */
  onRoom(): void;
  /** The sending has ended by itself; everything is settled. */
  onFail(error: ApnsError): void;
  /** A gateway rejected something, or went away. Checkpoints are not reported. */
  onErrorResponse(response: ErrorResponse): void;
}

/** A connection is trusted when it has stayed open this long, or as long as its handshake took. */
const MIN_GRACE_MS = 5;
const MAX_GRACE_MS = 500;

/** Closed this soon, with nothing ever confirmed, a connection was probably refused for its credentials. */
const EARLY_MS = 1000;

/** A connection that has lived this long was a good one, however it ended. */
const SETTLED_MS = 10_000;

/** See the file comment. */
export class GatewaySender implements GatewayConnectionEvents {
  readonly counts: OutcomeCounts = createOutcomeCounts();
  readonly outcomes: OutcomeQueue = new OutcomeQueue(this.counts);
  readonly #options: ResolvedGatewayOptions;
  readonly #events: GatewaySenderEvents;
  readonly #backlog = new RunQueue();
  #retries: { readonly run: FrameRun; readonly dueAt: number }[] = [];
  readonly #connections = new Set<GatewayConnection>();
  readonly #dials = new AbortController();
  #isDialling = false;
  #isStepping = false;
  /** When the next attempt to connect may start. */
  #dialAt = 0;
  /** How long the last handshake took: the time in which a refusal would arrive. */
  #graceMs = MIN_GRACE_MS;
  /** Whether a gateway has answered sensibly, which proves that it takes our credentials. */
  #isTrusted = false;
  /** Set after a rejection: they come in series, and a connection in reserve hides the next one's cost. */
  #wantsSpare = false;
  #unsettledFrames = 0;
  #unsettledBytes = 0;
  #onEnd: ((error?: ApnsError) => void) | undefined;
  #failure: ApnsError | undefined;
  #isDestroyed = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: ResolvedGatewayOptions, events: GatewaySenderEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** How many more frames would be taken, if they are not too long. Outcomes that nobody has read yet count too. */
  get roomFrames(): number {
    const { windowCount, windowBytes } = this.#options;
    if (this.#unsettledBytes >= windowBytes) return 0;
    return Math.max(0, windowCount - this.#unsettledFrames - this.outcomes.unread);
  }

  /**
   * Takes frames as far as the window has room, and writes what can be written at once.
   *
   * @returns the frames that were not taken; `onRoom` says when to offer them again
   */
  send(run: FrameRun): FrameRun | undefined {
    const [taken, rest] = splitRun(run, this.roomFrames, this.#options.windowBytes - this.#unsettledBytes);
    if (taken !== undefined) {
      this.#unsettledFrames += taken.count;
      this.#unsettledBytes += taken.end - taken.start;
      this.#backlog.push(taken);
      this.#step();
    }
    return rest;
  }

  /** Settles everything, closes every connection, then calls back once. No frame may be sent afterwards. */
  end(callback: (error?: ApnsError) => void): void {
    this.#onEnd = callback;
    this.#advance();
  }

  /** Settles everything at once with what is known, and drops every connection. */
  destroy(reason: string): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    clearTimeout(this.#timer);
    this.#dials.abort();
    this.#giveUpWaiting(reason);
    for (const connection of [...this.#connections]) connection.abandon(closedError(this.#options.target));
  }

  /** Outcomes were read, which may have made room. */
  onRead(): void {
    this.#advance();
  }

  onDrain(): void {
    this.#advance();
  }

  onClose(
    connection: GatewayConnection,
    response: ErrorResponse | undefined,
    cause: ApnsError | undefined,
  ): void {
    this.#connections.delete(connection);
    // Settling may have outcomes read, and reading asks for more: not before all of this is judged.
    const wasStepping = this.#isStepping;
    this.#isStepping = true;
    if (response === undefined) this.#onSilentClose(connection, cause);
    else this.#onAnswer(connection, response);
    this.#isStepping = wasStepping;
    this.#advance();
  }

  #onAnswer(connection: GatewayConnection, response: ErrorResponse): void {
    const isCheckpoint = response.identifier === connection.checkpoint;
    if (!isCheckpoint) this.#events.onErrorResponse(response);
    const verdict = judge(connection.window.takeAll(), response, connection.checkpoint);
    this.#settleAll(verdict.accepted, { status: 'accepted' });
    this.#settleAll(verdict.rejected, verdict.settlement);
    this.#onUnknown(verdict.unknown, {
      status: 'unknown',
      statusCode: response.statusCode,
      reason: response.reason,
    });
    for (const run of verdict.retried) this.#retry(run, verdict.settlement);
    if (response.statusCode === StatusCode.ProtocolError) {
      this.#backlog.unshift(verdict.discarded);
      this.#fail(protocolError(this.#options.target));
      return;
    }
    this.#backlog.unshift(verdict.discarded);
    if (verdict.isConfirmed) {
      this.#isTrusted = true;
      this.#options.backoff.reset();
      if (!isCheckpoint) this.#wantsSpare = true;
    } else {
      this.#onFailure(lostError(this.#options.target));
    }
  }

  #onSilentClose(connection: GatewayConnection, cause: ApnsError | undefined): void {
    const runs = connection.window.takeAll();
    if (connection.isFinished && (cause === undefined || cause.code === 'APNS_ERR_TIMEOUT')) {
      this.#settleAll(runs, { status: 'presumed' });
      return;
    }
    const error = cause ?? lostError(this.#options.target);
    this.#onUnknown(runs, { status: 'unknown', reason: reasonOf(error) });
    if (isFatalConnectionError(error)) {
      this.#fail(error);
      return;
    }
    const livedMs = performance.now() - connection.openedAt;
    if (!this.#isTrusted && livedMs <= EARLY_MS) {
      this.#onFailure(closedAfterHandshake(this.#options.target));
    } else if (runs.length > 0 && livedMs <= SETTLED_MS) {
      this.#onFailure(error);
    }
    // An idle connection that the gateway closes, or one that has lived, is no sign of trouble.
  }

  #onUnknown(runs: readonly FrameRun[], settlement: Settlement): void {
    if (!this.#options.resendsUnknown || this.#isDestroyed) {
      this.#settleAll(runs, settlement);
      return;
    }
    // Whatever happens to them next: they may have been delivered, so they can never be called unsent.
    this.#backlog.unshift(runs.map((run) => ({ ...run, fallback: settlement })));
  }

  /** ProcessingError: the gateway's own trouble, so the notification is tried again within its deadline. */
  #retry(run: FrameRun, settlement: Settlement): void {
    const { deadlineMs } = this.#options;
    const dueAt = performance.now() + Math.random() * Math.min(10_000, 100 * 2 ** run.attempts);
    if (this.#isStopped || dueAt > run.since + deadlineMs) this.#settle(run, settlement);
    else this.#retries.push({ run: { ...run, fallback: settlement }, dueAt });
  }

  #settleAll(runs: readonly FrameRun[], settlement: Settlement): void {
    for (const run of runs) this.#settle(run, settlement);
  }

  #settle(run: FrameRun, settlement: Settlement): void {
    this.#unsettledFrames -= run.count;
    this.#unsettledBytes -= run.end - run.start;
    this.outcomes.settle(run, settlement);
  }

  /** Frames that wait to be written will not be: settles them with what is known about each. */
  #giveUpWaiting(reason: string): void {
    const waiting = [...this.#backlog.takeAll(), ...this.#retries.splice(0).map(({ run }) => run)];
    for (const run of waiting) this.#settle(run, run.fallback ?? { status: 'unsent', reason });
  }

  get #isStopped(): boolean {
    return this.#failure !== undefined || this.#isDestroyed;
  }

  /** Nothing more is written; what was written is still settled as well as it can be. */
  #fail(error: ApnsError): void {
    this.#failure ??= error;
    this.#dials.abort();
    this.#giveUpWaiting(reasonOf(error));
  }

  /** Another connection came to nothing: wait before the next, or give up. */
  #onFailure(error: ApnsError): void {
    const delay = this.#options.backoff.next();
    if (delay === undefined) this.#fail(error);
    else this.#dialAt = performance.now() + delay;
  }

  /** Does what is possible now, then lets the stream around this offer more. */
  #advance(): void {
    this.#step();
    if (!this.#isDestroyed && !this.#isStepping && !this.#isEnding && this.roomFrames > 0)
      this.#events.onRoom();
  }

  #step(): void {
    if (this.#isDestroyed || this.#isStepping) return;
    this.#isStepping = true;
    const now = performance.now();
    this.#expire(now);
    this.#write(now);
    if (this.#isEnding) this.#finish(now);
    this.#isStepping = false;
    if (this.#isEnding && this.#connections.size === 0 && this.#unsettledFrames === 0) {
      this.#complete();
      return;
    }
    this.#dialIfWanted(now);
    this.#schedule(now);
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
    if (this.#failure !== undefined) this.#giveUpWaiting(reasonOf(this.#failure));
    const { deadlineMs } = this.#options;
    if (this.#backlog.first !== undefined && this.#backlog.first.since + deadlineMs <= now) {
      for (const run of this.#backlog.takeWhere(({ since }) => since + deadlineMs <= now)) {
        this.#settle(run, run.fallback ?? { status: 'unsent', reason: 'DeadlineExceeded' });
      }
    }
    for (const connection of [...this.#connections]) {
      if ((this.#dueAt(connection) ?? now + 1) <= now) this.#onDue(connection, now);
    }
  }

  /** When a connection needs attention even if nothing happens to it. */
  #dueAt(connection: GatewayConnection): number | undefined {
    const { windowAgeMs, closeTimeoutMs } = this.#options;
    switch (connection.state) {
      case 'fresh':
        return connection.openedAt + this.#graceMs;
      case 'open':
        return connection.oldestAt === undefined ? undefined : connection.oldestAt + windowAgeMs;
      default:
        return connection.progressAt + closeTimeoutMs;
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
    } else {
      const silent = connection.window.takeWhere(({ writtenAt }) => writtenAt + windowAgeMs <= now);
      this.#settleAll(silent, { status: 'presumed' });
    }
  }

  #write(now: number): void {
    while (this.#backlog.first !== undefined) {
      const connection = this.#pick();
      if (connection === undefined) return;
      const run = this.#backlog.take(this.#quotaFrames - connection.window.frames)!;
      if (run.attempts > 0) this.counts.resent += run.count;
      connection.send(run, now);
      if (this.#isFull(connection, 1)) connection.writeCheckpoint(now);
    }
  }

  /** The open connection with the least in its window, among those in use; those behind are in reserve. */
  #pick(): GatewayConnection | undefined {
    let used = 0;
    let best: GatewayConnection | undefined;
    for (const connection of this.#connections) {
      if (connection.state !== 'open') continue;
      if (++used > this.#options.connections) break;
      if (connection.isBlocked) continue;
      if (best === undefined || connection.window.frames < best.window.frames) best = connection;
    }
    return best;
  }

  /** Half the window, shared by the connections: while one half is being proved, the other is filled. */
  get #quotaFrames(): number {
    const { checkpoint, windowCount, connections } = this.#options;
    return checkpoint === 'auto' ? Math.max(1, Math.floor(windowCount / (2 * connections))) : windowCount;
  }

  #isFull(connection: GatewayConnection, share: number): boolean {
    const { checkpoint, windowBytes, connections } = this.#options;
    if (checkpoint !== 'auto') return false;
    const { frames, bytes } = connection.window;
    return frames >= share * this.#quotaFrames || bytes >= (share * windowBytes) / (2 * connections);
  }

  /** Nothing more will come: has every connection prove what it holds, and lets go of those that hold nothing. */
  #finish(now: number): void {
    if (this.#backlog.first !== undefined) return;
    for (const connection of [...this.#connections]) {
      if (connection.state === 'checked' || connection.state === 'finished') continue;
      if (connection.window.frames === 0) {
        if (this.#unsettledFrames > 0) continue;
        this.#connections.delete(connection);
        connection.retire();
      } else if (this.#options.checkpoint === 'never') {
        connection.finish(now);
      } else {
        connection.writeCheckpoint(now);
      }
    }
  }

  #complete(): void {
    this.#isDestroyed = true;
    clearTimeout(this.#timer);
    this.#dials.abort();
    if (this.#onEnd !== undefined) this.#onEnd(this.#failure);
    else this.#events.onFail(this.#failure!);
  }

  #dialIfWanted(now: number): void {
    if (this.#isDialling || this.#isStopped || now < this.#dialAt) return;
    if (this.#wantsConnection()) void this.#dial(now);
  }

  #wantsConnection(): boolean {
    const usable = [...this.#connections].filter(({ state }) => state === 'open' || state === 'fresh');
    const cannotWrite = usable.every(({ state, isBlocked }) => state === 'open' && isBlocked);
    if (this.#backlog.first !== undefined && cannotWrite) return usable.length < this.#options.connections;
    // One in reserve, opened before it is needed: for the next checkpoint, or the next rejection.
    if (this.#unsettledFrames === 0 || usable.length > this.#options.connections) return false;
    if (usable.some(({ window }) => window.frames === 0)) return false;
    return this.#wantsSpare || usable.some((connection) => this.#isFull(connection, 0.5));
  }

  async #dial(now: number): Promise<void> {
    this.#isDialling = true;
    try {
      const socket = await dial(this.#options.target, { signal: this.#dials.signal });
      this.#isDialling = false;
      if (this.#isStopped) {
        socket.destroy();
        return;
      }
      const openedAt = performance.now();
      this.#graceMs = Math.min(MAX_GRACE_MS, Math.max(MIN_GRACE_MS, openedAt - now));
      const state = this.#isTrusted ? 'open' : 'fresh';
      this.#connections.add(new GatewayConnection(socket, this.#options.target, state, this));
    } catch (error) {
      this.#isDialling = false;
      if (this.#isStopped) return;
      const failure = toApnsError(error, this.#options.target);
      if (isFatalConnectionError(failure)) this.#fail(failure);
      else this.#onFailure(failure);
    }
    this.#advance();
  }

  /** Sets the one timer to whatever is due next. A timer that fires too early does no harm. */
  #schedule(now: number): void {
    let at = Number.POSITIVE_INFINITY;
    for (const connection of this.#connections) at = Math.min(at, this.#dueAt(connection) ?? at);
    for (const { dueAt } of this.#retries) at = Math.min(at, dueAt);
    const first = this.#backlog.first;
    if (first !== undefined) at = Math.min(at, first.since + this.#options.deadlineMs);
    if (this.#dialAt > now && first !== undefined) at = Math.min(at, this.#dialAt);
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.#advance();
      },
      Math.ceil(at - now),
    );
  }
}

/** An error's code as the reason of an outcome: APNS_ERR_CONNECTION_LOST becomes ConnectionLost. */
function reasonOf({ code }: ApnsError): string {
  const words = code.slice('APNS_ERR_'.length).toLowerCase().split('_');
  return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
}

function lostError(peer: Peer): ApnsError {
  return new ApnsError(
    'APNS_ERR_CONNECTION_LOST',
    `${formatPeer(peer)} closed the connection without an answer that names a notification`,
  );
}

function timeoutError(peer: Peer, closeTimeoutMs: number): ApnsError {
  return new ApnsError(
    'APNS_ERR_TIMEOUT',
    `${formatPeer(peer)} has neither taken bytes nor answered for ${closeTimeoutMs} ms`,
  );
}

function protocolError(peer: Peer): ApnsError {
  return new ApnsError(
    'APNS_ERR_GATEWAY_PROTOCOL',
    `${formatPeer(peer)} could not parse what was sent (status code 128), so sending stopped: it may not know the command of the frames, try another`,
  );
}

function closedError(peer: Peer): ApnsError {
  return new ApnsError('APNS_ERR_CLOSED', `the connection to ${formatPeer(peer)} was given up`);
}
