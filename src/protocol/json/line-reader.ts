/**
 * Divides chunks into lines.
 *
 * A line ends at byte 0x0A and nowhere else (a lone CR, or U+2028, may be part of a string); one CR before
 * it is dropped. A line that lies whole inside a chunk is handed over in place; one that spans chunks is
 * collected in a separate buffer, which is at most one byte longer than the limit and is never reused.
 *
 * A chunk may contain more lines than the reader needs at once. So reading pauses inside a chunk when the handler
 * requests it or when a time limit is reached, and `goOn` continues it.
 */
import { isUtf8 } from 'node:buffer';
import { skipSpace } from './json-scanner.js';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NOTHING = Buffer.alloc(0);

/** The limit of reading without a pause: a few milliseconds, and more than a chunk of 64 KiB with usual lines. */
const MAX_BYTES_AT_ONCE = 256 * 1024;

/** The extra cost of each line in bytes, because creating an error for a short line takes that long. */
const LINE_COST_BYTES = 256;

/** Receives what a {@link LineReader} finds. `line` counts from 1, `offset` in bytes of the whole input. */
export interface LineHandler {
  /**
   * A line that is not blank and is valid UTF-8: the bytes from `start` to `end`, without its ending.
   *
   * @returns whether more is wanted now
   */
  onLine(bytes: Buffer, start: number, end: number, line: number, offset: number): boolean;
  /** A line that is too long (reported once it is, then skipped), or is not valid UTF-8. */
  onUnreadable(problem: string, line: number, offset: number): void;
}

/**
 * Divides a sequence of chunks into lines. Blank lines are counted and not passed on. A byte order mark at the start of
 * a later line is skipped: `cat` leaves it at the joint of two files.
 */
export class LineReader {
  readonly #handler: LineHandler;
  readonly #maxLineBytes: number;
  /** The current chunk. Its complete lines end at `#last`. */
  #chunk: Buffer = NOTHING;
  #start = 0;
  #last = -1;
  /** Whether all its lines are valid UTF-8. */
  #isValid = false;
  /** The part of the current line that arrived in earlier chunks. */
  #buffer: Buffer = NOTHING;
  /** The number of bytes of the current line that arrived in earlier chunks. */
  #length = 0;
  /** Whether the current line is too long, so that it is skipped. */
  #skipping = false;
  #line = 1;
  /** The position of the current line in the input. */
  #offset: number;

  /**
   * @param maxLineBytes the longest line, without its ending
   * @param offset where in the input the first chunk starts
   */
  constructor(handler: LineHandler, maxLineBytes: number, offset: number) {
    this.#handler = handler;
    this.#maxLineBytes = maxLineBytes;
    this.#offset = offset;
  }

  /**
   * Takes the next chunk, which must not be changed afterwards.
   *
   * @returns whether it has been read to its end; if not, {@link LineReader.goOn} has to be called first
   */
  read(chunk: Buffer): boolean {
    let start = 0;
    let isMoreWanted = true;
    if (this.#length > 0) {
      const newline = chunk.indexOf(NEWLINE);
      this.#hold(chunk, 0, newline < 0 ? chunk.length : newline);
      if (newline < 0) return true;
      isMoreWanted = this.#takeHeld();
      start = newline + 1;
    }
    this.#chunk = chunk;
    this.#start = start;
    this.#last = chunk.lastIndexOf(NEWLINE);
    // One native call for all lines of the chunk: a newline byte is never part of a longer character.
    this.#isValid = this.#last >= start && isUtf8(chunk.subarray(start, this.#last));
    return isMoreWanted && this.goOn();
  }

  /** Continues to read the current chunk. @returns whether it has been read to its end */
  goOn(): boolean {
    const chunk = this.#chunk;
    const last = this.#last;
    const isValid = this.#isValid;
    let start = this.#start;
    let left = MAX_BYTES_AT_ONCE;
    while (start <= last) {
      const end = chunk.indexOf(NEWLINE, start);
      const isMoreWanted = this.#take(chunk, start, end, isValid);
      this.#next(end - start);
      left -= end - start + LINE_COST_BYTES;
      start = end + 1;
      if (isMoreWanted && left > 0) continue;
      this.#start = start;
      return false;
    }
    this.#chunk = NOTHING;
    this.#last = -1;
    this.#start = 0;
    this.#hold(chunk, start, chunk.length);
    return true;
  }

  /** Says that no more chunks will come: what is held is the last line. */
  end(): void {
    this.#takeHeld();
  }

  /** @returns whether more is wanted now */
  #take(bytes: Buffer, lineStart: number, lineEnd: number, isValid: boolean): boolean {
    let start = lineStart;
    // `cat` leaves the mark of a joined file here. The mark of the whole input was skipped before.
    if (bytes[start] === 0xef && this.#line > 1 && isByteOrderMark(bytes, start, lineEnd)) start += 3;
    // Before an empty line there is the newline of the previous line, or nothing.
    const end = bytes[lineEnd - 1] === CARRIAGE_RETURN ? lineEnd - 1 : lineEnd;
    if (end - lineStart > this.#maxLineBytes) {
      this.#refuseLength();
      return true;
    }
    if (isValid || isUtf8(bytes.subarray(start, end))) {
      if (skipSpace(bytes, start, end) === end) return true;
      return this.#handler.onLine(bytes, start, end, this.#line, this.#offset);
    }
    this.#handler.onUnreadable('not valid UTF-8', this.#line, this.#offset);
    return true;
  }

  #takeHeld(): boolean {
    const buffer = this.#buffer;
    const length = this.#length;
    this.#buffer = NOTHING;
    this.#length = 0;
    const isMoreWanted = this.#skipping || this.#take(buffer, 0, length, false);
    this.#skipping = false;
    this.#next(length);
    return isMoreWanted;
  }

  /** Keeps the beginning of a line. The buffer doubles, so one-byte chunks cost no more than their bytes. */
  #hold(chunk: Buffer, start: number, end: number): void {
    if (start === end) return;
    const held = this.#length;
    const length = held + end - start;
    this.#length = length;
    if (this.#skipping) return;
    // One byte more may be the CR of the line's ending.
    const most = this.#maxLineBytes + (chunk[end - 1] === CARRIAGE_RETURN ? 1 : 0);
    if (length > most) {
      this.#skipping = true;
      this.#buffer = NOTHING;
      this.#refuseLength();
      return;
    }
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.min(Math.max(2 * length, 1024), this.#maxLineBytes + 1));
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

function isByteOrderMark(bytes: Buffer, start: number, end: number): boolean {
  return end - start >= 3 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
}
