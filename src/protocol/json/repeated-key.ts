/** Finds a key that an object has twice. A parsed value does not show this, because `JSON.parse` keeps the last one. */
import { JsonScanner, skipSpace } from './json-scanner.js';

const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The first key that occurs twice in one object of a valid JSON text, at any depth, or `undefined`. */
export function repeatedKey(json: Buffer): string | undefined {
  const scanner = new JsonScanner();
  const objects: Set<string>[] = [];
  for (let i = 0; i < json.length; ) {
    const byte = json[i]!;
    if (byte === OPEN_BRACE) objects.push(new Set());
    else if (byte === CLOSE_BRACE) objects.pop();
    if (byte !== QUOTE) {
      i++;
      continue;
    }
    const after = scanner.string(json, i, json.length);
    if (after < 0) return undefined;
    const isKey = json[skipSpace(json, after, json.length)] === COLON;
    if (isKey) {
      const keys = objects.at(-1);
      // A key can be written with escapes.
      const key = JSON.parse(json.toString('utf8', i, after)) as string;
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
    i = after;
  }
  return undefined;
}
