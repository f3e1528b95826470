/**
 * Decides whether a connection gets new notifications, from the outcomes of the last ones.
 *
 *     unproven ──success──▶ healthy ◀──success── failing ──3rd failure──▶ sick
 *         └──────────failure──────────▶ failing     ▲                       ▲
 *                                healthy ──failure──┘    half of 64 fail ───┘
 *
 * One connection to APNs can be sick while all others work: it answers every request with 500, refuses or resets every
 * stream, or does not respond. Only a new connection helps then. `sick` is final: the connection gets no new
 * notifications, the peer may still answer its open streams, and the pool opens another connection.
 */

/** A connection is sick after this many failures in a row: fewer could be due to one notification. */
const MAX_FAILURES = 3;

/** A connection is also sick when at least half of this many notifications in a row fail, whatever their order. */
const RATED_NOTIFICATIONS = 64;

/** How many notifications may be in flight on a connection before the first success. */
const UNPROVEN_STREAMS = 8;

/** While nothing fails, that limit doubles at this interval, so that a slow peer also gets enough notifications. */
export const UNPROVEN_GROWTH_MS = 50;

/** After so many doublings the interval is longer: a peer that answers nothing must not take everything. */
const FAST_DOUBLINGS = 3;
const SLOW_GROWTH_MS = 500;
const MAX_DOUBLINGS = 20;

/** See the file comment. */
export type HealthState = 'unproven' | 'healthy' | 'failing' | 'sick';

/** The health of one connection. */
export class ConnectionHealth {
  #state: HealthState = 'unproven';
  #failures = 0;
  #doublings = 0;
  #rated = 0;
  #ratedFailures = 0;
  /** A failure of a notification before this number belongs to a failure that was already counted. */
  #countedBefore = 0;

  get state(): HealthState {
    return this.#state;
  }

  /** Whether the connection takes no new notifications. */
  get isSick(): boolean {
    return this.#state === 'sick';
  }

  /** The peer processed a notification, whether it accepted or rejected it. */
  recordSuccess(): void {
    if (this.#state === 'sick') return;
    this.#state = 'healthy';
    this.#failures = 0;
    this.#rate(0);
  }

  /**
   * The peer failed to process a notification. Failures of notifications that were in flight together count once.
   *
   * @param number the notification's place among those written on this connection
   * @param next the place that the next one will have
   * @param isRated whether it counts in the rate of failures too; false if the peer refused notifications in flight
   * because it now allows fewer streams
   */
  recordFailure(number: number, next: number, isRated = true): void {
    if (this.#state === 'sick') return;
    if (number >= this.#countedBefore) {
      this.#countedBefore = next;
      this.#failures++;
      this.#state = this.#failures < MAX_FAILURES ? 'failing' : 'sick';
    }
    if (isRated) this.#rate(1);
  }

  /** The peer announced, or a timeout showed, that no further notification will succeed on this connection. */
  recordSickness(): void {
    this.#state = 'sick';
  }

  /**
   * Doubles the limit of a connection that has been usable for `ageMs`, if that is due. Call it after the sockets were
   * read, so that a process that was delayed handles the failures before it raises the limit.
   */
  growTrust(ageMs: number): void {
    const slow = Math.max(0, this.#doublings + 1 - FAST_DOUBLINGS);
    const growsAtMs = (this.#doublings + 1 - slow) * UNPROVEN_GROWTH_MS + slow * SLOW_GROWTH_MS;
    if (ageMs >= growsAtMs && this.#doublings < MAX_DOUBLINGS) this.#doublings++;
  }

  /** How many notifications may be in flight. */
  get maxInFlight(): number {
    if (this.#state === 'healthy') return Number.POSITIVE_INFINITY;
    if (this.#state === 'unproven') return UNPROVEN_STREAMS * 2 ** this.#doublings;
    return this.#state === 'failing' ? 1 : 0;
  }

  #rate(failures: 0 | 1): void {
    this.#ratedFailures += failures;
    if (++this.#rated < RATED_NOTIFICATIONS) return;
    if (2 * this.#ratedFailures >= this.#rated) this.#state = 'sick';
    this.#rated = 0;
    this.#ratedFailures = 0;
  }
}
