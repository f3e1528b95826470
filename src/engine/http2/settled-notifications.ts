/** Settled notifications that wait for the reader of outcomes; while there is none, only counts are kept. */
import { heldBytes } from '../../core/held-bytes.js';
import type { Notification } from '../../core/notification.js';
import { createOutcome, type Outcome, type OutcomeCounts, type Settlement } from '../../core/outcome.js';
import type { OutcomeReader } from '../notification-sender.js';
import { PendingNotification } from './pending-notification.js';

/** The outcome of a notification that was not taken, and what it holds in memory, in bytes. */
interface UntakenNotification {
  readonly outcome: Outcome;
  readonly heldBytes: number;
}

/** A queue whose front is dropped in batches: shifting one by one would move the whole array each time. */
export class SettledNotifications implements OutcomeReader {
  readonly #counts: OutcomeCounts;
  #onSettled: (() => void) | undefined;
  /** Notifications that were sent, whose outcomes are made when they are read, and outcomes of those that were not. */
  #settled: (PendingNotification | UntakenNotification | undefined)[] = [];
  #head = 0;
  #unreadBytes = 0;

  constructor(counts: OutcomeCounts) {
    this.#counts = counts;
  }

  get unread(): number {
    return this.#settled.length - this.#head;
  }

  /** The memory, in bytes, that the notifications of unread outcomes hold. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  startReading(onSettled: () => void): void {
    this.#onSettled = onSettled;
  }

  stopReading(): void {
    this.#onSettled = undefined;
    this.#settled = [];
    this.#unreadBytes = 0;
    this.#head = 0;
  }

  shift(): Outcome | undefined {
    const settled = this.#settled[this.#head];
    if (settled === undefined) return undefined;
    this.#settled[this.#head++] = undefined;
    if (this.#head === this.#settled.length || this.#head === 4096) {
      this.#settled = this.#settled.slice(this.#head);
      this.#head = 0;
    }
    this.#unreadBytes -= settled.heldBytes;
    if (!(settled instanceof PendingNotification)) return settled.outcome;
    return createOutcome(settled, settled.settlement!, settled, settled.given);
  }

  /** Counts a notification as settled that was never taken, and keeps its outcome for the reader if there is one. */
  settle(notification: Notification, settlement: Settlement): void {
    this.#counts[settlement.status]++;
    if (this.#onSettled === undefined) return;
    const outcome = createOutcome(notification, settlement);
    // All of it is kept, the payload that was refused included.
    const untaken = { outcome, heldBytes: heldBytes(notification, notification) };
    this.#settled.push(untaken);
    this.#unreadBytes += untaken.heldBytes;
    this.#onSettled();
  }

  /** The same for a notification that was taken: its fields are those that were sent. */
  settleSent(pending: PendingNotification, settlement: Settlement): void {
    this.#counts[settlement.status]++;
    if (this.#onSettled === undefined) return;
    pending.settlement = settlement;
    this.#settled.push(pending);
    this.#unreadBytes += pending.heldBytes;
    this.#onSettled();
  }
}
