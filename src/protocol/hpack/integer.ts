/**
 * Integers with an N-bit prefix: RFC 7541, section 5.1.
 *
 *       0   1   2   3   4   5   6   7
 *     +---+---+---+---+---+---+---+---+
 *     | pattern   |    value (N)      |     value < 2^N - 1: this octet is all
 *     +---+---+---+---+---+---+---+---+
 *     | pattern   | 1   1   1   1   1 |     else 2^N - 1 here, the rest in groups of seven bits, lowest first
 *     +---+---+---+---+---+---+---+---+
 *     | 1 |  rest, lowest 7 bits      |
 *     +---+---------------------------+
 *     | 0 |  rest, highest bits       |
 *     +---+---------------------------+
 */

import { connectionError } from '../http2/http2-error.js';
import type { ByteCursor } from './byte-cursor.js';

/** No integer is longer than its prefix and five octets: "integer encodings that exceed … limits MUST be treated as decoding errors". */
export const MAX_INTEGER_BYTES = 6;

const MAX_INTEGER = 0x7fff_ffff;

/**
 * Writes `value` (0 to 2^31-1) behind the bits of `pattern`.
 *
 * @returns the offset after it
 */
export function writeInteger(
  slab: Uint8Array,
  at: number,
  pattern: number,
  prefixBits: number,
  value: number,
): number {
  const most = (1 << prefixBits) - 1;
  if (value < most) {
    slab[at] = pattern | value;
    return at + 1;
  }
  slab[at++] = pattern | most;
  let rest = value - most;
  for (; rest > 0x7f; rest >>>= 7) slab[at++] = 0x80 | (rest & 0x7f);
  slab[at] = rest;
  return at + 1;
}

/**
 * Reads the integer whose first octet is `first`, which the cursor has just passed.
 *
 * @throws {Http2Error} COMPRESSION_ERROR for more than 2^31-1 or more than five further octets
 */
export function readInteger(cursor: ByteCursor, first: number, prefixBits: number): number {
  const most = (1 << prefixBits) - 1;
  let value = first & most;
  if (value < most) return value;
  for (let weight = 1; weight <= 2 ** 28; weight *= 128) {
    const octet = cursor.next();
    value += (octet & 0x7f) * weight;
    if (octet < 0x80) {
      if (value > MAX_INTEGER) break;
      return value;
    }
  }
  throw connectionError('COMPRESSION_ERROR', 'an integer in a header block is too long or above 2^31-1');
}
