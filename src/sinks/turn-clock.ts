/** The monotonic clock, looked at once in a turn of the event loop however often it is asked. */
export class TurnClock {
  #now = -1;
  readonly #onTurnEnd: () => void;

  constructor() {
    this.#onTurnEnd = () => {
      this.#now = -1;
    };
  }

  /** Whole milliseconds, rounded up: numbers without a fraction need no memory of their own. */
  get now(): number {
    if (this.#now < 0) {
      this.#now = Math.ceil(performance.now());
      process.nextTick(this.#onTurnEnd);
    }
    return this.#now;
  }
}
