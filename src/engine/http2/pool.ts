/**
 * Decides which connection an HTTP/2 sender writes to, when to open another one, and when to replace one.
 *
 * `connections` of them are used in parallel, and some more while APNs throttles one of them. The pool drains and
 * replaces a sick connection, and opens another one beside a stalled connection. Failures delay the next attempt.
 */
import type { TLSSocket } from 'node:tls';
import { closedAfterHandshake, isFatalConnectionError } from '../../connection/connection-error.js';
import type { ApnsError } from '../../core/errors.js';
import { UNPROVEN_GROWTH_MS } from '../connection-health.js';
import { Dialer, type DialerEvents } from '../dialer.js';
import type { EngineClock } from '../engine-clock.js';
import { Http2Connection, type Http2ConnectionContext, type Http2ConnectionEvents } from './connection.js';
import { refusedError, sickMessage, silentError, stalledMessage } from './errors.js';
import { IDLE_PING_MS, VERIFY_MS } from './liveness.js';
import type { ResolvedHttp2Options } from './options.js';

/** The callbacks of a pool to its sender, in addition to those of its connections. */
export interface Http2PoolEvents extends Http2ConnectionEvents {
  /** An attempt to connect has succeeded or failed. */
  onReady(): void;
  /** Connecting has failed too often, and the pool has given up. */
  onGiveUp(error: ApnsError): void;
}

/**
 * APNs throttles a connection to one stream after a rejection, until it accepts a notification. While a connection is
 * throttled, the pool may open this many more, so that other notifications are not delayed.
 */
const RELIEF_CONNECTIONS = 8;

/** The pool opens another connection after a third of the deadline without a response, but at most this long. */
const MAX_STALL_MS = 10_000;

/** See the file comment. */
export class Http2Pool implements DialerEvents {
  readonly #options: ResolvedHttp2Options;
  readonly #events: Http2PoolEvents;
  readonly #clock: EngineClock;
  readonly #context: Http2ConnectionContext;
  #connections: readonly Http2Connection[] = [];
  readonly #dialer: Dialer;

  constructor(options: ResolvedHttp2Options, events: Http2PoolEvents, clock: EngineClock) {
    const { target: peer, authority, timeoutMs, pingTimeoutMs } = options;
    this.#options = options;
    this.#events = events;
    this.#clock = clock;
    this.#dialer = new Dialer(options, clock, this, 'h2');
    const stallMs = Math.min(MAX_STALL_MS, Math.ceil(timeoutMs / 3));
    const limits = { connectTimeoutMs: peer.connectTimeoutMs, pingTimeoutMs, stallMs };
    this.#context = { peer, authority, clock, limits };
  }

  /** The connections that are not closed, in the order of opening. Every change creates a new array. */
  get connections(): readonly Http2Connection[] {
    return this.#connections;
  }

  /** How long a peer may answer no request before the pool opens another connection. */
  get stallMs(): number {
    return this.#context.limits.stallMs;
  }

  /** When the next attempt to connect may start. */
  get dialAt(): number {
    return this.#dialer.dialAt;
  }

  /** The last error since the last response. */
  get lastProblem(): string | undefined {
    return this.#dialer.lastProblem;
  }

  /** Of the connections with a free stream, the one with the fewest open streams. */
  pick(): Http2Connection | undefined {
    const connections = this.#connections;
    let best: Http2Connection | undefined;
    for (let i = 0; i < connections.length; i++) {
      const connection = connections[i]!;
      if (connection.room === 0) continue;
      if (best === undefined || connection.openStreams < best.openStreams) best = connection;
    }
    return best;
  }

  /** Opens another connection, if an attempt is due and the existing connections are not enough. */
  grow(now: number): void {
    if (!this.#dialer.mayDial(now)) return;
    const { connections } = this.#options;
    // This includes draining connections that still wait for responses.
    if (this.#connections.length >= 2 * connections + RELIEF_CONNECTIONS) return;
    let usable = 0;
    let isThrottled = false;
    for (const connection of this.#connections) {
      if (connection.isDraining) continue;
      const { isStalled, verifiedFrom } = connection.liveness;
      // A connection that still waits for SETTINGS, or for the answer to a PING, may be enough.
      if (verifiedFrom !== undefined && now < verifiedFrom + VERIFY_MS) return;
      if (isStalled || verifiedFrom !== undefined) continue;
      if (!connection.isReady) return;
      usable++;
      isThrottled ||= connection.isThrottled;
    }
    if (usable < connections + (isThrottled ? RELIEF_CONNECTIONS : 0)) this.#dialer.dial(now);
  }

  /** When the next action for a connection is due if its peer sends nothing. `isWaiting`: notifications wait for it. */
  dueAt({ liveness, hasWork, isProven }: Http2Connection, isWaiting: boolean, now: number): number {
    const at = liveness.dueAt(hasWork);
    if (!isWaiting) return at;
    const { verifiedFrom } = liveness;
    if (verifiedFrom !== undefined && verifiedFrom + VERIFY_MS > now)
      return Math.min(at, verifiedFrom + VERIFY_MS);
    return isProven ? at : Math.min(at, now + UNPROVEN_GROWTH_MS);
  }

  /** Raises the limit of a connection, sends PING, opens another one beside it, or closes it if the peer is silent. */
  watch(connection: Http2Connection, now: number): void {
    const { liveness, health } = connection;
    health.growTrust(liveness.ageMs(now));
    connection.noteContinued();
    let action = liveness.takeAction(now, connection.hasWork);
    if (action === 'stall') {
      this.#onStall(connection, now);
      // A PING may be due as well.
      action = connection.isDraining ? undefined : liveness.takeAction(now, connection.hasWork);
    }
    if (action === 'close')
      connection.destroy(silentError(this.#options.target, now - liveness.lastReceivedAt));
    else if (action !== 'ping') return;
    else if (this.#connections.length > this.#options.connections && connection.openStreams === 0)
      connection.drain();
    else connection.ping();
  }

  /** The process was frozen: checks that each connection still works before writing to it. */
  verify(): void {
    for (const connection of this.#connections) connection.verify();
  }

  /** Drains sick connections, so that new ones replace them. */
  replaceSick(): void {
    for (const connection of this.#connections) {
      if (!connection.health.isSick || connection.isReplaced) continue;
      this.#dialer.recordFailure(sickMessage(this.#options.target));
      connection.drain();
    }
  }

  /** A connection received a response: clears earlier errors. */
  trust({ liveness }: Http2Connection): void {
    this.#dialer.recordSuccess(liveness.openedAt);
  }

  /** TooManyProviderTokenUpdates: keeps the token, drains the connection, and delays the next one. */
  replaceLater(connection: Http2Connection): void {
    if (connection.isReplaced) return;
    connection.drain();
    this.#dialer.recordConnectFailure(refusedError(this.#options, 'TooManyProviderTokenUpdates'));
  }

  /** Removes a closed connection. If it failed, the next attempt is delayed. */
  remove(connection: Http2Connection, cause: ApnsError | undefined): void {
    this.#connections = this.#connections.filter((other) => other !== connection);
    const { isProven, isReplaced } = connection;
    const { openedAt } = connection.liveness;
    // A peer may close a connection that was idle for long, without any problem.
    const isFailure = !isProven && !isReplaced && this.#clock.now() - openedAt < IDLE_PING_MS;
    if (cause !== undefined && isFatalConnectionError(cause)) this.#dialer.giveUp(cause);
    else if (isFailure && connection.isClosedByPeer)
      this.#dialer.recordFailure(cause?.message ?? sickMessage(this.#options.target));
    else if (isFailure)
      this.#dialer.recordConnectFailure(cause ?? closedAfterHandshake(this.#options.target));
  }

  /** Opens no further connection. */
  stop(): void {
    this.#dialer.stop();
  }

  onSocket(socket: TLSSocket): void {
    this.#connections = [...this.#connections, new Http2Connection(socket, this.#context, this.#events)];
  }

  onDialled(): void {
    this.#events.onReady();
  }

  onGiveUp(error: ApnsError): void {
    this.#events.onGiveUp(error);
  }

  hasOpenConnection(): boolean {
    return this.#connections.some(({ isReady, isDraining }) => isReady && !isDraining);
  }

  #onStall(connection: Http2Connection, now: number): void {
    this.#dialer.recordFailure(
      stalledMessage(this.#options.target, now - connection.liveness.lastProgressAt),
    );
    connection.takeBack(this.#options.resendsUnknown);
  }
}
