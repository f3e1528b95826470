/** Finds out whether JSON text that is too long would fit if it were written without escapes and white space. */

/** An escape of six characters becomes one byte at best, and white space is a minor part. Longer text is not parsed. */
const MAX_RATIO = 8;

/**
 * The advice that follows the message that `json` exceeds `maxBytes`. It is empty if a shorter form would not fit
 * either, and for an object, which is already written in its shortest form.
 */
export function compactAdvice(json: unknown, maxBytes: number): string {
  if (typeof json !== 'string' && !(json instanceof Uint8Array)) return '';
  if (json.length > MAX_RATIO * maxBytes) return '';
  const text = typeof json === 'string' ? json : Buffer.from(json).toString();
  const bytes = compactBytes(text);
  if (bytes === undefined || bytes > maxBytes) return '';
  const shorter = text.includes('\\u') ? 'with UTF-8 in place of its \\u escapes' : 'without its white space';
  return `: ${shorter} it would have ${bytes} bytes (in Python: json.dumps(payload, ensure_ascii=False, separators=(',', ':')))`;
}

function compactBytes(text: string): number | undefined {
  try {
    return Buffer.byteLength(JSON.stringify(JSON.parse(text)));
  } catch {
    return undefined;
  }
}
