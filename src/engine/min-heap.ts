/** A priority queue: the item with the lowest key comes first. */

/** A binary heap. Adding and taking an item take logarithmic time. */
export class MinHeap<T> {
  readonly #keyOf: (item: T) => number;
  readonly #heap: T[] = [];

  /** @param keyOf returns the key, which must not change while the item waits */
  constructor(keyOf: (item: T) => number) {
    this.#keyOf = keyOf;
  }

  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  get first(): T | undefined {
    return this.#heap[0];
  }

  push(item: T): void {
    const heap = this.#heap;
    const key = this.#keyOf(item);
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#keyOf(heap[parent]!) <= key) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = item;
  }

  shift(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    const key = this.#keyOf(last);
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#keyOf(heap[child + 1]!) < this.#keyOf(heap[child]!)) child++;
      if (this.#keyOf(heap[child]!) >= key) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }

  /** Removes and returns all items, in no particular order. */
  takeAll(): T[] {
    return this.#heap.splice(0);
  }
}
