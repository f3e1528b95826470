/** Frames that wait for another attempt because a gateway could not process them (ProcessingError). */
import type { Settlement } from '../../core/outcome.js';
import type { FrameBatch } from './frame-batch.js';

/** See the file's first line. */
export class Retries {
  readonly #timeoutMs: number;
  #waiting: { readonly batch: FrameBatch; readonly dueAt: number }[] = [];

  /** @param timeoutMs the total time of a notification, including retries */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** When the next frames are due. */
  get dueAt(): number {
    return this.#waiting.reduce((earliest, { dueAt }) => Math.min(earliest, dueAt), Number.POSITIVE_INFINITY);
  }

  /**
   * @param fallback the outcome if the frames are not written again
   * @returns false if the next attempt is after their deadline; they are not kept then
   */
  retry(batch: FrameBatch, fallback: Settlement, now: number): boolean {
    const dueAt = now + Math.random() * Math.min(10_000, 100 * 2 ** batch.attempts);
    if (dueAt > batch.since + this.#timeoutMs) return false;
    this.#waiting.push({ batch: { ...batch, fallback }, dueAt });
    return true;
  }

  /** Removes and returns the frames that are due. */
  takeDue(now: number): FrameBatch[] {
    if (this.dueAt > now) return [];
    const due = this.#waiting.filter(({ dueAt }) => dueAt <= now);
    this.#waiting = this.#waiting.filter(({ dueAt }) => dueAt > now);
    return due.map(({ batch }) => batch);
  }

  /** Removes and returns all frames. */
  takeAll(): FrameBatch[] {
    return this.#waiting.splice(0).map(({ batch }) => batch);
  }
}
