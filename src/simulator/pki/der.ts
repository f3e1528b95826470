/**
 * DER, one way: just enough ASN.1 to write a certificate. Nothing here reads DER, so nothing here can be
 * fed a hostile file.
 *
 * Source: ITU-T X.690 (clause numbers beside each form).
 */

/** Tag, length, contents (8.1). Contents are joined in the order given. */
export function encodeDer(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), encodeLength(body.length), body]);
}

/** SEQUENCE (8.9). */
export function derSequence(...items: readonly Uint8Array[]): Buffer {
  return encodeDer(0x30, ...items);
}

/** SET OF (8.12). The caller gives at most one item: several would have to be sorted. */
export function derSet(item: Uint8Array): Buffer {
  return encodeDer(0x31, item);
}

/** INTEGER from unsigned big-endian bytes (8.3): no superfluous zeros, and never negative. */
export function derInteger(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  return encodeDer(0x02, digits[0]! >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0), digits);
}

/** BOOLEAN TRUE (11.1). FALSE is never written: DER leaves defaults out (11.5). */
export function derTrue(): Buffer {
  return encodeDer(0x01, Buffer.from([0xff]));
}

/** NULL (8.8). */
export function derNull(): Buffer {
  return encodeDer(0x05);
}

/** OCTET STRING (8.7). */
export function derOctetString(bytes: Uint8Array): Buffer {
  return encodeDer(0x04, bytes);
}

/** BIT STRING of whole bytes (8.6). */
export function derBitString(bytes: Uint8Array): Buffer {
  return encodeDer(0x03, Buffer.from([0]), bytes);
}

/** BIT STRING of named bits, numbered from the most significant, all below 8 (11.2.2: no trailing zeros). */
export function derNamedBits(...bits: readonly number[]): Buffer {
  const unused = 7 - Math.max(...bits);
  const byte = bits.reduce((set, bit) => set | (0x80 >> bit), 0);
  return encodeDer(0x03, Buffer.from([unused, byte]));
}

/** UTF8String (8.23). */
export function derUtf8String(text: string): Buffer {
  return encodeDer(0x0c, Buffer.from(text));
}

/** OBJECT IDENTIFIER from its dotted form (8.19). */
export function derObjectIdentifier(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number) as [number, number, ...number[]];
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc & 0x7f];
    for (let high = arc >>> 7; high > 0; high >>>= 7) septets.unshift((high & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return encodeDer(0x06, Buffer.from(bytes));
}

/** Time of a certificate: UTCTime through 2049, GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5). */
export function derTime(date: Date): Buffer {
  const digits = `${date
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:T]/g, '')}Z`;
  return date.getUTCFullYear() < 2050
    ? encodeDer(0x17, Buffer.from(digits.slice(2)))
    : encodeDer(0x18, Buffer.from(digits));
}

/** A context-specific tag around other encodings: [n] EXPLICIT, or [n] IMPLICIT of a constructed type (8.14). */
export function derConstructed(number: number, ...contents: readonly Uint8Array[]): Buffer {
  return encodeDer(0xa0 | number, ...contents);
}

/** A context-specific tag in place of a primitive type's own: [n] IMPLICIT (8.14). */
export function derPrimitive(number: number, contents: Uint8Array): Buffer {
  return encodeDer(0x80 | number, contents);
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  if (length <= 0xff) return Buffer.from([0x81, length]);
  return Buffer.from([0x82, length >>> 8, length & 0xff]);
}
