/**
 * Whether the other end of an HTTP/2 connection is still there and still answers, judged by time alone.
 *
 * Two kinds of silence are told apart. A peer that sends nothing at all is asked by PING and given up when that is
 * not answered either. A peer that answers PING but no request is `stalled`: it gets nothing new until it answers
 * again. Times are engine time, in milliseconds.
 */

/** An idle connection is asked this often whether it still stands; a NAT forgets a connection after 350 s. */
export const IDLE_PING_MS = 60_000;

/** A connection with open streams is asked when it has sent nothing for this long. */
export const BUSY_PING_MS = 10_000;

/** After the process stood still, PING gets this long before another connection is opened beside the old one. */
export const VERIFY_MS = 1000;

/** What is to be done about a connection. */
export type LivenessAction = 'ping' | 'close' | 'stall';

export interface LivenessLimits {
  /** How long the peer's SETTINGS may take. */
  readonly connectTimeoutMs: number;
  /** How long the answer to PING may take. */
  readonly pingTimeoutMs: number;
  /** How long a connection that has something to answer may answer nothing. */
  readonly stallMs: number;
}

/** See the file comment. */
export class Http2Liveness {
  readonly openedAt: number;
  readonly #limits: LivenessLimits;
  #readyAt: number | undefined;
  #lastReceivedAt: number;
  #pingedAt: number | undefined;
  /** When a notification was last answered, or its body could be continued. */
  #progressAt: number;
  #lastResponseAt = -1;
  #isStalled = false;
  #verifiedFrom: number | undefined;

  constructor(now: number, limits: LivenessLimits) {
    this.openedAt = now;
    this.#lastReceivedAt = now;
    this.#progressAt = now;
    this.#limits = limits;
  }

  /** When the peer last sent something. */
  get lastReceivedAt(): number {
    return this.#lastReceivedAt;
  }

  /** Since when it has answered nothing, if it has anything to answer. */
  get lastProgressAt(): number {
    return this.#progressAt;
  }

  /** When a notification was last answered, or -1. */
  get lastResponseAt(): number {
    return this.#lastResponseAt;
  }

  /** Whether it has answered nothing for too long. An answer ends that. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** Since when a PING has to be answered before anything is written, because the process stood still. */
  get verifiedFrom(): number | undefined {
    return this.#verifiedFrom;
  }

  /** How long the connection has been usable. */
  ageMs(now: number): number {
    return now - (this.#readyAt ?? now);
  }

  noteReceived(now: number): void {
    this.#lastReceivedAt = now;
  }

  noteSettings(now: number): void {
    this.#readyAt ??= now;
  }

  notePing(now: number): void {
    this.#pingedAt = now;
  }

  notePong(): void {
    this.#pingedAt = undefined;
    this.#verifiedFrom = undefined;
  }

  /** A stream was opened on a connection that had none. */
  noteWork(now: number): void {
    this.#progressAt = now;
  }

  noteResponse(now: number): void {
    this.#lastResponseAt = now;
    this.noteProgress(now);
  }

  noteProgress(now: number): void {
    this.#progressAt = now;
    this.#isStalled = false;
  }

  /** The process stood still: the peer may be gone, so nothing is written until it has answered a PING. */
  noteFreeze(now: number): void {
    this.#verifiedFrom = now;
  }

  /** When something has to be done about the silence, if it lasts. */
  dueAt(hasWork: boolean): number {
    if (this.#readyAt === undefined) return this.openedAt + this.#limits.connectTimeoutMs;
    const askAt =
      this.#pingedAt === undefined
        ? this.#lastReceivedAt + (hasWork ? BUSY_PING_MS : IDLE_PING_MS)
        : // A peer that sends anything is there, and may be slow to answer PING.
          Math.max(this.#pingedAt, this.#lastReceivedAt) + this.#limits.pingTimeoutMs;
    return hasWork && !this.#isStalled ? Math.min(askAt, this.#progressAt + this.#limits.stallMs) : askAt;
  }

  /**
   * What is due now, if anything; a connection that is stalled is remembered as such.
   *
   * @param hasWork whether there is anything it should answer
   */
  takeAction(now: number, hasWork: boolean): LivenessAction | undefined {
    if (this.dueAt(hasWork) > now) return undefined;
    if (this.#readyAt === undefined) return 'close';
    if (hasWork && !this.#isStalled && this.#progressAt + this.#limits.stallMs <= now) {
      this.#isStalled = true;
      return 'stall';
    }
    return this.#pingedAt === undefined ? 'ping' : 'close';
  }
}
