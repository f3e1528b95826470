/** Notifications that wait, first in, first out. */
import type { PendingNotification } from './http2/pending-notification.js';

/** A queue whose front is dropped in batches: shifting one by one would move the whole array each time. */
export class PendingQueue {
  #waiting: (PendingNotification | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#waiting.length - this.#head;
  }

  get isEmpty(): boolean {
    return this.#head === this.#waiting.length;
  }

  get first(): PendingNotification | undefined {
    return this.#waiting[this.#head];
  }

  push(pending: PendingNotification): void {
    this.#waiting.push(pending);
  }

  shift(): PendingNotification | undefined {
    const first = this.first;
    if (first === undefined) return undefined;
    this.#waiting[this.#head++] = undefined;
    if (this.#head === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#head = 0;
    } else if (this.#head === 4096) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  takeAll(): PendingNotification[] {
    const all = this.#waiting.slice(this.#head) as PendingNotification[];
    this.#waiting = [];
    this.#head = 0;
    return all;
  }
}
