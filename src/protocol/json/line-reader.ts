/**
 * Chunks in, lines out.
 *
 * A line ends at byte 0x0A and nowhere else (a lone CR, or U+2028, may be part of a string); one CR before
 * it is dropped. A line that lies whole inside a chunk is handed over in place; one that spans chunks is
 * collected in a buffer of its own, which is never longer than the limit and never used again.
 */
import { isUtf8 } from 'node:buffer';
import { skipSpace } from './json-scanner.js';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NOTHING = Buffer.alloc(0);

/** Receives what a {@link LineReader} finds. `line` counts from 1, `offset` in bytes of the whole input. */
export interface LineHandler {
  /** A line that is not blank and is valid UTF-8: the bytes from `start` to `end`, without its ending. */
  onLine(bytes: Buffer, start: number, end: number, line: number, offset: number): void;
  /** A line that is too long (reported once it is, then skipped), or is not valid UTF-8. */
  onUnreadable(problem: string, line: number, offset: number): void;
}

/** Cuts a sequence of chunks into lines. Blank lines are counted and not handed over. */
export class LineReader {
  readonly #handler: LineHandler;
  readonly #maxLineBytes: number;
  /** The beginning of the line at hand, where earlier chunks brought it. */
  #buffer: Buffer = NOTHING;
  /** How many bytes of the line at hand earlier chunks brought. */
  #length = 0;
  /** Whether the line at hand is too long, so that none of it is kept. */
  #skipping = false;
  #line = 1;
  /** Where the line at hand starts in the input. */
  #offset: number;

  /**
   * @param maxLineBytes the longest line, without the byte 0x0A at its end
   * @param offset where in the input the first chunk starts
   */
  constructor(handler: LineHandler, maxLineBytes: number, offset: number) {
    this.#handler = handler;
    this.#maxLineBytes = maxLineBytes;
    this.#offset = offset;
  }

  /** Takes the next chunk, which must not be changed afterwards. */
  read(chunk: Buffer): void {
    let start = 0;
    if (this.#length > 0) {
      const newline = chunk.indexOf(NEWLINE);
      this.#hold(chunk, 0, newline < 0 ? chunk.length : newline);
      if (newline < 0) return;
      this.#takeHeld();
      start = newline + 1;
    }
    const last = chunk.lastIndexOf(NEWLINE);
    if (last >= start) {
      // One native call for all lines of the chunk: a newline byte is never part of a longer character.
      const valid = isUtf8(chunk.subarray(start, last));
      while (start <= last) {
        const end = chunk.indexOf(NEWLINE, start);
        this.#take(chunk, start, end, valid);
        this.#next(end - start);
        start = end + 1;
      }
    }
    this.#hold(chunk, start, chunk.length);
  }

  /** Says that no more chunks will come: what is held is the last line. */
  end(): void {
    if (this.#length > 0) this.#takeHeld();
  }

  #take(bytes: Buffer, start: number, lineEnd: number, valid: boolean): void {
    if (lineEnd - start > this.#maxLineBytes) {
      this.#refuseLength();
      return;
    }
    const end = lineEnd > start && bytes[lineEnd - 1] === CARRIAGE_RETURN ? lineEnd - 1 : lineEnd;
    if (valid || isUtf8(bytes.subarray(start, end))) {
      if (skipSpace(bytes, start, end) === end) return;
      this.#handler.onLine(bytes, start, end, this.#line, this.#offset);
    } else {
      this.#handler.onUnreadable('not valid UTF-8', this.#line, this.#offset);
    }
  }

  #takeHeld(): void {
    const buffer = this.#buffer;
    const length = this.#length;
    this.#buffer = NOTHING;
    this.#length = 0;
    if (!this.#skipping) this.#take(buffer, 0, length, false);
    this.#skipping = false;
    this.#next(length);
  }

  /** Keeps the beginning of a line. The buffer doubles, so one-byte chunks cost no more than their bytes. */
  #hold(chunk: Buffer, start: number, end: number): void {
    if (start === end) return;
    const held = this.#length;
    const length = held + end - start;
    this.#length = length;
    if (this.#skipping) return;
    if (length > this.#maxLineBytes) {
      this.#skipping = true;
      this.#buffer = NOTHING;
      this.#refuseLength();
      return;
    }
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.min(Math.max(2 * length, 1024), this.#maxLineBytes));
      this.#buffer.copy(grown, 0, 0, held);
      this.#buffer = grown;
    }
    chunk.copy(this.#buffer, held, start, end);
  }

  #refuseLength(): void {
    const problem = `longer than ${this.#maxLineBytes} bytes, the limit that maxLineBytes sets`;
    this.#handler.onUnreadable(problem, this.#line, this.#offset);
  }

  #next(length: number): void {
    this.#line++;
    this.#offset += length + 1;
  }
}
