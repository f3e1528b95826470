/**
 * Decides when the engine dials a connection, and dials one at a time.
 *
 * Two counts delay the next attempt. Failures to connect, in a row, end the sending when the attempts of `backoff` are
 * used up. Failures of connections that were open only delay their replacements, because each notification has its own
 * deadline. A success on a connection that was opened after the last of those failures resets their count.
 */
import type { TLSSocket } from 'node:tls';
import type { Backoff } from '../connection/backoff.js';
import { isFatalConnectionError } from '../connection/connection-error.js';
import { dial } from '../connection/dial.js';
import { toApnsError } from '../connection/node-error.js';
import type { Target } from '../connection/target.js';
import type { ApnsError } from '../core/errors.js';
import type { EngineClock } from './engine-clock.js';

/** The callbacks of a dialer to its pool. */
export interface DialerEvents {
  /** A connection was dialled; `dialMs` is how long that took. */
  onSocket(socket: TLSSocket, dialMs: number): void;
  /** The attempt has ended, after `onSocket` if it succeeded. */
  onDialled(): void;
  /** No further connection is dialled. */
  onGiveUp(error: ApnsError): void;
  /** Whether the pool has a connection that takes notifications. */
  hasOpenConnection(): boolean;
}

/** How long to wait before the next attempt when no attempts remain and a connection is open. */
const FURTHER_DELAY_MS = 10_000;

/** See the file comment. */
export class Dialer {
  readonly #target: Target;
  readonly #backoff: Backoff;
  readonly #clock: EngineClock;
  readonly #events: DialerEvents;
  readonly #abort = new AbortController();
  readonly #alpn: 'h2' | undefined;
  #isDialling = false;
  #dialAt = 0;
  /** Failures of open connections since the last success on a connection that was opened after all of them. */
  #failures = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #lastProblem: string | undefined;

  constructor(
    { target, backoff }: { readonly target: Target; readonly backoff: Backoff },
    clock: EngineClock,
    events: DialerEvents,
    alpn?: 'h2',
  ) {
    this.#target = target;
    this.#backoff = backoff;
    this.#clock = clock;
    this.#events = events;
    this.#alpn = alpn;
  }

  /** When the next attempt may start. */
  get dialAt(): number {
    return this.#dialAt;
  }

  /** The last error since the last success. */
  get lastProblem(): string | undefined {
    return this.#lastProblem;
  }

  /** Whether an attempt may start now. */
  mayDial(now: number): boolean {
    return !this.#isDialling && !this.#abort.signal.aborted && now >= this.#dialAt;
  }

  /** Starts an attempt. Check first whether one may start. */
  dial(now: number): void {
    this.#isDialling = true;
    const { signal } = this.#abort;
    dial(this.#target, this.#alpn === undefined ? { signal } : { signal, alpn: this.#alpn }).then(
      (socket) => {
        this.#isDialling = false;
        if (signal.aborted) {
          socket.destroy();
          return;
        }
        this.#events.onSocket(socket, this.#clock.now() - now);
        this.#events.onDialled();
      },
      (error: unknown) => {
        this.#isDialling = false;
        if (signal.aborted) return;
        const failure = toApnsError(error, this.#target);
        if (isFatalConnectionError(failure)) this.giveUp(failure);
        else this.recordConnectFailure(failure);
        this.#events.onDialled();
      },
    );
  }

  /** A peer responded on a connection that was opened at `openedAt`. Returns whether no connection failed since then. */
  recordSuccess(openedAt: number): boolean {
    this.#backoff.reset();
    this.#lastProblem = undefined;
    if (openedAt <= this.#failedAt) return false;
    this.#failures = 0;
    return true;
  }

  /** An open connection failed, so its replacement is delayed. */
  recordFailure(problem: string): void {
    const now = this.#clock.now();
    this.#lastProblem = problem;
    this.#failedAt = now;
    this.#delay(this.#backoff.delayMs(this.#failures++));
  }

  /** No connection could be made, or it was refused at once. Gives up if no attempts remain. */
  recordConnectFailure(error: ApnsError): void {
    this.#lastProblem = error.message;
    const furtherDelayMs = this.#events.hasOpenConnection() ? FURTHER_DELAY_MS : undefined;
    const delayMs = this.#backoff.next() ?? furtherDelayMs;
    if (delayMs === undefined) this.giveUp(error);
    else this.#delay(delayMs);
  }

  /** Lets the next attempt start at once. */
  hurry(): void {
    this.#dialAt = 0;
  }

  giveUp(error: ApnsError): void {
    this.stop();
    this.#events.onGiveUp(error);
  }

  /** Dials no further connection. */
  stop(): void {
    this.#abort.abort();
  }

  #delay(delayMs: number): void {
    this.#dialAt = Math.max(this.#dialAt, this.#clock.now() + Math.ceil(delayMs));
  }
}
