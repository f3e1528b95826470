import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteCursor } from '../../../src/protocol/hpack/byte-cursor.js';
import { MAX_INTEGER_BYTES, readInteger, writeInteger } from '../../../src/protocol/hpack/integer.js';
import { Http2ErrorCode } from '../../../src/protocol/http2/error-code.js';
import { hex } from '../http2/bytes.js';

function encode(value: number, prefixBits: number, pattern = 0): Buffer {
  const slab = Buffer.alloc(MAX_INTEGER_BYTES);
  return slab.subarray(0, writeInteger(slab, 0, pattern, prefixBits, value));
}

function decode(bytes: Buffer, prefixBits: number): number {
  const cursor = new ByteCursor();
  cursor.reset(bytes, 0, bytes.length);
  const value = readInteger(cursor, cursor.next(), prefixBits);
  expect(cursor.at).toBe(bytes.length);
  return value;
}

describe('an integer', () => {
  it.each([
    ['C.1.1: 10 with a 5-bit prefix', 10, 5, '0a'],
    ['C.1.2: 1337 with a 5-bit prefix', 1337, 5, '1f 9a 0a'],
    ['C.1.3: 42 at an octet boundary', 42, 8, '2a'],
    ['the largest that fits its prefix', 30, 5, '1e'],
    ['the least that does not', 31, 5, '1f 00'],
    ['the largest with one octet more', 31 + 127, 5, '1f 7f'],
    ['the least with two octets more', 31 + 128, 5, '1f 80 01'],
    ['the largest there is', 2 ** 31 - 1, 7, '7f 80 ff ff ff 07'],
  ])('is what RFC 7541 says: %s', (_name, value, prefixBits, bytes) => {
    expect(encode(value, prefixBits)).toEqual(hex(bytes));
    expect(decode(hex(bytes), prefixBits)).toBe(value);
  });

  it('leaves the bits before its prefix alone', () => {
    expect(encode(1337, 5, 0x20)).toEqual(hex('3f 9a 0a'));
    expect(decode(hex('ff 9a 0a'), 5)).toBe(1337);
  });

  it('returns every value, whatever its prefix', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), fc.integer({ min: 4, max: 8 }), (value, prefixBits) => {
        expect(decode(encode(value, prefixBits), prefixBits)).toBe(value);
      }),
    );
  });

  it.each([
    ['above 2^31-1', '1f e1 ff ff ff 07'],
    ['that would overflow 32 bits', '1f ff ff ff ff 7f'],
    ['that never ends', '1f 80 80 80 80 80 80 80 80 00'],
    ['with empty octets behind it', '1f 80 80 80 80 80 00'],
    ['that is cut off', '1f 9a'],
  ])('is refused %s', (_what, bytes) => {
    expect(() => decode(hex(bytes), 5)).toThrowError(
      expect.objectContaining({ http2ErrorCode: Http2ErrorCode.COMPRESSION_ERROR }),
    );
  });
});
