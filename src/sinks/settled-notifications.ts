/** Settled notifications on their way to whoever reads outcomes; while nobody does, only counts are kept. */
import type { Notification } from '../notification.js';
import { createOutcome, type Outcome, type OutcomeCounts, type Settlement } from '../outcome.js';
import type { OutcomeReader } from './outcome-source.js';
import type { PendingNotification } from './pending-notification.js';

/** A queue of outcomes, dropped in batches: shifting one by one would move the whole array each time. */
export class SettledNotifications implements OutcomeReader {
  readonly #counts: OutcomeCounts;
  #onSettled: (() => void) | undefined;
  #outcomes: (Outcome | undefined)[] = [];
  /** What the notification of each outcome holds in memory. */
  #heldBytes: number[] = [];
  #unreadBytes = 0;
  #head = 0;

  constructor(counts: OutcomeCounts) {
    this.#counts = counts;
  }

  get unread(): number {
    return this.#outcomes.length - this.#head;
  }

  /** What the notifications of outcomes that wait to be read hold in memory, in bytes. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  startReading(onSettled: () => void): void {
    this.#onSettled = onSettled;
  }

  stopReading(): void {
    this.#onSettled = undefined;
    this.#outcomes = [];
    this.#heldBytes = [];
    this.#unreadBytes = 0;
    this.#head = 0;
  }

  shift(): Outcome | undefined {
    const outcome = this.#outcomes[this.#head];
    if (outcome === undefined) return undefined;
    this.#unreadBytes -= this.#heldBytes[this.#head]!;
    this.#outcomes[this.#head++] = undefined;
    if (this.#head === this.#outcomes.length || this.#head === 4096) {
      this.#outcomes = this.#outcomes.slice(this.#head);
      this.#heldBytes = this.#heldBytes.slice(this.#head);
      this.#head = 0;
    }
    return outcome;
  }

  /** Counts a notification as settled, and keeps its outcome for the reader if there is one. */
  settle(notification: Notification, settlement: Settlement): void {
    if (this.#count(settlement)) this.#keep(createOutcome(notification, settlement), 0);
  }

  /** The same for a notification that was taken: its fields are those that were sent. */
  settleSent(pending: PendingNotification, settlement: Settlement): void {
    if (this.#count(settlement))
      this.#keep(createOutcome(pending, settlement, pending, pending.given), pending.heldBytes);
  }

  /** @returns whether somebody reads outcomes */
  #count({ status }: Settlement): boolean {
    this.#counts[status]++;
    return this.#onSettled !== undefined;
  }

  #keep(outcome: Outcome, heldBytes: number): void {
    this.#outcomes.push(outcome);
    this.#heldBytes.push(heldBytes);
    this.#unreadBytes += heldBytes;
    this.#onSettled!();
  }
}
