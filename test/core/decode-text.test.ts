import { describe, expect, it } from 'vitest';
import { decodeText } from '../../src/core/decode-text.js';

const TEXT = 'gr\u00fcn \u{1f511}\r\nsecond line, \uFEFF is kept in it\n';
const bigEndian = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

describe('decodeText', () => {
  it.each([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${TEXT}`)],
    ['UTF-16, little endian, with a byte order mark', Buffer.from(`\uFEFF${TEXT}`, 'utf16le')],
    ['UTF-16, big endian, with a byte order mark', bigEndian(`\uFEFF${TEXT}`)],
    ['UTF-16, little endian', Buffer.from(TEXT, 'utf16le')],
    ['UTF-16, big endian', bigEndian(TEXT)],
    ['bytes that are no Buffer', new TextEncoder().encode(TEXT)],
  ])('reads %s', (_form, bytes) => {
    const copy = Uint8Array.from(bytes);
    expect(decodeText(bytes)).toBe(TEXT);
    expect(Uint8Array.from(bytes)).toEqual(copy);
  });

  it.each([[[0xff, 0x41]], [[0xfe, 0x41]], [[0x41, 0xfe]], [[0x41, 0xff]]])(
    'takes half a byte order mark for none: %j',
    (bytes) => {
      expect(decodeText(Uint8Array.from(bytes))).toMatch(/^(A\ufffd|\ufffdA)$/);
    },
  );

  it.each([[[]], [[0xff]], [[0xff, 0xfe]], [[0xfe, 0xff, 0x00]], [[0x00]]])('survives %j', (bytes) => {
    expect(typeof decodeText(Uint8Array.from(bytes))).toBe('string');
  });
});
