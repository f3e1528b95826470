/** Detects from its first bytes that an input is not NDJSON. */
import { ApnsError } from '../../core/errors.js';

/** How many bytes {@link checkNdjsonStart} wants to see, unless the input is shorter. */
export const NDJSON_START_BYTES = 4;

const UTF8_BOM = [0xef, 0xbb, 0xbf];

/** Signatures of RFC 1952 (gzip), RFC 8878 (Zstandard), the xz file format, bzip2, and PKWARE's APPNOTE (zip). */
const COMPRESSED: readonly (readonly [format: string, tool: string, signature: readonly number[]])[] = [
  ['gzip', 'gzip -dc', [0x1f, 0x8b]],
  ['Zstandard', 'zstd -dc', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', 'xz -dc', [0xfd, 0x37, 0x7a, 0x58]],
  ['bzip2', 'bzip2 -dc', [0x42, 0x5a, 0x68]],
  ['zip', 'unzip -p', [0x50, 0x4b, 0x03, 0x04]],
];

/**
 * Looks at the first {@link NDJSON_START_BYTES} bytes of an input, or at all of a shorter one.
 *
 * @returns how many of them are a byte order mark, to be passed over
 * @throws {ApnsError} APNS_ERR_NOT_NDJSON if they are the start of compressed data, UTF-16 or UTF-32
 */
export function checkNdjsonStart(head: Uint8Array): number {
  for (const [format, tool, signature] of COMPRESSED) {
    if (startsWith(head, signature)) {
      throw notNdjson(`it is compressed (${format}); decompress it first, with ${tool}`);
    }
  }
  // The byte order marks of UTF-32 hold those of UTF-16. Without one, an ASCII character has a NUL beside it.
  const marked = startsWith(head, [0xff, 0xfe]) || startsWith(head, [0xfe, 0xff]);
  if (marked || (head.length > 1 && (head[0] === 0 || head[1] === 0))) {
    throw notNdjson('it is UTF-16 or UTF-32; convert it first, with iconv -f UTF-16 -t UTF-8');
  }
  return startsWith(head, UTF8_BOM) ? UTF8_BOM.length : 0;
}

/** The error for an input that cannot be read line by line at all. */
export function notNdjson(why: string): ApnsError {
  return new ApnsError('APNS_ERR_NOT_NDJSON', `the input is not NDJSON: ${why}`);
}

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, i) => bytes[i] === byte);
}
