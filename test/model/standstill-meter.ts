/** How long this process stood still: by a blocked event loop, or because the machine ran something else. */

/** The loop is looked at this often. */
const BEAT_MS = 5;

/** A beat that is later than this is lost time; an earlier one is the timer's own. */
const LATE_MS = 5;

/** Measures from its making on. One serves any number of runs side by side. */
export class StandstillMeter {
  readonly #timer: NodeJS.Timeout;
  #lastBeat = performance.now();
  #lostMs = 0;

  constructor() {
    this.#timer = setInterval(() => this.#beat(), BEAT_MS).unref();
  }

  /** Milliseconds that were lost so far. */
  get lostMs(): number {
    this.#beat();
    return this.#lostMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const now = performance.now();
    const lateMs = now - this.#lastBeat - BEAT_MS;
    this.#lastBeat = now;
    if (lateMs > LATE_MS) this.#lostMs += lateMs;
  }
}
