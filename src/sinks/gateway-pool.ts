/**
 * The connections of a sender: which one to write to, when to open another, when one needs attention.
 *
 * One connection is dialled at a time. `connections` of them are used side by side; one more may stand in
 * reserve, since a checkpoint and a rejection cost a connection each. A failure delays the next attempt.
 */
import { closedAfterHandshake, isFatalConnectionError } from '../connection/connection-error.js';
import { dial } from '../connection/dial.js';
import { type ApnsError, toApnsError } from '../errors.js';
import { type ConnectionEnd, GatewayConnection, type GatewayConnectionEvents } from './gateway-connection.js';
import type { ResolvedGatewayOptions } from './gateway-options.js';

/** What a pool tells its sender. */
export interface GatewayPoolEvents {
  /** More can be written than before. */
  onReady(): void;
  /** A connection has left the pool; what it holds is to be settled, and the pool told what that proved. */
  onClose(connection: GatewayConnection, end: ConnectionEnd): void;
  /** No connection can be had any more, and no further one is tried. */
  onGiveUp(error: ApnsError): void;
}

/** What a sender has to do, as far as connections are concerned. */
export interface Demand {
  /** Frames wait to be written. */
  readonly isWaiting: boolean;
  /** Frames are not settled yet, written or not. */
  readonly isUnsettled: boolean;
}

/** A connection is trusted when it has stayed open this long, or as long as its handshake took. */
const MIN_GRACE_MS = 5;
const MAX_GRACE_MS = 500;

/** Closed this soon, with nothing ever confirmed, a connection was probably refused for its credentials. */
const EARLY_MS = 1000;

/** A connection that has lived this long was a good one, however it ended. */
const SETTLED_MS = 10_000;

/** See the file comment. */
export class GatewayPool implements GatewayConnectionEvents {
  readonly #options: ResolvedGatewayOptions;
  readonly #events: GatewayPoolEvents;
  readonly #connections = new Set<GatewayConnection>();
  readonly #dials = new AbortController();
  #isDialling = false;
  #isStopped = false;
  /** When the next attempt to connect may start. */
  #dialAt = 0;
  /** When the next one in reserve may be opened: a gateway may close those at once that are not used. */
  #spareAt = 0;
  /** How long the last handshake took: the time in which a refusal would arrive. */
  #graceMs = MIN_GRACE_MS;
  /** Whether a gateway has answered sensibly, which proves that it takes our credentials. */
  #isTrusted = false;
  /** Set after a rejection: they come in series, and a connection in reserve hides the next one's cost. */
  #wantsSpare = false;

  constructor(options: ResolvedGatewayOptions, events: GatewayPoolEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** The connections that are open, in the order they were opened. */
  get connections(): GatewayConnection[] {
    return [...this.#connections];
  }

  /** Half the window, shared by the connections: while one half is being proved, the other is filled. */
  get quotaFrames(): number {
    const { checkpoint, windowCount, connections } = this.#options;
    return checkpoint === 'auto' ? Math.max(1, Math.floor(windowCount / (2 * connections))) : windowCount;
  }

  /** Whether a connection holds `share` of what it may hold before it is asked for proof. */
  isFull(connection: GatewayConnection, share = 1): boolean {
    const { checkpoint, windowBytes, connections } = this.#options;
    if (checkpoint !== 'auto') return false;
    const { frames, bytes } = connection.window;
    return frames >= share * this.quotaFrames || bytes >= (share * windowBytes) / (2 * connections);
  }

  /** The open connection with the least in its window, among those in use; those behind are in reserve. */
  pick(): GatewayConnection | undefined {
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

  /** When a connection needs attention even if nothing happens to it. */
  dueAt(connection: GatewayConnection): number | undefined {
    const { windowAgeMs, closeTimeoutMs, checkpoint } = this.#options;
    const { state, openedAt, oldestAt, progressAt } = connection;
    if (state === 'fresh') return openedAt + this.#graceMs;
    if (state !== 'open') return progressAt + closeTimeoutMs;
    if (oldestAt === undefined) return undefined;
    // Silence says nothing about bytes that have not left this process.
    return (checkpoint === 'auto' || connection.isFlushed ? oldestAt : progressAt) + windowAgeMs;
  }

  /** When the next attempt to connect may start. */
  get dialAt(): number {
    return this.#dialAt;
  }

  /** Opens another connection if the demand asks for one and it is time. */
  grow(now: number, demand: Demand): void {
    if (this.#isDialling || this.#isStopped || now < this.#dialAt) return;
    if (this.#wantsConnection(now, demand)) void this.#dial(now);
  }

  /** A gateway named what was written: it reads and understands us. */
  trust(wasRejection: boolean): void {
    this.#isTrusted = true;
    this.#options.backoff.reset();
    this.#dialAt = 0;
    if (wasRejection) this.#wantsSpare = true;
  }

  /** A connection ended without proving anything: wait before the next, or give up. */
  distrust(connection: GatewayConnection, end: ConnectionEnd, error: ApnsError, heldFrames: boolean): void {
    if (isFatalConnectionError(error)) {
      this.#giveUp(error);
      return;
    }
    const now = performance.now();
    const livedMs = now - connection.openedAt;
    const isEarly = livedMs <= EARLY_MS;
    const wasClosed = end.response === undefined && error.code === 'APNS_ERR_CONNECTION_LOST';
    if (livedMs > SETTLED_MS) this.#options.backoff.reset();
    else if (isEarly && !this.#isTrusted)
      this.#onFailure(wasClosed ? closedAfterHandshake(this.#options.target) : error);
    else if (heldFrames) this.#onFailure(error);
    // An idle connection that the gateway closes is no sign of trouble; one in reserve may be unwelcome.
    else if (isEarly) this.#spareAt = now + EARLY_MS;
  }

  /** Lets go of a connection that holds nothing. */
  retire(connection: GatewayConnection): void {
    this.#connections.delete(connection);
    connection.retire(this.#options.closeTimeoutMs);
  }

  /** Opens no further connection. */
  stop(): void {
    this.#isStopped = true;
    this.#dials.abort();
  }

  onDrain(): void {
    this.#events.onReady();
  }

  onClose(connection: GatewayConnection, end: ConnectionEnd): void {
    this.#connections.delete(connection);
    this.#events.onClose(connection, end);
  }

  #giveUp(error: ApnsError): void {
    this.stop();
    this.#events.onGiveUp(error);
  }

  #onFailure(error: ApnsError): void {
    const isOpen = this.connections.some(({ state }) => state === 'open');
    const delayMs = this.#options.backoff.next() ?? (isOpen ? SETTLED_MS : undefined);
    if (delayMs === undefined) this.#giveUp(error);
    else this.#dialAt = performance.now() + delayMs;
  }

  #wantsConnection(now: number, { isWaiting, isUnsettled }: Demand): boolean {
    const usable = this.connections.filter(({ state }) => state === 'open' || state === 'fresh');
    const cannotWrite = usable.every(({ state, isBlocked }) => state === 'open' && isBlocked);
    if (isWaiting && cannotWrite) return usable.length < this.#options.connections;
    // One in reserve, opened before it is needed: for the next checkpoint, or the next rejection.
    if (!isUnsettled || now < this.#spareAt || usable.length > this.#options.connections) return false;
    if (usable.some(({ window }) => window.frames === 0)) return false;
    return this.#wantsSpare || usable.some((connection) => this.isFull(connection, 0.5));
  }

  async #dial(now: number): Promise<void> {
    this.#isDialling = true;
    try {
      const socket = await dial(this.#options.target, { signal: this.#dials.signal });
      if (this.#isStopped) {
        socket.destroy();
        return;
      }
      const openedAt = performance.now();
      this.#graceMs = Math.min(MAX_GRACE_MS, Math.max(MIN_GRACE_MS, openedAt - now));
      const state = this.#isTrusted ? 'open' : 'fresh';
      this.#connections.add(new GatewayConnection(socket, this.#options.target, state, this));
    } catch (error) {
      if (this.#isStopped) return;
      const failure = toApnsError(error, this.#options.target);
      if (isFatalConnectionError(failure)) this.#giveUp(failure);
      else this.#onFailure(failure);
    } finally {
      this.#isDialling = false;
    }
    this.#events.onReady();
  }
}
