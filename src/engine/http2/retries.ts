/**
 * The notifications of an HTTP/2 sender that are sent again: those to be written next, and those that wait for a time.
 *
 * A notification that the peer has not processed is written next, in the order in which notifications were taken. After
 * a temporary rejection, or several refusals, it waits first.
 */
import type { Settlement } from '../../core/outcome.js';
import { MinHeap } from '../min-heap.js';
import type { PendingNotification } from './pending-notification.js';

/** After so many attempts the peer has no capacity, so an earlier retry cannot help. */
const MAX_QUICK_ATTEMPTS = 2;

/** See the file comment. */
export class Retries {
  /** Notifications to write next. */
  readonly ready: MinHeap<PendingNotification> = new MinHeap(({ order }) => order);
  readonly #waiting = new MinHeap<PendingNotification>(({ dueAt }) => dueAt);
  readonly #timeoutMs: number;

  /** @param timeoutMs the total time of a notification, including retries */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** When the next notification is due. */
  get dueAt(): number {
    return this.#waiting.first?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  /** Sends a notification again that the peer has not processed, or may not have. */
  replay(pending: PendingNotification, now: number): void {
    if (pending.attempts <= MAX_QUICK_ATTEMPTS) {
      this.ready.push(pending);
      return;
    }
    const dueAt = now + Math.ceil(Math.random() * Math.min(1000, 2 ** pending.attempts));
    pending.dueAt = Math.min(dueAt, pending.enqueuedAt + this.#timeoutMs);
    this.#waiting.push(pending);
  }

  /**
   * Retries a notification that was rejected temporarily, not before the time in `retry-after`.
   *
   * @param isReplaced whether its connection is being replaced; another connection then gets it without a delay
   * @returns false, without keeping the notification, if the retry would be after its deadline
   */
  retry(
    pending: PendingNotification,
    { retryAfterMs = 0 }: Settlement,
    now: number,
    isReplaced: boolean,
  ): boolean {
    const delayMs = isReplaced ? 0 : Math.random() * Math.min(10_000, 100 * 2 ** pending.attempts);
    // Engine time has whole milliseconds, so one more keeps the retry from being early.
    pending.dueAt = now + 1 + Math.ceil(Math.max(retryAfterMs, delayMs));
    if (pending.dueAt > pending.enqueuedAt + this.#timeoutMs) return false;
    this.#waiting.push(pending);
    return true;
  }

  /** Makes notifications ready that are due. */
  release(now: number): void {
    while (this.dueAt <= now) this.ready.push(this.#waiting.shift()!);
  }

  /** Removes and returns all notifications. */
  takeAll(): PendingNotification[] {
    return [...this.ready.takeAll(), ...this.#waiting.takeAll()];
  }
}
