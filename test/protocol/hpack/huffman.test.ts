import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHuffman, encodeHuffman, huffmanBytes } from '../../../src/protocol/hpack/huffman.js';
import { HUFFMAN_CODES, HUFFMAN_LENGTHS } from '../../../src/protocol/hpack/huffman-code.js';
import { Http2ErrorCode } from '../../../src/protocol/http2/error-code.js';
import { hex } from '../http2/bytes.js';

function encode(bytes: Uint8Array): Buffer {
  const slab = Buffer.alloc(4 * bytes.length + 1);
  return slab.subarray(0, encodeHuffman(bytes, 0, bytes.length, slab, 0));
}

function decode(bytes: Uint8Array): Buffer {
  const target = Buffer.alloc(2 * bytes.length + 1);
  return target.subarray(0, decodeHuffman(bytes, 0, bytes.length, target));
}

const COMPRESSION_ERROR = { http2ErrorCode: Http2ErrorCode.COMPRESSION_ERROR, streamId: 0 };

describe('the Huffman code', () => {
  // RFC 7541, appendix B: the first and last code of several lengths, transcribed.
  it.each([
    ['0', 0x30, 0x0, 5],
    ['t', 0x74, 0x9, 5],
    ['space', 0x20, 0x14, 6],
    ['u', 0x75, 0x2d, 6],
    [':', 0x3a, 0x5c, 7],
    ['z', 0x7a, 0x7b, 7],
    ['&', 0x26, 0xf8, 8],
    ['Z', 0x5a, 0xfd, 8],
    ['?', 0x3f, 0x3fc, 10],
    ['|', 0x7c, 0x7fc, 11],
    ['>', 0x3e, 0xffb, 12],
    ['~', 0x7e, 0x1ffd, 13],
    ['}', 0x7d, 0x3ffd, 14],
    ['{', 0x7b, 0x7ffe, 15],
    ['byte 195', 195, 0x7fff1, 19],
    ['byte 0', 0, 0x1ff8, 13],
    ['byte 1', 1, 0x7fffd8, 23],
    ['byte 9', 9, 0xffffea, 24],
    ['byte 199', 199, 0x1ffffec, 25],
    ['byte 255', 255, 0x3ffffee, 26],
    ['byte 254', 254, 0x7fffff0, 27],
    ['byte 249', 249, 0xffffffe, 28],
    ['byte 22', 22, 0x3ffffffe, 30],
    ['EOS', 256, 0x3fffffff, 30],
  ])('has the code of %s', (_name, symbol, code, length) => {
    expect([HUFFMAN_CODES[symbol], HUFFMAN_LENGTHS[symbol]]).toEqual([code, length]);
  });

  it('is complete: every string of bits starts with one of its codes', () => {
    expect(HUFFMAN_LENGTHS.reduce((sum, length) => sum + 2 ** (30 - length), 0)).toBe(2 ** 30);
  });
});

describe('a Huffman-coded string', () => {
  it('is what RFC 7541, C.4.1 says', () => {
    expect(encode(Buffer.from('www.example.com'))).toEqual(hex('f1e3 c2e5 f23a 6ba0 ab90 f4ff'));
    expect(decode(hex('f1e3 c2e5 f23a 6ba0 ab90 f4ff')).toString()).toBe('www.example.com');
  });

  it('returns every byte sequence, in the length that was announced', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const coded = encode(bytes);
        expect(coded.length).toBe(huffmanBytes(bytes, 0, bytes.length));
        expect(decode(coded)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('returns every pair of bytes', () => {
    for (let first = 0; first < 256; first++) {
      const bytes = Buffer.alloc(512, first);
      for (let second = 0; second < 256; second++) bytes[2 * second + 1] = second;
      expect(decode(encode(bytes)).equals(bytes)).toBe(true);
    }
  });

  it.each([
    ['a whole byte of padding', 'f1e3c2e5f23a6ba0ab90f4ff ff'],
    ['a byte of padding alone', 'ff'],
    ['padding with a zero', '1e'],
    ['EOS', 'ff ff ff ff'],
    ['EOS behind a symbol', '07 ff ff ff ff'],
    ['half a code', 'ff ff'],
  ])('is refused with %s', (_what, bytes) => {
    expect(() => decode(hex(bytes))).toThrowError(expect.objectContaining(COMPRESSION_ERROR));
  });

  it('throws nothing but its own error, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(encode(decode(bytes))).toEqual(Buffer.from(bytes));
        } catch (error) {
          expect(error).toMatchObject(COMPRESSION_ERROR);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
