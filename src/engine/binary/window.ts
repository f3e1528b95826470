/** The window of a binary sender, which limits unsettled frames and unread outcomes. */
import { createOutcomeCounts, type OutcomeCounts, type Settlement } from '../../core/outcome.js';
import { bytesHeldBy, type FrameBatch } from './frame-batch.js';
import { OutcomeQueue } from './outcome-queue.js';

/** See the file's first line. */
export class Window {
  readonly counts: OutcomeCounts = createOutcomeCounts();
  readonly outcomes: OutcomeQueue = new OutcomeQueue(this.counts);
  readonly #maxFrames: number;
  readonly #maxBytes: number;
  #frames = 0;
  #bytes = 0;

  constructor({ windowCount, windowBytes }: { readonly windowCount: number; readonly windowBytes: number }) {
    this.#maxFrames = windowCount;
    this.#maxBytes = windowBytes;
  }

  /** Frames that are not settled. */
  get frames(): number {
    return this.#frames;
  }

  /** How many more frames have room. Unread outcomes count, too. */
  get roomFrames(): number {
    return Math.max(0, this.#maxFrames - this.#frames - this.outcomes.unread);
  }

  /** How many more bytes have room, including the memory that notifications hold beyond their frames. */
  get roomBytes(): number {
    return this.#maxBytes - this.#bytes - this.outcomes.unreadBytes;
  }

  add(batch: FrameBatch): void {
    this.#frames += batch.count;
    this.#bytes += bytesHeldBy(batch);
  }

  settle(batch: FrameBatch, settlement: Settlement): void {
    this.#frames -= batch.count;
    this.#bytes -= bytesHeldBy(batch);
    this.outcomes.settle(batch, settlement);
  }

  settleAll(batches: readonly FrameBatch[], settlement: Settlement): void {
    for (const batch of batches) this.settle(batch, settlement);
  }
}
