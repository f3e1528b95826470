/** The problem that a scanner found, as text that follows a line number in a message. */
import type { JsonScanner } from './json-scanner.js';

/**
 * Describes the failure of the last scan. Columns count bytes from 1. At most one character of the text is
 * shown: what stands around it may be a device token.
 *
 * @param start the index of the text's first byte
 */
export function jsonProblem(scanner: JsonScanner, bytes: Uint8Array, start: number): string {
  const column = scanner.failedAt - start + 1;
  const byte = bytes[scanner.failedAt] ?? 0;
  switch (scanner.failure) {
    case 'incomplete':
      return `not valid JSON: it ends too early, at column ${column}`;
    case 'unterminated':
      return `not valid JSON: it ends inside a string, at column ${column}`;
    case 'control':
      return `not valid JSON: a string contains control character ${hex(byte)} at column ${column}; write it as an escape`;
    case 'escape':
      return `not valid JSON: a string contains an invalid escape, at column ${column}`;
    case 'depth':
      return `nested too deeply, at column ${column}`;
    case 'unexpected':
      return `not valid JSON: unexpected ${shown(byte)} at column ${column}`;
  }
}

function shown(byte: number): string {
  return byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte ${hex(byte)}`;
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
