/**
 * The connections of an HTTP/2 sender: which one to write to, when to open another, when to ask one whether it
 * is still there.
 *
 * One connection is dialled at a time. `connections` of them are used side by side, and some more for relief
 * while APNs throttles one of them. A failure delays the next attempt.
 */
import { closedAfterHandshake, isFatalConnectionError } from '../connection/connection-error.js';
import { dial } from '../connection/dial.js';
import { type ApnsError, toApnsError } from '../errors.js';
import { Http2Connection, type Http2ConnectionEvents } from './http2-connection.js';
import { refusedError, silentError } from './http2-endings.js';
import type { ResolvedHttp2Options } from './http2-options.js';
import type { TurnClock } from './turn-clock.js';

/** What a pool tells its sender, beside what its connections do. */
export interface Http2PoolEvents extends Http2ConnectionEvents {
  /** There is another connection, or it is known that there is none for now. */
  onReady(): void;
  /** No connection can be had any more, and no further one is tried. */
  onGiveUp(error: ApnsError): void;
}

/** A connection nobody has used for this long is asked whether it still stands; a NAT forgets after 350 s. */
const IDLE_PING_MS = 60_000;

/** Silence this long, with answers outstanding, makes the connection suspicious. */
export const BUSY_PING_MS = 10_000;

/**
 * APNs throttles a connection to one stream after a rejection, until the next acceptance. While one of ours
 * is throttled, so many more may be opened: the clean traffic goes on there.
 */
const RELIEF_CONNECTIONS = 8;

/** When a further connection is tried again that could not be had, while there is one to send on. */
const FURTHER_DELAY_MS = 10_000;

/** See the file comment. */
export class Http2Pool {
  readonly #options: ResolvedHttp2Options;
  readonly #events: Http2PoolEvents;
  readonly #clock: TurnClock;
  #connections: readonly Http2Connection[] = [];
  readonly #dials = new AbortController();
  #isDialling = false;
  #isStopped = false;
  #dialAt = 0;

  constructor(options: ResolvedHttp2Options, events: Http2PoolEvents, clock: TurnClock) {
    this.#options = options;
    this.#events = events;
    this.#clock = clock;
  }

  /** Those that are not closed, in the order they were opened. Another array after every change. */
  get connections(): readonly Http2Connection[] {
    return this.#connections;
  }

  /** When the next attempt to connect may start. */
  get dialAt(): number {
    return this.#dialAt;
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
    if (this.#isDialling || this.#isStopped || now < this.#dialAt) return;
    const { connections } = this.#options;
    // Those included that the peer is leaving and that still wait for answers.
    if (this.#connections.length >= 2 * connections + RELIEF_CONNECTIONS) return;
    let usable = 0;
    let isThrottled = false;
    for (const connection of this.#connections) {
      if (connection.isDraining) continue;
      // One that still waits for SETTINGS may turn out to be enough.
      if (!connection.isReady) return;
      usable++;
      isThrottled ||= connection.isThrottled;
    }
    if (usable < connections + (isThrottled ? RELIEF_CONNECTIONS : 0)) void this.#dial();
  }

  /** When something must be done about a connection that is silent until then: ask it, or give it up. */
  silenceEndsAt(connection: Http2Connection): number {
    const { isReady, openedAt, heardAt, pingedAt, openStreams } = connection;
    if (!isReady) return openedAt + this.#options.target.connectTimeoutMs;
    // Whoever says anything is there, and may be slow to say that.
    if (pingedAt !== undefined) return Math.max(pingedAt, heardAt) + this.#options.closeTimeoutMs;
    return heardAt + (openStreams > 0 ? BUSY_PING_MS : IDLE_PING_MS);
  }

  /** Does what silence demands. */
  watch(connection: Http2Connection, now: number): void {
    if (this.silenceEndsAt(connection) > now) return;
    if (!connection.isReady || connection.pingedAt !== undefined)
      connection.abandon(silentError(this.#options.target, now - connection.heardAt));
    else if (this.#connections.length > this.#options.connections && connection.openStreams === 0)
      connection.drain();
    else connection.ping(now);
  }

  /** Somebody was answered: whatever failed before is over. */
  trust(): void {
    this.#options.backoff.reset();
  }

  /** TooManyProviderTokenUpdates: the token stays, the connection goes, and the next one is not hurried. */
  leave(connection: Http2Connection): void {
    if (connection.isRetired) return;
    connection.drain();
    this.#onFailure(refusedError(this.#options, 'TooManyProviderTokenUpdates'));
  }

  /** Forgets a connection that has closed; one that was of no use delays the next. */
  remove(connection: Http2Connection, cause: ApnsError | undefined): void {
    this.#connections = this.#connections.filter((other) => other !== connection);
    const { isProven, isRetired, openedAt } = connection;
    // One that has stood unused for long is no sign of trouble when it goes.
    const isFailure = !isProven && !isRetired && this.#clock.now - openedAt < IDLE_PING_MS;
    if (cause !== undefined && isFatalConnectionError(cause)) this.#giveUp(cause);
    else if (isFailure) this.#onFailure(cause ?? closedAfterHandshake(this.#options.target));
  }

  /** Opens no further connection. */
  stop(): void {
    this.#isStopped = true;
    this.#dials.abort();
  }

  #giveUp(error: ApnsError): void {
    this.stop();
    this.#events.onGiveUp(error);
  }

  #onFailure(error: ApnsError): void {
    const isOpen = this.#connections.some(({ isReady, isDraining }) => isReady && !isDraining);
    const delayMs = this.#options.backoff.next() ?? (isOpen ? FURTHER_DELAY_MS : undefined);
    if (delayMs === undefined) this.#giveUp(error);
    else this.#dialAt = this.#clock.now + Math.ceil(delayMs);
  }

  async #dial(): Promise<void> {
    this.#isDialling = true;
    const { target, authority } = this.#options;
    try {
      const socket = await dial(target, { signal: this.#dials.signal, alpn: 'h2' });
      this.#isDialling = false;
      if (this.#isStopped) socket.destroy();
      else
        this.#connections = [
          ...this.#connections,
          new Http2Connection(socket, target, authority, this.#events),
        ];
    } catch (error) {
      this.#isDialling = false;
      if (this.#isStopped) return;
      const failure = toApnsError(error, target);
      if (isFatalConnectionError(failure)) this.#giveUp(failure);
      else this.#onFailure(failure);
    }
    this.#events.onReady();
  }
}
