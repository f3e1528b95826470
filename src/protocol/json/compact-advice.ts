/** Advice for JSON text that is too long as it is written, and would not be if it were written shorter. */

/** An escape of six characters is one byte at best, and white space is a minor part. More is not worth parsing. */
const MAX_RATIO = 8;

/**
 * What to add to the complaint that `json` exceeds `maxBytes`; empty where writing it in another way does not help, or
 * where it is an object, which is written in the shortest way.
 */
export function compactAdvice(json: unknown, maxBytes: number): string {
  if (typeof json !== 'string' && !(json instanceof Uint8Array)) return '';
  if (json.length > MAX_RATIO * maxBytes) return '';
  const text = typeof json === 'string' ? json : Buffer.from(json).toString();
  const bytes = compactBytes(text);
  if (bytes === undefined || bytes > maxBytes) return '';
  const shorter = text.includes('\\u') ? 'with UTF-8 in place of its \\u escapes' : 'without its white space';
  return `: ${shorter} it has ${bytes} (in Python: json.dumps(payload, ensure_ascii=False, separators=(',', ':')))`;
}

function compactBytes(text: string): number | undefined {
  try {
    return Buffer.byteLength(JSON.stringify(JSON.parse(text)));
  } catch {
    return undefined;
  }
}
