import { describe, expect, test } from 'vitest';
import { checkNdjsonStart, NDJSON_START_BYTES } from '../../../src/protocol/json/ndjson-start.js';

function check(hex: string): number {
  return checkNdjsonStart(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

const refusal = (...names: readonly string[]) =>
  expect.objectContaining({
    code: 'APNS_ERR_NOT_NDJSON',
    message: expect.stringMatching(names.join('.*')),
  });

describe('checkNdjsonStart', () => {
  test.each([
    ['gzip', '1f 8b 08 00', 'gzip', 'gzip -dc'],
    ['the two bytes of gzip', '1f 8b', 'gzip', 'gzip -dc'],
    ['Zstandard', '28 b5 2f fd', 'Zstandard', 'zstd -dc'],
    ['xz', 'fd 37 7a 58', 'xz', 'xz -dc'],
    ['bzip2', '42 5a 68 39', 'bzip2', 'bzip2 -dc'],
    ['zip', '50 4b 03 04', 'zip', 'unzip -p'],
    ['UTF-16LE with a mark', 'ff fe 7b 00', 'UTF-16', 'iconv'],
    ['UTF-16BE with a mark', 'fe ff 00 7b', 'UTF-16', 'iconv'],
    ['the mark alone, little-endian', 'ff fe', 'UTF-16', 'iconv'],
    ['the mark alone, big-endian', 'fe ff', 'UTF-16', 'iconv'],
    ['UTF-16LE without a mark', '7b 00 22 00', 'UTF-16', 'iconv'],
    ['UTF-16BE without a mark', '00 7b 00 22', 'UTF-16', 'iconv'],
    ['one character of UTF-16LE', '7b 00', 'UTF-16', 'iconv'],
    ['one character of UTF-16BE', '00 7b', 'UTF-16', 'iconv'],
    ['UTF-32BE', '00 00 fe ff', 'UTF-16', 'iconv'],
  ])('refuses %s, and names the format and the tool that converts it', (_what, hex, format, tool) => {
    expect(() => check(hex)).toThrow(refusal(format, tool));
  });

  test.each([
    ['a UTF-8 byte order mark', 'ef bb bf 7b', 3],
    ['the mark alone', 'ef bb bf', 3],
    ['a part of the mark', 'ef bb', 0],
    ['what only starts like the mark', 'ef bb be 7b', 0],
    ['an object', '7b 22 64 65', 0],
    ['a part of a signature', '28 b5 2f', 0],
    ['what only ends like a signature', '1e 8b', 0],
    ['what starts like UTF-16 and is not', 'ff 7b 7b 7b', 0],
    ['what ends like UTF-16 and is not', '7b fe 7b 7b', 0],
    ['a NUL later on', '7b 7b 00 00', 0],
    ['one NUL', '00', 0],
    ['nothing', '', 0],
  ])('passes over %s: %s is %d bytes of mark', (_what, hex, bytes) => {
    expect(check(hex)).toBe(bytes);
  });

  test('wants to see no fewer bytes than the longest signature has', () => {
    expect(NDJSON_START_BYTES).toBe(4);
  });
});
