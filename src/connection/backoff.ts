/** Computes the delay before the next attempt, so that clients do not overload a gateway that recovers. */
import { checkOptionNames, integerOption, millisecondsOption } from '../core/options.js';

/** When and how often to try again. */
export interface BackoffOptions {
  /** Upper bound of the first delay, in milliseconds. @default 100 */
  readonly initialMs?: number;
  /** Upper bound of every delay, in milliseconds. @default 10_000 */
  readonly maxMs?: number;
  /** How many delays before giving up, so that connecting is tried once more than that; 0 never tries again. @default 8 */
  readonly attempts?: number;
}

/**
 * Exponential backoff with full jitter. Each delay is random, from 0 to a bound that doubles with every failure, so
 * that clients that lose their connections at the same time do not reconnect at the same time.
 *
 * Source of the rule: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #attempts: number;
  readonly #random: () => number;
  #failures = 0;

  /** @throws {ApnsError} APNS_ERR_INVALID_OPTION for an unknown or unusable option, named `backoff.…` */
  constructor(options: BackoffOptions = {}, random: () => number = Math.random) {
    checkOptionNames('backoff', options, ['initialMs', 'maxMs', 'attempts']);
    this.#initialMs = integerOption('backoff.initialMs', options.initialMs, { default: 100 });
    this.#maxMs = millisecondsOption('backoff.maxMs', options.maxMs, 10_000);
    this.#attempts = integerOption('backoff.attempts', options.attempts, { default: 8, min: 0 });
    this.#random = random;
  }

  /** The number of delays since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds to wait before the next attempt, or `undefined` when the attempts are used up. */
  next(): number | undefined {
    if (this.#failures >= this.#attempts) return undefined;
    return this.delayMs(this.#failures++);
  }

  /** Milliseconds to wait after this many failures in a row, regardless of the number of attempts. */
  delayMs(failures: number): number {
    return this.#random() * Math.min(this.#maxMs, this.#initialMs * 2 ** failures);
  }

  /** Records a successful attempt: the next failure starts with the first delay again. */
  reset(): void {
    this.#failures = 0;
  }
}
