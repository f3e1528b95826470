/**
 * The fields that one side of a connection has added: RFC 7541, sections 2.3.2 and 4.
 *
 *     newest                          oldest
 *     +-----------+-----------+-----+-----------+
 *     | index 62  | index 63  |  …  | dropped first when size > maxBytes
 *     +-----------+-----------+-----+-----------+
 *
 * A ring: neither adding nor dropping moves anything.
 */
import type { HeaderField } from './header-field.js';

/** SETTINGS_HEADER_TABLE_SIZE before anybody has said anything. RFC 9113, section 6.5.2. */
export const DEFAULT_TABLE_BYTES = 4096;

/** A dynamic table, the decoder's or the encoder's. */
export class DynamicTable {
  #ring: (HeaderField | undefined)[] = new Array(16);
  #maxBytes: number;
  #bytes = 0;
  #added = 0;
  #length = 0;
  readonly #onDrop: ((field: HeaderField) => void) | undefined;

  /** @param onDrop hears of each field that is dropped */
  constructor(maxBytes: number, onDrop?: (field: HeaderField) => void) {
    this.#maxBytes = maxBytes;
    this.#onDrop = onDrop;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** The sum of the fields' sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many fields it holds. */
  get length(): number {
    return this.#length;
  }

  /** How many fields have ever been added: the number that the next one gets. */
  get added(): number {
    return this.#added;
  }

  /** The field that was added `age` fields before the newest one; `undefined` beyond the oldest. */
  at(age: number): HeaderField | undefined {
    if (age >= this.#length) return undefined;
    return this.#ring[(this.#added - 1 - age) & (this.#ring.length - 1)];
  }

  /** Adds a field and drops as many old ones as that takes. A field larger than the table empties it: section 4.4. */
  add(field: HeaderField): void {
    this.#dropTo(this.#maxBytes - field.size);
    if (field.size > this.#maxBytes) return;
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[this.#added & (this.#ring.length - 1)] = field;
    this.#added++;
    this.#length++;
    this.#bytes += field.size;
  }

  /** Changes the size and drops what no longer fits: section 4.3. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#dropTo(maxBytes);
  }

  #dropTo(bytes: number): void {
    while (this.#length > 0 && this.#bytes > bytes) {
      const number = this.#added - this.#length;
      const slot = number & (this.#ring.length - 1);
      const field = this.#ring[slot]!;
      this.#ring[slot] = undefined;
      this.#length--;
      this.#bytes -= field.size;
      this.#onDrop?.(field);
    }
  }

  /** Twice the room; `maxBytes` bounds it, since every field counts for at least 32. */
  #grow(): void {
    const ring = this.#ring;
    const grown: (HeaderField | undefined)[] = new Array(ring.length * 2);
    for (let number = this.#added - this.#length; number < this.#added; number++) {
      grown[number & (grown.length - 1)] = ring[number & (ring.length - 1)];
    }
    this.#ring = grown;
  }
}
