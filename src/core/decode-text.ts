/** Decodes text files that editors and shells write: UTF-8 or UTF-16, with or without a byte order mark. */

/**
 * The text of a file, without its byte order mark. Notepad and PowerShell write UTF-16 or a mark by default. Text in
 * UTF-8 has no zero byte; in UTF-16, every ASCII character has one.
 */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || second === 0) return decode(bytes, 'utf16le');
  if ((first === 0xfe && second === 0xff) || first === 0) {
    // Copy an even number of bytes: `swap16` changes the buffer in place and throws for half a code unit.
    return decode(Buffer.from(bytes.subarray(0, bytes.length & ~1)).swap16(), 'utf16le');
  }
  return decode(bytes, 'utf8');
}

function decode(bytes: Uint8Array, encoding: 'utf8' | 'utf16le'): string {
  return Buffer.from(bytes)
    .toString(encoding)
    .replace(/^\uFEFF/, '');
}
