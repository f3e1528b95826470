/** Notifications that wait, the one with the lowest key first. */
import type { PendingNotification } from './http2/pending-notification.js';

/** A binary heap: taking and adding cost the logarithm of how many wait, however many are retried. */
export class PendingHeap {
  readonly #keyOf: (pending: PendingNotification) => number;
  readonly #heap: PendingNotification[] = [];

  /** @param keyOf must not change while a notification waits */
  constructor(keyOf: (pending: PendingNotification) => number) {
    this.#keyOf = keyOf;
  }

  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  get first(): PendingNotification | undefined {
    return this.#heap[0];
  }

  push(pending: PendingNotification): void {
    const heap = this.#heap;
    const key = this.#keyOf(pending);
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#keyOf(heap[parent]!) <= key) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = pending;
  }

  shift(): PendingNotification | undefined {
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

  /** Empties it, in no particular order. */
  takeAll(): PendingNotification[] {
    return this.#heap.splice(0);
  }
}
