/** A terminal line that is redrawn in place. */

const ERASE_LINE = '\r\u001b[K';

/** Draws the last line of a terminal, and clears it before other output is written. */
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

  /** Call this before other output is written to the terminal. */
  clear(): void {
    if (this.#isDrawn) this.#stderr.write(ERASE_LINE);
    this.#isDrawn = false;
  }
}
