/** Settled notifications whose outcomes are not read yet. Without a reader, only counts are kept. */
import { heldBytes } from '../../core/held-bytes.js';
import type { Notification } from '../../core/notification.js';
import { createOutcome, type Outcome, type OutcomeCounts, type Settlement } from '../../core/outcome.js';
import type { OutcomeReader } from '../notification-sender.js';
import { PendingNotification } from './pending-notification.js';

/** The outcome of a notification that was not taken, and the memory that it holds, in bytes. */
interface UntakenNotification {
  readonly outcome: Outcome;
  readonly heldBytes: number;
}

/** A queue that removes read items in batches, because `shift()` would move the whole array each time. */
export class SettledNotifications implements OutcomeReader {
  readonly #counts: OutcomeCounts;
  #onSettled: (() => void) | undefined;
  /** Notifications whose outcomes are created when they are read, and outcomes of notifications that were not taken. */
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

  /** Settles a notification that was never taken: counts it, and keeps its outcome if there is a reader. */
  settle(notification: Notification, settlement: Settlement): void {
    this.#counts[settlement.status]++;
    if (this.#onSettled === undefined) return;
    const outcome = createOutcome(notification, settlement);
    // The outcome holds the whole notification, including its invalid payload.
    const untaken = { outcome, heldBytes: heldBytes(notification, notification) };
    this.#settled.push(untaken);
    this.#unreadBytes += untaken.heldBytes;
    this.#onSettled();
  }

  /** Settles a notification that was taken. Its fields are those that were sent. */
  settleSent(pending: PendingNotification, settlement: Settlement): void {
    this.#counts[settlement.status]++;
    if (this.#onSettled === undefined) return;
    pending.settlement = settlement;
    this.#settled.push(pending);
    this.#unreadBytes += pending.heldBytes;
    this.#onSettled();
  }
}
