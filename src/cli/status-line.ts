/** The one line of a terminal that is drawn again and again. */

const ERASE_LINE = '\r\u001b[K';

/** A line that stands below everything else on a terminal until it is cleared. */
export class StatusLine {
  readonly #stderr: { write(text: string): unknown };
  #isDrawn = false;

  constructor(stderr: { write(text: string): unknown }) {
    this.#stderr = stderr;
  }

  /** Draws `text` in place of what was drawn before. It may hold the sequences of `paint`, and no newline. */
  draw(text: string): void {
    this.#stderr.write(`${ERASE_LINE}${text}`);
    this.#isDrawn = true;
  }

  /** To be called before anything else is written to the terminal. */
  clear(): void {
    if (this.#isDrawn) this.#stderr.write(ERASE_LINE);
    this.#isDrawn = false;
  }
}
