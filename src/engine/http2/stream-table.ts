/**
 * The open streams of a connection by id: a ring for recent streams, whose ids increase by two, and a map for the few
 * that stay open much longer.
 *
 *     stragglers (map)      ring: first … next
 *     { 7, 131 }            | 901 |  – | 905 | 907 | next: 909
 *
 * A map of all streams would cost several times as much per notification as the ring. The ring has a limit, because
 * one stream without a response would otherwise make it keep a slot for every later stream.
 */
import type { PendingNotification } from './pending-notification.js';

/** Twice the usual stream limit of gateways. Above it, the oldest streams become stragglers. */
const MAX_SLOTS = 4096;

/** See the file comment. */
export class StreamTable {
  #slots: (PendingNotification | undefined)[] = new Array(64).fill(undefined);
  /** The lowest id that the ring may hold. */
  #first = 1;
  #next = 1;
  #size = 0;
  readonly #stragglers: Map<number, PendingNotification> = new Map();

  /** How many streams are open. */
  get size(): number {
    return this.#size;
  }

  /** The id of the next stream. It is odd; above 2^31-1 no stream can be opened. */
  get nextId(): number {
    return this.#next;
  }

  /** Opens a stream. @returns its id */
  open(pending: PendingNotification): number {
    const id = this.#next;
    if (id - this.#first >= 2 * this.#slots.length) this.#makeRoom();
    this.#slots[this.#slot(id)] = pending;
    this.#next += 2;
    this.#size++;
    return id;
  }

  get(id: number): PendingNotification | undefined {
    // Even ids have no slot: they would find the slot of the preceding odd id.
    if (id >= this.#first) return id < this.#next && id % 2 === 1 ? this.#slots[this.#slot(id)] : undefined;
    return this.#stragglers.get(id);
  }

  /** Closes a stream if it is open. */
  close(id: number): void {
    if (this.get(id) === undefined) return;
    this.#size--;
    if (id < this.#first) this.#stragglers.delete(id);
    else this.#slots[this.#slot(id)] = undefined;
  }

  /** The open streams, in the order of opening. */
  all(): PendingNotification[] {
    const all = [...this.#stragglers.values()];
    for (let id = this.#first; id < this.#next; id += 2) {
      const pending = this.#slots[this.#slot(id)];
      if (pending !== undefined) all.push(pending);
    }
    return all;
  }

  #slot(id: number): number {
    return (id >>> 1) & (this.#slots.length - 1);
  }

  #skipClosed(): void {
    while (this.#first < this.#next && this.#slots[this.#slot(this.#first)] === undefined) this.#first += 2;
  }

  /** Removes closed streams, doubles the ring, or moves its older half to the stragglers. */
  #makeRoom(): void {
    this.#skipClosed();
    const length = this.#slots.length;
    if (this.#next - this.#first < 2 * length) return;
    if (length < MAX_SLOTS) {
      const grown: (PendingNotification | undefined)[] = new Array(2 * length).fill(undefined);
      for (let id = this.#first; id < this.#next; id += 2) {
        grown[(id >>> 1) & (grown.length - 1)] = this.#slots[this.#slot(id)];
      }
      this.#slots = grown;
      return;
    }
    for (const end = this.#first + length; this.#first < end; this.#first += 2) {
      const slot = this.#slot(this.#first);
      const pending = this.#slots[slot];
      if (pending !== undefined) this.#stragglers.set(this.#first, pending);
      this.#slots[slot] = undefined;
    }
  }
}
