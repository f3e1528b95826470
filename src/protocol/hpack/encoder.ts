/**
 * Fields in, header blocks out: the mirror of `hpack-decoder`. RFC 7541, section 6.
 */
import { DEFAULT_TABLE_BYTES, DynamicTable } from './dynamic-table.js';
import { type HeaderField, headerField } from './header-field.js';
import { MAX_INTEGER_BYTES, writeInteger } from './integer.js';
import { STATIC_FIELDS, STATIC_TABLE } from './static-table.js';
import { stringBytes, writeCompressedString, writeString } from './string.js';

/**
 * How a field is written that no table has:
 * - `add`: a literal with incremental indexing; from then on it is one or two bytes.
 * - `pass`: a literal without indexing.
 * - `never`: a literal that no intermediary may index either, for secrets.
 */
export type FieldIndexing = 'add' | 'pass' | 'never';

/** How an {@link HpackEncoder} works. */
export interface HpackEncoderOptions {
  /** The most bytes of the table, even if the peer allows more. @default 4096 */
  readonly maxTableBytes?: number | undefined;
  /** Huffman-code fields that are added to the table. Other fields are never Huffman-coded, which costs less time. @default true */
  readonly huffman?: boolean | undefined;
}

/** For a name: its first index in the static table, and the index of each value it has there. */
interface StaticName {
  readonly index: number;
  readonly values: ReadonlyMap<string, number>;
}

/** For a name: the numbers of its fields in the dynamic table, by value; the newest one is dropped last. */
interface AddedFields {
  newest: number;
  readonly numbers: Map<string, number>;
}

const STATIC_NAMES: ReadonlyMap<string, StaticName> = indexStaticTable();

/** The encoder of one connection's outgoing header blocks. */
export class HpackEncoder {
  readonly #ownLimit: number;
  readonly #huffman: boolean;
  readonly #table: DynamicTable;
  readonly #added: Map<string, AddedFields> = new Map();
  /** The least and the last size since the block before; the least is -1 when there is nothing to say. */
  #leastSize = -1;
  #version = 0;

  constructor(options: HpackEncoderOptions = {}) {
    this.#ownLimit = options.maxTableBytes ?? DEFAULT_TABLE_BYTES;
    this.#huffman = options.huffman ?? true;
    this.#table = new DynamicTable(DEFAULT_TABLE_BYTES, (field) => this.#forget(field));
    this.setMaxTableBytes(DEFAULT_TABLE_BYTES);
  }

  /** Changes whenever the table does. Bytes that were written without changing it stay right until then. */
  get version(): number {
    return this.#version;
  }

  /** The fields added so far that are still there, newest first. */
  get table(): Pick<DynamicTable, 'at' | 'length' | 'bytes' | 'maxBytes'> {
    return this.#table;
  }

  /**
   * Applies the peer's SETTINGS_HEADER_TABLE_SIZE. The next block announces the new size, and before it the smallest
   * size if the size went down and up again (RFC 7541, section 4.2).
   */
  setMaxTableBytes(peerLimit: number): void {
    const size = Math.min(peerLimit, this.#ownLimit);
    if (size === this.#table.maxBytes) return;
    this.#leastSize = this.#leastSize < 0 ? size : Math.min(this.#leastSize, size);
    this.#table.resize(size);
    this.#version++;
  }

  /** Starts a block: writes the size updates that are due. @returns the offset after them */
  writeBlockStart(slab: Buffer, at: number): number {
    if (this.#leastSize < 0) return at;
    const size = this.#table.maxBytes;
    if (this.#leastSize < size) at = writeInteger(slab, at, 0x20, 5, this.#leastSize);
    this.#leastSize = -1;
    return writeInteger(slab, at, 0x20, 5, size);
  }

  /**
   * Writes one field; `slab` has room for {@link headerFieldBytes}. A field that a table has is written as its index,
   * unless it must `never` be.
   *
   * @param name in lower case
   * @returns the offset after it
   */
  writeField(slab: Buffer, at: number, name: string, value: string, indexing: FieldIndexing): number {
    const known = STATIC_NAMES.get(name);
    const added = this.#added.get(name);
    if (indexing !== 'never') {
      const index = known?.values.get(value) ?? this.#indexOf(added?.numbers.get(value));
      if (index > 0) return writeInteger(slab, at, 0x80, 7, index);
    }
    const nameIndex = known?.index ?? this.#indexOf(added?.newest);
    if (indexing === 'add') return this.#writeAdded(slab, at, name, value, nameIndex);
    at = this.#writeName(slab, at, indexing === 'never' ? 0x10 : 0x00, 4, name, nameIndex, false);
    return writeString(slab, at, value);
  }

  /**
   * Writes a field without indexing, whose name a table has and whose value it is not worth looking for: one
   * that is another with every request.
   */
  writePassing(slab: Buffer, at: number, name: string, value: string): number {
    const index = STATIC_NAMES.get(name)?.index ?? this.#indexOf(this.#added.get(name)?.newest);
    return writeString(slab, this.#writeName(slab, at, 0x00, 4, name, index, false), value);
  }

  /** Whether a table has a field of this name, so that a literal can leave the name out. */
  knowsName(name: string): boolean {
    return STATIC_NAMES.has(name) || this.#added.has(name);
  }

  #writeAdded(slab: Buffer, at: number, name: string, value: string, nameIndex: number): number {
    const field = headerField(name, value);
    // It would only empty the table (section 4.4) and be gone at once.
    if (field.size > this.#table.maxBytes) {
      return writeString(slab, this.#writeName(slab, at, 0x00, 4, name, nameIndex, false), value);
    }
    at = this.#writeName(slab, at, 0x40, 6, name, nameIndex, this.#huffman);
    at = this.#huffman ? writeCompressedString(slab, at, value) : writeString(slab, at, value);
    const number = this.#table.added;
    this.#table.add(field);
    const fields = this.#added.get(name);
    if (fields === undefined) {
      this.#added.set(name, { newest: number, numbers: new Map([[value, number]]) });
    } else {
      fields.newest = number;
      fields.numbers.set(value, number);
    }
    this.#version++;
    return at;
  }

  #writeName(
    slab: Buffer,
    at: number,
    pattern: number,
    prefixBits: number,
    name: string,
    index: number,
    huffman: boolean,
  ): number {
    at = writeInteger(slab, at, pattern, prefixBits, index);
    if (index > 0) return at;
    return huffman ? writeCompressedString(slab, at, name) : writeString(slab, at, name);
  }

  #indexOf(number: number | undefined): number {
    return number === undefined ? 0 : STATIC_FIELDS + this.#table.added - number;
  }

  #forget(field: HeaderField): void {
    // A field that is there already is never added again, so this entry is the dropped one's own.
    const added = this.#added.get(field.name);
    added?.numbers.delete(field.value);
    if (added?.numbers.size === 0) this.#added.delete(field.name);
  }
}

/** The most bytes that {@link HpackEncoder.writeField} can need. */
export function headerFieldBytes(name: string, value: string): number {
  return MAX_INTEGER_BYTES + stringBytes(name.length) + stringBytes(value.length);
}

/** The most bytes that {@link HpackEncoder.writeBlockStart} can need. */
export const BLOCK_START_BYTES: number = 2 * MAX_INTEGER_BYTES;

function indexStaticTable(): ReadonlyMap<string, StaticName> {
  const names = new Map<string, { index: number; values: Map<string, number> }>();
  STATIC_TABLE.forEach(({ name, value }, i) => {
    const entry = names.get(name);
    if (entry === undefined) names.set(name, { index: i + 1, values: new Map([[value, i + 1]]) });
    else entry.values.set(value, i + 1);
  });
  return names;
}
