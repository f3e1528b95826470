/** One header field as the HPACK tables keep it. */

/** "The size of an entry is the sum of its name's length in octets, its value's length in octets, and 32." RFC 7541, section 4.1. */
export const FIELD_OVERHEAD_BYTES = 32;

/** A name, a value, and what they count for in a table or a header list. */
export interface HeaderField {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
  /** Octets of both and {@link FIELD_OVERHEAD_BYTES}. */
  readonly size: number;
}

/** What a field counts for. */
export function fieldSize(name: string, value: string): number {
  return FIELD_OVERHEAD_BYTES + Buffer.byteLength(name) + Buffer.byteLength(value);
}
