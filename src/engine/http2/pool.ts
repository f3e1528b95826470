/**
 * The connections of an HTTP/2 sender: which one to write to, when to open another, when to replace one.
 *
 * `connections` of them are used side by side, and some more for relief
 * while APNs throttles one of them. The pool drains and replaces a sick connection, and opens another one beside a
 * stalled connection. Failures delay the next attempt.
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

/** What a pool tells its sender, beside what its connections do. */
export interface Http2PoolEvents extends Http2ConnectionEvents {
  /** There is another connection, or it is known that there is none for now. */
  onReady(): void;
  /** No connection can be had any more, and no further one is tried. */
  onGiveUp(error: ApnsError): void;
}

/**
 * APNs throttles a connection to one stream after a rejection, until the next acceptance. While one of ours
 * is throttled, so many more may be opened: the clean traffic goes on there.
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

  /** Those that are not closed, in the order they were opened. Another array after every change. */
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

  /** The connection with the fewest open streams, of those that have a free one. */
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

  /** Opens another connection, if it is time and those that are there cannot become enough. */
  grow(now: number): void {
    if (!this.#dialer.mayDial(now)) return;
    const { connections } = this.#options;
    // Those included that the peer is leaving and that still wait for answers.
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

  /** Trusts a connection with more, or sends PING, opens another one beside it, or closes it if its peer is silent. */
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

  /** TooManyProviderTokenUpdates: the token stays, the connection goes, and the next one is not hurried. */
  replaceLater(connection: Http2Connection): void {
    if (connection.isReplaced) return;
    connection.drain();
    this.#dialer.recordConnectFailure(refusedError(this.#options, 'TooManyProviderTokenUpdates'));
  }

  /** Forgets a connection that has closed; one that was of no use delays the next. */
  remove(connection: Http2Connection, cause: ApnsError | undefined): void {
    this.#connections = this.#connections.filter((other) => other !== connection);
    const { isProven, isReplaced } = connection;
    const { openedAt } = connection.liveness;
    // One that has stood unused for long is no sign of trouble when it goes.
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
