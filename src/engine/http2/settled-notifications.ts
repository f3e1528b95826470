/** Settled notifications whose outcomes are not read yet. Without a reader, only counts are kept. */
import { heldBytes } from '../../core/held-bytes.js';
import type { Notification } from '../../core/notification.js';
import { createOutcome, type Outcome, type OutcomeCounts, type Settlement } from '../../core/outcome.js';
import { Fifo } from '../fifo.js';
import type { OutcomeReader } from '../notification-sender.js';
import { PendingNotification } from './pending-notification.js';

/** The outcome of a notification that was not taken, and the memory that it holds, in bytes. */
interface UntakenNotification {
  readonly outcome: Outcome;
  readonly heldBytes: number;
}

/** Counts settled notifications, and keeps them until their outcomes are read. */
export class SettledNotifications implements OutcomeReader {
  readonly #counts: OutcomeCounts;
  #onSettled: (() => void) | undefined;
  /** Notifications whose outcomes are created when they are read, and outcomes of notifications that were not taken. */
  readonly #settled = new Fifo<PendingNotification | UntakenNotification>();
  #unreadBytes = 0;

  constructor(counts: OutcomeCounts) {
    this.#counts = counts;
  }

  get unread(): number {
    return this.#settled.length;
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
    this.#settled.takeAll();
    this.#unreadBytes = 0;
  }

  shift(): Outcome | undefined {
    const settled = this.#settled.shift();
    if (settled === undefined) return undefined;
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
