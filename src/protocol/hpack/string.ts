/**
 * String literals: RFC 7541, section 5.2.
 *
 *       0   1   2   3   4   5   6   7
 *     +---+---+---+---+---+---+---+---+
 *     | H |     length in octets (7)  |      H = 1: the octets are Huffman-coded
 *     +---+---------------------------+
 *     |  octets                       |
 *     +-------------------------------+
 *
 * Text is UTF-8 in both directions.
 */

import { connectionError } from '../http2/http2-error.js';
import type { ByteCursor } from './byte-cursor.js';
import { decodeHuffman, encodeHuffman, HUFFMAN_MAX_EXPANSION, huffmanBytes } from './huffman.js';
import { MAX_INTEGER_BYTES, readInteger, writeInteger } from './integer.js';

/** Set in the first octet of a string that is Huffman-coded. */
const HUFFMAN = 0x80;

/** The most bytes a string of `length` UTF-16 units takes; Huffman coding is used only where it is no longer. */
export function stringBytes(length: number): number {
  return MAX_INTEGER_BYTES + 3 * length;
}

/** Writes `text` as it is. @returns the offset after it */
export function writeString(slab: Buffer, at: number, text: string): number {
  // A UTF-16 unit takes at most three bytes: up to 42 of them fit a length of one octet whatever they are.
  if (text.length <= 42) {
    const end = writeAscii(slab, at + 1, text);
    const length = end === at + 1 ? slab.write(text, end) : text.length;
    slab[at] = length;
    return at + 1 + length;
  }
  const start = writeInteger(slab, at, 0, 7, Buffer.byteLength(text));
  return start + slab.write(text, start);
}

/** Writes `text` if it is ASCII, which most are: calling Node for so few bytes costs more. @returns `at` if it is not */
function writeAscii(slab: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return at;
    slab[at + i] = unit;
  }
  return at + text.length;
}

/** Writes `text` Huffman-coded, or as it is where that is shorter. @returns the offset after it */
export function writeCompressedString(slab: Buffer, at: number, text: string): number {
  const bytes = Buffer.from(text);
  const coded = huffmanBytes(bytes, 0, bytes.length);
  if (coded > bytes.length) return writeString(slab, at, text);
  return encodeHuffman(bytes, 0, bytes.length, slab, writeInteger(slab, at, HUFFMAN, 7, coded));
}

/** Reads the strings of one connection. Huffman-coded strings are decoded into a reused scratch buffer. */
export class HpackStringReader {
  /** How many octets the string read last has when it is not Huffman-coded. */
  length = 0;
  #scratch: Buffer = Buffer.allocUnsafeSlow(512);
  #decoded = false;

  /** @throws {Http2Error} COMPRESSION_ERROR for a string that is longer than its block, or is badly coded */
  read(cursor: ByteCursor): string {
    const start = this.#locate(cursor);
    const source = this.#decoded ? this.#scratch : cursor.bytes;
    return source.toString('utf8', start, start + this.length);
  }

  /** Passes over a string with every check but without making it. */
  skip(cursor: ByteCursor): void {
    this.#locate(cursor);
  }

  /** Moves the cursor behind the string; returns where its octets start, in the scratch if it was decoded. */
  #locate(cursor: ByteCursor): number {
    const first = cursor.next();
    const length = readInteger(cursor, first, 7);
    const start = cursor.at;
    const end = start + length;
    if (end > cursor.end) {
      throw connectionError(
        'COMPRESSION_ERROR',
        `a string of ${length} bytes is longer than its header block`,
      );
    }
    cursor.at = end;
    this.#decoded = first >= HUFFMAN;
    if (!this.#decoded) {
      this.length = length;
      return start;
    }
    const most = Math.ceil(length * HUFFMAN_MAX_EXPANSION);
    if (most > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(most);
    this.length = decodeHuffman(cursor.bytes, start, end, this.#scratch);
    return 0;
  }
}
