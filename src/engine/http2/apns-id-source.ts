/**
 * Creates ids for notifications without one: UUIDs of version 7, RFC 9562, section 5.7.
 *
 *     tttttttt-tttt-7rrr-yrrr-rrcccccccccc      t UNIX milliseconds, r random, y 8 to b, c a counter
 *
 * Time and random bits change after every {@link MAX_COUNT} ids. Between these changes only the counter increases, as
 * section 6.2 allows. So the ids of a sender sort in the order in which it took its notifications, and creating one
 * costs a fifth of `randomUUID`.
 */
import { randomFillSync } from 'node:crypto';

const DIGITS = Buffer.from('0123456789abcdef');
const COUNTER_DIGITS = 10;
const UUID_CHARACTERS = 36;
const FIRST_DIGIT = 0x30;
const DIGIT_NINE = 0x39;
const LETTER_A = 0x61;
const LAST_DIGIT = 0x66;

/** The number of ids with the same time, 2^16: few enough that the time stays nearly correct. */
const MAX_COUNT = 65_536;

/** Creates the ids of one sender. */
export class ApnsIdSource {
  /** The text of the last id. */
  readonly #text: Buffer = Buffer.alloc(UUID_CHARACTERS);
  readonly #now: () => number;
  #left = 0;

  /** @param now UNIX milliseconds */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A lower-case UUID that no other notification has. */
  next(): string {
    if (this.#left === 0) this.#draw();
    else this.#count();
    this.#left--;
    return this.#text.toString('latin1');
  }

  #draw(): void {
    const bytes = randomFillSync(Buffer.alloc(16));
    bytes.writeUIntBE(this.#now(), 0, 6);
    bytes[6] = 0x70 | (bytes[6]! & 0x0f);
    bytes[8] = 0x80 | (bytes[8]! & 0x3f);
    // The counter starts at 0, so it cannot overflow before the next change.
    bytes.fill(0, bytes.length - COUNTER_DIGITS / 2);
    let at = 0;
    for (const [index, byte] of bytes.entries()) {
      if (index === 4 || index === 6 || index === 8 || index === 10) this.#text[at++] = 0x2d;
      this.#text[at++] = DIGITS[byte >> 4]!;
      this.#text[at++] = DIGITS[byte & 0x0f]!;
    }
    this.#left = MAX_COUNT;
  }

  /** Adds 1 to the hexadecimal counter, with carry, from the last digit. */
  #count(): void {
    const text = this.#text;
    let at = UUID_CHARACTERS - 1;
    while (text[at] === LAST_DIGIT) text[at--] = FIRST_DIGIT;
    text[at] = text[at] === DIGIT_NINE ? LETTER_A : text[at]! + 1;
  }
}
