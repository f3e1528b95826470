/** Settled notifications on their way to whoever reads outcomes; while nobody does, only counts are kept. */
import type { Notification } from '../notification.js';
import { createOutcome, type Outcome, type OutcomeCounts, type Settlement } from '../outcome.js';
import type { OutcomeReader } from './outcome-source.js';

/** A queue of outcomes, dropped in batches: shifting one by one would move the whole array each time. */
export class SettledNotifications implements OutcomeReader {
  readonly #counts: OutcomeCounts;
  #onSettled: (() => void) | undefined;
  #outcomes: (Outcome | undefined)[] = [];
  #head = 0;

  constructor(counts: OutcomeCounts) {
    this.#counts = counts;
  }

  get unread(): number {
    return this.#outcomes.length - this.#head;
  }

  startReading(onSettled: () => void): void {
    this.#onSettled = onSettled;
  }

  stopReading(): void {
    this.#onSettled = undefined;
    this.#outcomes = [];
    this.#head = 0;
  }

  shift(): Outcome | undefined {
    const outcome = this.#outcomes[this.#head];
    if (outcome === undefined) return undefined;
    this.#outcomes[this.#head++] = undefined;
    if (this.#head === this.#outcomes.length || this.#head === 4096) {
      this.#outcomes = this.#outcomes.slice(this.#head);
      this.#head = 0;
    }
    return outcome;
  }

  /** Counts a notification as settled, and keeps its outcome for the reader if there is one. */
  settle(notification: Notification, settlement: Settlement, attempts?: number, apnsId?: string): void {
    this.#counts[settlement.status]++;
    if (this.#onSettled === undefined) return;
    this.#outcomes.push(createOutcome(notification, settlement, { attempts, apnsId }));
    this.#onSettled();
  }
}
