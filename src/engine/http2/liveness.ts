/**
 * Decides from time alone whether the peer of an HTTP/2 connection is reachable and answers requests.
 *
 * There are two cases. If a peer sends nothing at all, the connection sends PING, and is closed if there is no answer.
 * If a peer answers PING but no request, the connection is `stalled`: it gets nothing new until the peer answers a
 * request. Times are engine time, in milliseconds.
 */

/** The interval of PINGs on an idle connection. A NAT commonly drops an idle connection after 350 s. */
export const IDLE_PING_MS = 60_000;

/** A connection with open streams sends PING when the peer has sent nothing for this long. */
export const BUSY_PING_MS = 10_000;

/** After the process was frozen, how long to wait for the answer to PING before another connection is opened. */
export const VERIFY_MS = 1000;

/** A connection that has never answered anything is stalled after this long already. */
const MAX_UNPROVEN_STALL_MS = 2000;

/** An action that is due for a connection. */
export type LivenessAction = 'ping' | 'close' | 'stall';

export interface LivenessLimits {
  /** How long the peer's SETTINGS may take. */
  readonly connectTimeoutMs: number;
  /** How long the answer to PING may take. */
  readonly pingTimeoutMs: number;
  /** How long a peer with open requests may answer none of them. */
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

  /** Since when the peer has answered no request, if requests are open. */
  get lastProgressAt(): number {
    return this.#progressAt;
  }

  /** Whether the peer's SETTINGS have arrived. */
  get hasSettings(): boolean {
    return this.#readyAt !== undefined;
  }

  /** When a notification was last answered, or -1. */
  get lastResponseAt(): number {
    return this.#lastResponseAt;
  }

  /** Whether the peer has answered no request for too long. A response resets this. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** Since when writes wait for the answer to a PING, because the process was frozen. */
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
    if (this.#readyAt !== undefined) return;
    this.#readyAt = now;
    this.noteProgress(now);
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

  /** The process was frozen: the peer may have closed the connection, so writes wait for the answer to a PING. */
  noteFreeze(now: number): void {
    this.#verifiedFrom = now;
  }

  /** When the next action is due if the peer sends nothing until then. */
  dueAt(hasWork: boolean): number {
    if (this.#readyAt === undefined)
      return this.#isStalled ? this.#settingsDueAt : Math.min(this.#settingsDueAt, this.#stallsAt);
    const askAt =
      this.#pingedAt === undefined
        ? this.#lastReceivedAt + (hasWork ? BUSY_PING_MS : IDLE_PING_MS)
        : // A peer that sends anything is reachable, and may answer PING late.
          Math.max(this.#pingedAt, this.#lastReceivedAt) + this.#limits.pingTimeoutMs;
    return hasWork && !this.#isStalled ? Math.min(askAt, this.#stallsAt) : askAt;
  }

  /**
   * The action that is due now, if any. It also records that a connection is stalled.
   *
   * @param hasWork whether the peer has requests to answer
   */
  takeAction(now: number, hasWork: boolean): LivenessAction | undefined {
    if (this.dueAt(hasWork) > now) return undefined;
    const isReady = this.#readyAt !== undefined;
    if (!isReady && this.#settingsDueAt <= now) return 'close';
    if ((hasWork || !isReady) && !this.#isStalled && this.#stallsAt <= now) {
      this.#isStalled = true;
      return 'stall';
    }
    return this.#pingedAt === undefined ? 'ping' : 'close';
  }

  get #settingsDueAt(): number {
    return this.openedAt + this.#limits.connectTimeoutMs;
  }

  get #stallsAt(): number {
    const { stallMs } = this.#limits;
    const isProven = this.#lastResponseAt >= 0 || this.#readyAt === undefined;
    return this.#progressAt + (isProven ? stallMs : Math.min(stallMs, MAX_UNPROVEN_STALL_MS));
  }
}
