/**
 * Validates JSON text as bytes, without building values and without recursion.
 *
 * What it accepts is exactly what `JSON.parse` accepts (RFC 8259), given bytes that are valid UTF-8 and
 * a nesting no deeper than the scanner's limit. Bytes from 0x80 up are taken inside strings unseen: ask
 * `isUtf8` of node:buffer first, it is far quicker than any loop here.
 */

/** Why a scan stopped. `incomplete` and `unterminated` mean that the text ended too early. */
export type JsonFailure = 'unexpected' | 'incomplete' | 'unterminated' | 'control' | 'escape' | 'depth';

/**
 * The default limit of nesting. A payload that fits any gateway (at most 5120 bytes) cannot reach it, and
 * `JSON.stringify`, which gives up near 10,000 levels on Node 20 to 24, can still write what it lets in.
 */
export const MAX_JSON_DEPTH = 4096;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const OBJECT = 0;
const ARRAY = 1;

/** 0 for every byte a string may hold as it is; all others end a run of plain bytes. */
const NOT_PLAIN = table((byte) => byte < 0x20 || byte === QUOTE || byte === BACKSLASH);
const NOT_HEX = table((byte) => !/[0-9A-Fa-f]/.test(String.fromCharCode(byte)));
const SPACE = table((byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
const SIMPLE_ESCAPE = table((byte) => '"\\/bfnrt'.includes(String.fromCharCode(byte)));
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/** Finds where JSON values and strings end. One scanner serves any number of texts, one after the other. */
export class JsonScanner {
  /** Why the last scan returned -1. */
  failure: JsonFailure = 'unexpected';
  /** The index of the byte at which it did. */
  failedAt = 0;

  /** For every open container, whether it is an array. */
  readonly #containers: Uint8Array;

  /** @param maxDepth how many containers may be open at once */
  constructor(maxDepth: number = MAX_JSON_DEPTH) {
    this.#containers = new Uint8Array(maxDepth);
  }

  /** Whether the bytes from `start` to `end` are one JSON value, with nothing but white space around it. */
  accepts(bytes: Uint8Array, start: number, end: number): boolean {
    const after = this.value(bytes, skipSpace(bytes, start, end), end);
    if (after < 0) return false;
    const rest = skipSpace(bytes, after, end);
    if (rest === end) return true;
    this.#fail(rest, end);
    return false;
  }

  /** The index after the value that starts exactly at `start`, or -1. */
  value(bytes: Uint8Array, start: number, end: number): number {
    const containers = this.#containers;
    let depth = 0;
    let i = start;
    for (;;) {
      const first = i < end ? bytes[i]! : -1;
      if (first === QUOTE) {
        i = this.string(bytes, i, end);
      } else if (first === OPEN_BRACE || first === OPEN_BRACKET) {
        if (depth === containers.length) return this.#fail(i, end, 'depth');
        const kind = first === OPEN_BRACE ? OBJECT : ARRAY;
        containers[depth++] = kind;
        i = skipSpace(bytes, i + 1, end);
        // The closing byte is the opening one plus 2; anything else has to be a first member.
        if (i === end || bytes[i] !== first + 2) {
          if (kind === OBJECT) i = this.#name(bytes, i, end);
          if (i < 0) return -1;
          continue;
        }
        depth--;
        i++;
      } else {
        i = this.#scalar(bytes, i, end, first);
      }
      if (i < 0) return -1;

      // A value has ended; so may the containers around it.
      for (;;) {
        if (depth === 0) return i;
        i = skipSpace(bytes, i, end);
        const next = i < end ? bytes[i]! : -1;
        const kind = containers[depth - 1]!;
        if (next === COMMA) {
          i = skipSpace(bytes, i + 1, end);
          if (kind === OBJECT) i = this.#name(bytes, i, end);
          if (i < 0) return -1;
          break;
        }
        if (next !== (kind === OBJECT ? CLOSE_BRACE : CLOSE_BRACKET)) return this.#fail(i, end);
        depth--;
        i++;
      }
    }
  }

  /** The index of the value that belongs to the name starting at `start`, or -1. */
  #name(bytes: Uint8Array, start: number, end: number): number {
    if (start === end || bytes[start] !== QUOTE) return this.#fail(start, end);
    const after = this.string(bytes, start, end);
    return after < 0 ? -1 : this.colon(bytes, after, end);
  }

  /** The index of the value that follows the colon after a name that ends at `start`, or -1. */
  colon(bytes: Uint8Array, start: number, end: number): number {
    const i = skipSpace(bytes, start, end);
    if (i === end || bytes[i] !== COLON) return this.#fail(i, end);
    return skipSpace(bytes, i + 1, end);
  }

  /** The index after the string whose opening quote is at `start`, or -1. */
  string(bytes: Uint8Array, start: number, end: number): number {
    let i = start + 1;
    for (;;) {
      i = endOfRun(NOT_PLAIN, bytes, i, end);
      if (i === end) return this.#fail(i, end, 'unterminated');
      const byte = bytes[i]!;
      if (byte === QUOTE) return i + 1;
      if (byte !== BACKSLASH) return this.#fail(i, end, 'control');
      i = this.#escape(bytes, i + 1, end);
      if (i < 0) return -1;
    }
  }

  /** The index after the escape whose backslash is before `i`, or -1. A lone surrogate is no error. */
  #escape(bytes: Uint8Array, i: number, end: number): number {
    if (i === end) return this.#fail(i, end, 'unterminated');
    if (SIMPLE_ESCAPE[bytes[i]!] === 1) return i + 1;
    if (bytes[i] !== 0x75) return this.#fail(i, end, 'escape');
    const stop = endOfHexDigits(bytes, i + 1, Math.min(i + 5, end));
    if (stop === i + 5) return stop;
    return this.#fail(stop, end, stop === end ? 'unterminated' : 'escape');
  }

  #scalar(bytes: Uint8Array, start: number, end: number, first: number): number {
    switch (first) {
      case 0x74:
        return this.#literal(bytes, start, end, TRUE);
      case 0x66:
        return this.#literal(bytes, start, end, FALSE);
      case 0x6e:
        return this.#literal(bytes, start, end, NULL);
      default:
        return this.#number(bytes, start, end);
    }
  }

  #literal(bytes: Uint8Array, start: number, end: number, word: Uint8Array): number {
    for (let k = 1; k < word.length; k++) {
      if (start + k >= end || bytes[start + k] !== word[k]) return this.#fail(start + k, end);
    }
    return start + word.length;
  }

  /** RFC 8259, section 6: `-? (0 | [1-9] digit*) (. digit+)? ([eE] [+-]? digit+)?` */
  #number(bytes: Uint8Array, start: number, end: number): number {
    let i = start;
    if (i < end && bytes[i] === 0x2d) i++;
    const whole = i;
    i = endOfDigits(bytes, i, end);
    if (i === whole) return this.#fail(i, end);
    if (bytes[whole] === 0x30 && i > whole + 1) return this.#fail(whole + 1, end);
    if (i < end && bytes[i] === 0x2e) {
      const fraction = ++i;
      i = endOfDigits(bytes, i, end);
      if (i === fraction) return this.#fail(i, end);
    }
    if (i < end && (bytes[i]! | 0x20) === 0x65) {
      i++;
      if (i < end && (bytes[i] === 0x2b || bytes[i] === 0x2d)) i++;
      const exponent = i;
      i = endOfDigits(bytes, i, end);
      if (i === exponent) return this.#fail(i, end);
    }
    return i;
  }

  /** Notes why and where a scan stops, and returns -1. */
  #fail(at: number, end: number, failure?: JsonFailure): -1 {
    this.failedAt = at;
    this.failure = failure ?? (at >= end ? 'incomplete' : 'unexpected');
    return -1;
  }
}

/** The index of the first byte from `start` that is no JSON white space, or `end`. */
export function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && SPACE[bytes[i]!] === 1) i++;
  return i;
}

/** The index of the first byte from `start` that is no hex digit, or `end`. */
export function endOfHexDigits(bytes: Uint8Array, start: number, end: number): number {
  return endOfRun(NOT_HEX, bytes, start, end);
}

/** The first index whose byte is marked in `stops`. Unrolled by hand: that saves a quarter of a line's scan. */
function endOfRun(stops: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i + 4 <= end) {
    if (stops[bytes[i]!] === 1) return i;
    if (stops[bytes[i + 1]!] === 1) return i + 1;
    if (stops[bytes[i + 2]!] === 1) return i + 2;
    if (stops[bytes[i + 3]!] === 1) return i + 3;
    i += 4;
  }
  while (i < end && stops[bytes[i]!] === 0) i++;
  return i;
}

function endOfDigits(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && bytes[i]! >= 0x30 && bytes[i]! <= 0x39) i++;
  return i;
}

function table(holds: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (holds(byte) ? 1 : 0));
}
