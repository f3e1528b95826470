/** Limits a sending until an outcome shows that the gateway does not refuse its credentials or topic in general. */
import type { LineFilter } from '../input/notification-reader.js';

/** The most notifications that may be refused in place of one: the first would have shown that all will be. */
const START_LIMIT = 1000;

/**
 * A {@link LineFilter}, alone or in front of another one. It allows {@link START_LIMIT} notifications in flight until
 * {@link StartLimit.end} is called.
 *
 * It is for HTTP/2, where each request gets a response. A binary gateway does not report what it accepts, so there this
 * limit would wait for a checkpoint.
 */
export class StartLimit implements LineFilter {
  readonly #next: LineFilter | undefined;
  #isOver = false;
  #underWay = 0;
  #release: (() => void) | undefined;

  constructor(next: LineFilter | undefined) {
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
    if (this.#isOver || this.#underWay < START_LIMIT) return this.#next?.hold(release) ?? false;
    this.#release = release;
    return true;
  }

  /** Records an outcome that does not remove the limit. */
  settle(): void {
    this.#underWay--;
    this.#letGo();
  }

  /** Removes the limit. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#letGo();
  }

  #letGo(): void {
    const release = this.#release;
    if (release === undefined || (!this.#isOver && this.#underWay >= START_LIMIT)) return;
    this.#release = undefined;
    if (!this.#next?.hold(release)) release();
  }
}
