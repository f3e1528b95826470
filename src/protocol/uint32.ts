/** Unsigned 32-bit numbers in big-endian order, as both protocols have them. */

/** Writes an unsigned 32-bit number, big-endian. @returns the offset after it */
export function writeUint32(slab: Uint8Array, at: number, value: number): number {
  slab[at] = value >>> 24;
  slab[at + 1] = value >>> 16;
  slab[at + 2] = value >>> 8;
  slab[at + 3] = value;
  return at + 4;
}

/** The unsigned 32-bit number at `at`, big-endian. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
