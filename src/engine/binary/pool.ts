/**
 * Decides which connection a sender writes to, when to open another one, and when a connection needs attention.
 *
 * `connections` of them are used in parallel. One more may be open in reserve, because each checkpoint and each
 * rejection costs a connection.
 *
 * Health. A connection succeeds when an error response names a written frame, a checkpoint included. It fails when it
 * ends with unproved frames and without such a response, or with ProcessingError. The pool replaces every connection
 * that ends; after a failure it waits for a backoff that doubles with each failure. The
 * {@link Dialer} counts both kinds of failures.
 */
import type { TLSSocket } from 'node:tls';
import { closedAfterHandshake, isFatalConnectionError } from '../../connection/connection-error.js';
import type { ApnsError } from '../../core/errors.js';
import { Dialer, type DialerEvents } from '../dialer.js';
import type { EngineClock } from '../engine-clock.js';
import { BinaryConnection, type BinaryConnectionEvents, type ConnectionEnd } from './connection.js';
import { ConnectionQuota } from './connection-quota.js';
import type { ResolvedBinaryOptions } from './options.js';

/** The callbacks of a pool to its sender. */
export interface BinaryPoolEvents {
  /** More can be written than before. */
  onReady(): void;
  /** A connection has left the pool. The sender settles its frames, and reports to the pool what that proved. */
  onClose(connection: BinaryConnection, end: ConnectionEnd): void;
  /** Connecting has failed too often, and the pool has given up. */
  onGiveUp(error: ApnsError): void;
}

/** What a sender needs connections for. */
export interface Demand {
  /** Frames wait to be written. */
  readonly isWaiting: boolean;
  /** Frames are not settled yet, written or not. */
  readonly isUnsettled: boolean;
}

/** A connection counts as open when it has stayed open this long, or as long as its handshake took. */
const MIN_GRACE_MS = 5;
const MAX_GRACE_MS = 500;

/** A connection that closes this soon, before anything was confirmed, was probably refused for its credentials. */
const EARLY_MS = 1000;

/** Without checkpoints, the quota doubles after this long without a response. */
const DOUBLING_MS = 100;

/** See the file comment. */
export class BinaryPool implements BinaryConnectionEvents, DialerEvents {
  readonly #options: ResolvedBinaryOptions;
  readonly #events: BinaryPoolEvents;
  readonly #clock: EngineClock;
  readonly #connections = new Set<BinaryConnection>();
  readonly #dialer: Dialer;
  readonly #quota: ConnectionQuota;
  readonly #maxQuotaFrames: number;
  /** Milliseconds from when a frame was taken to its checkpoint, so that the proof arrives within the deadline. */
  readonly #proofMs: number;
  /** When the next reserve connection may be opened. A gateway may close unused connections at once. */
  #spareAt = 0;
  /** How long the last handshake took. A refusal would arrive within this time. */
  #graceMs = MIN_GRACE_MS;
  /** Whether a gateway has sent a valid error response, which proves that it accepts the credentials. */
  #isTrusted = false;
  /** Set after a rejection. Rejections come in series, and a reserve connection saves the time to reconnect. */
  #wantsSpare = false;
  constructor(options: ResolvedBinaryOptions, events: BinaryPoolEvents, clock: EngineClock) {
    const { checkpoint, windowCount, connections, timeoutMs, pingTimeoutMs, resendsUnknown } = options;
    this.#options = options;
    this.#events = events;
    this.#clock = clock;
    this.#dialer = new Dialer(options, clock, this);
    // The connections share half the window: while one half waits for proof, the other fills.
    this.#maxQuotaFrames =
      checkpoint === 'auto' ? Math.max(1, Math.floor(windowCount / (2 * connections))) : windowCount;
    this.#quota = new ConnectionQuota(this.#maxQuotaFrames);
    // An unknown notification is written again, and that attempt needs proof in time too.
    const attempts = resendsUnknown ? 2 : 1;
    this.#proofMs = timeoutMs - attempts * Math.min(pingTimeoutMs, timeoutMs / (attempts + 1));
  }

  /** The open connections, in the order of opening. */
  get connections(): BinaryConnection[] {
    return [...this.#connections];
  }

  /** The last error of a connection since the last success. */
  get lastProblem(): string | undefined {
    return this.#dialer.lastProblem;
  }

  /** Without checkpoints, how long a frame must have no error response to count as presumed. */
  get presumeMs(): number {
    return Math.min(this.#options.windowAgeMs, this.#proofMs);
  }

  /** How many more frames a connection may take before it needs a checkpoint. */
  quotaLeft(connection: BinaryConnection): number {
    return this.#quotaOf(connection) - connection.window.frames;
  }

  /** Whether a connection has reached this `share` of what it may hold without proof. */
  isFull(connection: BinaryConnection, share = 1): boolean {
    const { checkpoint, windowBytes, connections } = this.#options;
    if (checkpoint !== 'auto') return false;
    const { frames, heldBytes } = connection.window;
    return (
      frames >= share * this.#quotaOf(connection) || heldBytes >= (share * windowBytes) / (2 * connections)
    );
  }

  /** The connection in use with the fewest unsettled frames. Those after the first `connections` are in reserve. */
  pick(): BinaryConnection | undefined {
    let used = 0;
    let best: BinaryConnection | undefined;
    for (const connection of this.#connections) {
      if (connection.state !== 'open') continue;
      if (++used > this.#options.connections) break;
      if (connection.isBlocked || this.quotaLeft(connection) <= 0) continue;
      if (best === undefined || connection.window.frames < best.window.frames) best = connection;
    }
    return best;
  }

  /** When a connection needs attention even if nothing happens to it. */
  dueAt(connection: BinaryConnection, now: number): number {
    const { pingTimeoutMs, timeoutMs } = this.#options;
    const { state, openedAt, progressAt, window } = connection;
    if (state === 'fresh') return openedAt + this.#graceMs;
    const deadlineAt = window.earliestAt + timeoutMs;
    const isOwing = state !== 'open' || !connection.isFlushed;
    const timeoutAt = isOwing ? progressAt + pingTimeoutMs : Number.POSITIVE_INFINITY;
    return Math.min(deadlineAt, timeoutAt, this.proofAt(connection, now), this.doublingAt(connection));
  }

  /** When an open connection needs proof or, without checkpoints, when its frames count as presumed. */
  proofAt(connection: BinaryConnection, now: number): number {
    const { state, oldestAt, window } = connection;
    if (state !== 'open' || oldestAt === undefined) return Number.POSITIVE_INFINITY;
    // A missing response proves nothing about bytes that have not left this process: check again later.
    if (this.#options.checkpoint !== 'auto') return (connection.isFlushed ? oldestAt : now) + this.presumeMs;
    return Math.min(oldestAt + this.#options.windowAgeMs, window.earliestAt + this.#proofMs);
  }

  /** Without checkpoints, when the quota of a connection that has reached it doubles. */
  doublingAt(connection: BinaryConnection): number {
    const isUsedUp = this.#options.checkpoint !== 'auto' && this.quotaLeft(connection) <= 0;
    return isUsedUp && this.#quotaOf(connection) < this.#maxQuotaFrames
      ? connection.progressAt + DOUBLING_MS
      : Number.POSITIVE_INFINITY;
  }

  /** When the next attempt to connect may start. */
  get dialAt(): number {
    return this.#dialer.dialAt;
  }

  /** Opens another connection if the demand asks for one and it is time. */
  grow(now: number, demand: Demand): void {
    if (this.#dialer.mayDial(now) && this.#wantsConnection(now, demand)) this.#dialer.dial(now);
  }

  /**
   * Updates the quota with the result of a connection, or with frames that are presumed.
   *
   * @param proved the frames that were settled for good
   * @param lost the frames that were discarded, or whose outcome is not known
   */
  noteProof(proved: number, lost: number): void {
    this.#quota.note(proved, lost);
  }

  /** An error response named a written frame, so the gateway reads and parses frames. */
  recordSuccess(connection: BinaryConnection, wasRejection: boolean): void {
    this.#isTrusted = true;
    if (this.#dialer.recordSuccess(connection.openedAt)) this.#dialer.hurry();
    if (wasRejection) this.#wantsSpare = true;
  }

  /** A gateway processed none of the frames: the next connection has to wait. */
  recordFailure(error: ApnsError): void {
    this.#dialer.recordFailure(error.message);
  }

  /** A connection ended without proving anything: wait before the next, or give up. */
  recordLoss(connection: BinaryConnection, end: ConnectionEnd, error: ApnsError, heldFrames: boolean): void {
    if (isFatalConnectionError(error)) {
      this.#dialer.giveUp(error);
      return;
    }
    const now = this.#clock.now();
    const isEarly = now - connection.openedAt <= EARLY_MS;
    // A gateway that refuses credentials closes. One that does not respond is sick, and the deadlines limit the wait.
    const isSilent = error.code === 'APNS_ERR_TIMEOUT';
    if (isEarly && !isSilent && !this.#isTrusted && end.response === undefined) {
      const wasClosed = error.code === 'APNS_ERR_CONNECTION_LOST';
      this.#dialer.recordConnectFailure(wasClosed ? closedAfterHandshake(this.#options.target) : error);
      return;
    }
    this.#options.backoff.reset();
    if (heldFrames || end.response !== undefined) this.recordFailure(error);
    // A gateway may close an idle connection without any problem. It may also limit connections, so delay the reserve.
    else if (isEarly) this.#spareAt = now + EARLY_MS;
  }

  /** Closes a connection that has no unsettled frames. */
  close(connection: BinaryConnection): void {
    this.#connections.delete(connection);
    connection.close(this.#options.pingTimeoutMs);
  }

  /** Opens no further connection. */
  stop(): void {
    this.#dialer.stop();
  }

  onSocket(socket: TLSSocket, dialMs: number): void {
    this.#graceMs = Math.min(MAX_GRACE_MS, Math.max(MIN_GRACE_MS, dialMs));
    const state = this.#isTrusted ? 'open' : 'fresh';
    this.#connections.add(new BinaryConnection(socket, this.#options.target, state, this.#clock, this));
  }

  onDialled(): void {
    this.#events.onReady();
  }

  onGiveUp(error: ApnsError): void {
    this.#events.onGiveUp(error);
  }

  hasOpenConnection(): boolean {
    return this.connections.some(({ state }) => state === 'open');
  }

  onDrain(): void {
    this.#events.onReady();
  }

  onClose(connection: BinaryConnection, end: ConnectionEnd): void {
    this.#connections.delete(connection);
    this.#events.onClose(connection, end);
  }

  #quotaOf({ doublings }: BinaryConnection): number {
    return Math.min(this.#maxQuotaFrames, this.#quota.frames * 2 ** doublings);
  }

  #wantsConnection(now: number, { isWaiting, isUnsettled }: Demand): boolean {
    const usable = this.connections.filter(({ state }) => state === 'open' || state === 'fresh');
    const cannotWrite = usable.every(({ state, isBlocked }) => state === 'open' && isBlocked);
    if (isWaiting && cannotWrite) return usable.length < this.#options.connections;
    // Open the reserve connection early, for the next checkpoint or rejection.
    if (!isUnsettled || now < this.#spareAt || usable.length > this.#options.connections) return false;
    if (usable.some(({ window }) => window.frames === 0)) return false;
    return this.#wantsSpare || usable.some((connection) => this.isFull(connection, 0.5));
  }
}
