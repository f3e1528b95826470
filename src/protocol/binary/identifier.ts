/**
 * Identifiers: unsigned 32-bit numbers that name a notification on its connection.
 *
 * Numbering starts at 1, since a gateway answers 0 when it does not know which notification failed.
 */

/**
 * The highest identifier that is taken over where they must be unique. Above it there is room for more
 * notifications than can be in flight, so that numbering comes to its wrap only when those before it are settled.
 */
const MAX_WANTED = 0xefff_ffff;

/** Hands out identifiers 1, 2, 3, …, skipping 0 when they wrap at 2^32. */
export class IdentifierSequence {
  #last: number;

  /** @param last the identifier that counts as the latest one; the next is one more */
  constructor(last = 0) {
    this.#last = last >>> 0;
  }

  /**
   * The next identifier, or the one that was asked for. Numbering goes on behind the highest identifier
   * seen, or the latest where those that were given have wrapped, so that given and assigned ones do not meet.
   */
  next(wanted?: number): number {
    if (wanted !== undefined) {
      if (wanted > this.#last || isLater(wanted, this.#last)) this.#last = wanted;
      return wanted;
    }
    this.#last = (this.#last + 1) >>> 0 || 1;
    return this.#last;
  }

  /**
   * The identifier that was asked for if it is higher than all before it, else the next one: whatever is
   * asked for, no two that are in flight at the same time are alike, and none is 0. What is asked for never
   * makes the numbering wrap: in a few leaps it would be back at those in flight.
   */
  nextUnique(wanted = 0): number {
    return this.next(wanted > this.#last && wanted <= MAX_WANTED ? wanted : undefined);
  }
}

/** Whether `a` comes after `b` in serial number arithmetic (RFC 1982), which survives the wrap at 2^32. */
export function isLater(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}
