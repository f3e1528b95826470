/**
 * Huffman-coded strings: RFC 7541, section 5.2.
 *
 *       0   1   2   3   4   5   6   7
 *     +---+---+---+---+---+---+---+---+
 *     | code of byte 0 | code of byte 1 | …  | 1 1 1 |      padding: under 8 bits, all ones
 *     +---+---+---+---+---+---+---+---+
 *
 * Decoding walks the code tree four bits at a time. A code has at least five bits, so four bits complete
 * at most one symbol, and 256 inner nodes times 16 nibbles fit the processor's first-level cache.
 */
import { connectionError, type Http2Error } from '../http2/http2-error.js';
import { EOS, HUFFMAN_CODES, HUFFMAN_LENGTHS } from './huffman-code.js';

/** Decoding never makes a string longer than this times its coded length: the shortest code has 5 bits. */
export const HUFFMAN_MAX_EXPANSION: number = 8 / 5;

// One entry per node and nibble: the node it leads to in the low byte, then two flags and the symbol.
const EMITS = 0x100;
const FAILS = 0x200;
const SYMBOL_SHIFT = 16;

interface CodeTree {
  readonly steps: Readonly<Uint32Array>;
  readonly mayEnd: Readonly<Uint8Array>;
}

// Made with the first string: it would be the dearest step of importing the package.
let codeTree: CodeTree | undefined;

/** How many bytes the Huffman code of these bytes takes. */
export function huffmanBytes(bytes: Uint8Array, start: number, end: number): number {
  let bits = 0;
  for (let i = start; i < end; i++) bits += HUFFMAN_LENGTHS[bytes[i]!]!;
  return (bits + 7) >>> 3;
}

/**
 * Writes the Huffman code of `source[start..end)` into `slab` at `at`.
 *
 * @returns the offset after it
 */
export function encodeHuffman(
  source: Uint8Array,
  start: number,
  end: number,
  slab: Uint8Array,
  at: number,
): number {
  // At most 7 bits wait here, and one code adds at most 30: more than the 32 bits of an integer operation.
  let waiting = 0;
  let bits = 0;
  let out = at;
  for (let i = start; i < end; i++) {
    const symbol = source[i]!;
    let length = HUFFMAN_LENGTHS[symbol]!;
    let code = HUFFMAN_CODES[symbol]!;
    if (length > 24) {
      waiting = (waiting << (length - 24)) | (code >>> 24);
      bits += length - 24;
      code &= 0xff_ffff;
      length = 24;
      for (; bits >= 8; bits -= 8) slab[out++] = waiting >>> (bits - 8);
      waiting &= 0x7f;
    }
    waiting = (waiting << length) | code;
    bits += length;
    for (; bits >= 8; bits -= 8) slab[out++] = waiting >>> (bits - 8);
    waiting &= 0x7f;
  }
  if (bits > 0) slab[out++] = (waiting << (8 - bits)) | (0xff >>> bits);
  return out;
}

/**
 * Decodes `source[start..end)` into `target` from 0; `target` has room for {@link HUFFMAN_MAX_EXPANSION}
 * times the source.
 *
 * @returns how many bytes were decoded
 * @throws {Http2Error} COMPRESSION_ERROR for EOS, and for padding that is not under 8 one-bits
 */
export function decodeHuffman(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  codeTree ??= buildTree();
  const { steps, mayEnd } = codeTree;
  let node = 0;
  let out = 0;
  for (let i = start; i < end; i++) {
    const byte = source[i]!;
    let step = steps[(node << 4) | (byte >>> 4)]!;
    if (step > 0xff) {
      if ((step & FAILS) !== 0) throw invalid('it contains EOS');
      target[out++] = step >>> SYMBOL_SHIFT;
    }
    step = steps[((step & 0xff) << 4) | (byte & 0xf)]!;
    if (step > 0xff) {
      if ((step & FAILS) !== 0) throw invalid('it contains EOS');
      target[out++] = step >>> SYMBOL_SHIFT;
    }
    node = step & 0xff;
  }
  if (mayEnd[node] !== 1) throw invalid('its padding is not one to seven one-bits');
  return out;
}

function buildTree(): CodeTree {
  // Children of inner node n stand at 2n and 2n+1: an inner node's number, or ~symbol. 257 leaves, 256 nodes.
  const children = new Int16Array(512);
  let nodes = 1;
  for (let symbol = 0; symbol <= EOS; symbol++) {
    const code = HUFFMAN_CODES[symbol]!;
    let node = 0;
    for (let bit = HUFFMAN_LENGTHS[symbol]! - 1; bit > 0; bit--) {
      const child = 2 * node + ((code >>> bit) & 1);
      if (children[child] === 0) children[child] = nodes++;
      node = children[child]!;
    }
    children[2 * node + (code & 1)] = ~symbol;
  }
  const steps = new Uint32Array(256 * 16);
  for (let node = 0; node < 256; node++) {
    for (let nibble = 0; nibble < 16; nibble++) steps[(node << 4) | nibble] = walk(children, node, nibble);
  }
  // Padding is the start of EOS: the nodes reached from the root by up to seven one-bits.
  const mayEnd = new Uint8Array(256);
  for (let node = 0, bits = 0; bits <= 7; bits++) {
    mayEnd[node] = 1;
    node = children[2 * node + 1]!;
  }
  return { steps, mayEnd };
}

function walk(children: Int16Array, from: number, nibble: number): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = children[2 * node + ((nibble >>> bit) & 1)]!;
    if (child >= 0) {
      node = child;
    } else if (~child === EOS) {
      return FAILS;
    } else {
      emitted = EMITS | (~child << SYMBOL_SHIFT);
      node = 0;
    }
  }
  return emitted | node;
}

function invalid(problem: string): Http2Error {
  return connectionError('COMPRESSION_ERROR', `a Huffman-coded string is invalid: ${problem}`);
}
