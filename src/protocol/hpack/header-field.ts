/** One header field as the HPACK tables keep it. */

/** "The size of an entry is the sum of its name's length in octets, its value's length in octets, and 32." RFC 7541, section 4.1. */
export const FIELD_OVERHEAD_BYTES = 32;

/** A name, a value, and what they count for in a table or a header list. */
export interface HeaderField {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
  /** Octets of the name. */
  readonly nameBytes: number;
  /** Octets of both and {@link FIELD_OVERHEAD_BYTES}. */
  readonly size: number;
}

/** A field with its sizes. */
export function headerField(name: string, value: string): HeaderField {
  const nameBytes = Buffer.byteLength(name);
  return { name, value, nameBytes, size: FIELD_OVERHEAD_BYTES + nameBytes + Buffer.byteLength(value) };
}
