/** The longest delay a timer of Node can hold; a longer one would go off at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The one timer of a sender: goes off at the earliest of all times it was asked for. */
export class WakeUp {
  readonly #onTimer: () => void;
  #timer: NodeJS.Timeout | undefined;
  #at = Number.POSITIVE_INFINITY;

  /** @param wake may be called too early, which does no harm: it looks at what is due, and asks again */
  constructor(wake: () => void) {
    this.#onTimer = () => {
      this.#at = Number.POSITIVE_INFINITY;
      wake();
    };
  }

  /**
   * Wakes at this time of the monotonic clock, unless something earlier was asked for already.
   *
   * @param now the same clock
   */
  at(at: number, now: number): void {
    if (at >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = setTimeout(this.#onTimer, Math.min(MAX_DELAY_MS, Math.max(0, Math.ceil(at - now))));
  }

  /** Never wakes again, unless it is asked to. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#at = Number.POSITIVE_INFINITY;
  }
}
