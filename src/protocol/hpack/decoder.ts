/**
 * Header blocks in, fields out: RFC 7541, section 6.
 *
 *     1xxxxxxx  indexed field                             index (7)
 *     01xxxxxx  literal, added to the table               name index (6) or 0 and a name; value
 *     001xxxxx  dynamic table size update                 size (5); at the start of a block only
 *     0001xxxx  literal, never to be indexed by anybody   name index (4) or 0 and a name; value
 *     0000xxxx  literal, not added to the table           name index (4) or 0 and a name; value
 *
 * Both sides of a connection keep the same table, so every block must be decoded, in order, whether its
 * stream is still of interest or not. An error loses the table and with it the connection.
 */

import { connectionError } from '../http2/http2-error.js';
import { ByteCursor } from './byte-cursor.js';
import { DEFAULT_TABLE_BYTES, DynamicTable } from './dynamic-table.js';
import { FIELD_OVERHEAD_BYTES, type HeaderField } from './header-field.js';
import { readInteger } from './integer.js';
import { STATIC_FIELDS, STATIC_TABLE } from './static-table.js';
import { HpackStringReader } from './string.js';

/** Receives the fields of a block, in order. It must not throw: the table would be lost. */
export interface FieldSink {
  onField(name: string, value: string): void;
  /**
   * Whether a literal that stays out of the table is to become a string; without an answer of true it is
   * checked, counted and skipped. Fields in the table have their strings already.
   */
  wants?(name: string): boolean;
}

/** The decoder of one connection's incoming header blocks. */
export class HpackDecoder {
  readonly #cursor = new ByteCursor();
  readonly #strings = new HpackStringReader();
  readonly #table: DynamicTable = new DynamicTable(DEFAULT_TABLE_BYTES);
  #limit: number;
  #listBytes = 0;
  /** How many octets the name read last has. */
  #nameBytes = 0;

  /** @param maxTableBytes what our SETTINGS_HEADER_TABLE_SIZE allows the peer; @default 4096 */
  constructor(maxTableBytes: number = DEFAULT_TABLE_BYTES) {
    this.#limit = maxTableBytes;
  }

  /** The fields added so far that are still there, newest first. */
  get table(): Pick<DynamicTable, 'at' | 'length' | 'bytes' | 'maxBytes'> {
    return this.#table;
  }

  /**
   * Says that the peer has acknowledged another SETTINGS_HEADER_TABLE_SIZE of ours. If that is less than
   * the table has, the next block must start with a size update: RFC 7541, section 4.2.
   */
  setMaxTableBytes(maxTableBytes: number): void {
    this.#limit = maxTableBytes;
  }

  /**
   * Decodes one whole block.
   *
   * @param sink gets the fields; `undefined` only keeps the table in step
   * @returns the size of the header list, as RFC 9113's SETTINGS_MAX_HEADER_LIST_SIZE counts it. Indexed
   *   fields cost no memory, so the caller compares it with its limit afterwards
   * @throws {Http2Error} COMPRESSION_ERROR: the table is lost, the connection must end
   */
  decode(bytes: Buffer, start: number, end: number, sink: FieldSink | undefined): number {
    const cursor = this.#cursor;
    cursor.reset(bytes, start, end);
    this.#listBytes = 0;
    this.#readSizeUpdates(cursor);
    while (cursor.at < end) {
      const first = cursor.next();
      if (first >= 0x80) {
        const field = this.#field(readInteger(cursor, first, 7));
        this.#listBytes += field.size;
        sink?.onField(field.name, field.value);
      } else if (first >= 0x40) {
        this.#readAdded(cursor, first, sink);
      } else if (first >= 0x20) {
        throw connectionError('COMPRESSION_ERROR', 'a table size update follows a field of its block');
      } else {
        this.#readPassing(cursor, first, sink);
      }
    }
    return this.#listBytes;
  }

  #readSizeUpdates(cursor: ByteCursor): void {
    while (cursor.at < cursor.end && (cursor.bytes[cursor.at]! & 0xe0) === 0x20) {
      const size = readInteger(cursor, cursor.next(), 5);
      if (size > this.#limit) {
        throw connectionError(
          'COMPRESSION_ERROR',
          `a table size update to ${size} exceeds the limit of ${this.#limit}`,
        );
      }
      this.#table.resize(size);
    }
    if (this.#table.maxBytes > this.#limit) {
      throw connectionError('COMPRESSION_ERROR', `the table was not reduced to the limit of ${this.#limit}`);
    }
  }

  #readAdded(cursor: ByteCursor, first: number, sink: FieldSink | undefined): void {
    const name = this.#readName(cursor, readInteger(cursor, first, 6));
    const nameBytes = this.#nameBytes;
    const value = this.#strings.read(cursor);
    const size = FIELD_OVERHEAD_BYTES + nameBytes + this.#strings.length;
    this.#table.add({ name, value, nameBytes, size });
    this.#listBytes += size;
    sink?.onField(name, value);
  }

  #readPassing(cursor: ByteCursor, first: number, sink: FieldSink | undefined): void {
    const name = this.#readName(cursor, readInteger(cursor, first, 4));
    this.#listBytes += FIELD_OVERHEAD_BYTES + this.#nameBytes;
    if (sink === undefined || sink.wants?.(name) === false) this.#strings.skip(cursor);
    else sink.onField(name, this.#strings.read(cursor));
    this.#listBytes += this.#strings.length;
  }

  #readName(cursor: ByteCursor, index: number): string {
    if (index === 0) {
      const name = this.#strings.read(cursor);
      this.#nameBytes = this.#strings.length;
      return name;
    }
    const field = this.#field(index);
    this.#nameBytes = field.nameBytes;
    return field.name;
  }

  #field(index: number): HeaderField {
    const field =
      index <= STATIC_FIELDS ? STATIC_TABLE[index - 1] : this.#table.at(index - STATIC_FIELDS - 1);
    if (field === undefined) {
      throw connectionError(
        'COMPRESSION_ERROR',
        `a header block names index ${index}, the tables have ${STATIC_FIELDS + this.#table.length}`,
      );
    }
    return field;
  }
}
