/** Holds a sending back until something shows that its credentials and topic are not refused for everything. */
import type { Gate } from './feed.js';

/** So many may be refused where one would have shown that all will be. */
const PROBATION_COUNT = 1000;

/**
 * A {@link Gate} in front of another one, or of none. It lets {@link PROBATION_COUNT} notifications be under way until
 * {@link Probation.end}.
 *
 * For HTTP/2, where each request is answered. A binary gateway is silent about what it accepts, so there this would
 * wait for a checkpoint.
 */
export class Probation implements Gate {
  readonly #next: Gate | undefined;
  #isOver = false;
  #underWay = 0;
  #release: (() => void) | undefined;

  constructor(next: Gate | undefined) {
    this.#next = next;
  }

  admitInvalid(line: number): boolean {
    return this.#next?.admitInvalid(line) ?? true;
  }

  admit(line: number): boolean {
    const isAdmitted = this.#next?.admit(line) ?? true;
    if (isAdmitted && !this.#isOver) this.#underWay++;
    return isAdmitted;
  }

  hold(release: () => void): boolean {
    if (this.#isOver || this.#underWay < PROBATION_COUNT) return this.#next?.hold(release) ?? false;
    this.#release = release;
    return true;
  }

  /** A notification has its outcome, and it is none that ends the probation. */
  settle(): void {
    this.#underWay--;
    this.#letGo();
  }

  /** Nothing is held back from now on. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#letGo();
  }

  #letGo(): void {
    const release = this.#release;
    if (release === undefined || (!this.#isOver && this.#underWay >= PROBATION_COUNT)) return;
    this.#release = undefined;
    if (!this.#next?.hold(release)) release();
  }
}
