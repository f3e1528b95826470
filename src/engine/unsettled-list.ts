/** Notifications without an outcome, in the order in which they were taken. The first one has the next deadline. */

/** The properties of a member of the list. */
interface Member<T> {
  previous: T | undefined;
  next: T | undefined;
  readonly heldBytes: number;
}

/** A list that is linked through its members, so that adding and removing take constant time. */
export class UnsettledList<T extends Member<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #length = 0;
  #bytes = 0;

  /** The one that was taken first. */
  get first(): T | undefined {
    return this.#first;
  }

  get length(): number {
    return this.#length;
  }

  /** The memory that they hold, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  add(pending: T): void {
    const last = this.#last;
    pending.previous = last;
    if (last === undefined) this.#first = pending;
    else last.next = pending;
    this.#last = pending;
    this.#length++;
    this.#bytes += pending.heldBytes;
  }

  /** Removes a member. */
  remove(pending: T): void {
    const { previous, next } = pending;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    pending.previous = undefined;
    pending.next = undefined;
    this.#length--;
    this.#bytes -= pending.heldBytes;
  }
}
