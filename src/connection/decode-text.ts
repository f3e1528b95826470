/** Text files as editors and shells leave them: UTF-8 or UTF-16, with a byte order mark or without. */

/**
 * The text of a file, without its byte order mark. Notepad and PowerShell write UTF-16 or a mark where nobody asked
 * for either. Without a mark the text is UTF-8.
 */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return Buffer.from(bytes.subarray(2)).toString('utf16le');
  if (first === 0xfe && second === 0xff) {
    // A copy of whole code units: `swap16` works in place and refuses half a unit.
    return Buffer.from(bytes.subarray(2, bytes.length & ~1))
      .swap16()
      .toString('utf16le');
  }
  return Buffer.from(bytes)
    .toString()
    .replace(/^\uFEFF/, '');
}
