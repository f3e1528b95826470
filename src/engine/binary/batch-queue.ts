/** A queue of batches that counts their frames and bytes. */
import { bytesHeldBy, type FrameBatch, splitBatch } from './frame-batch.js';

/** A queue of batches, which also takes batches back at its front. */
export class BatchQueue {
  #batches: (FrameBatch | undefined)[] = [];
  #head = 0;
  #frames = 0;
  #bytes = 0;
  #heldBytes = 0;
  #earliestAt = Number.POSITIVE_INFINITY;

  /** Frames in the queue. */
  get frames(): number {
    return this.#frames;
  }

  /** The bytes of these frames. */
  get bytes(): number {
    return this.#bytes;
  }

  /** These bytes, plus the memory that the notifications of the frames hold. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * When the window took its oldest frame, or an earlier time; `Infinity` without frames. Taking batches from the front
   * does not change it, and `takeWhere` corrects it.
   */
  get earliestAt(): number {
    return this.#earliestAt;
  }

  /** The first batch, if there is one. */
  get first(): FrameBatch | undefined {
    return this.#batches[this.#head];
  }

  /** The batches in order. */
  batches(): readonly FrameBatch[] {
    return this.#batches.slice(this.#head) as FrameBatch[];
  }

  /** Adds a batch at the end. */
  push(batch: FrameBatch): void {
    this.#batches.push(batch);
    this.#add(batch, 1);
  }

  /** Puts batches back at the front, in their order. */
  unshift(batches: readonly FrameBatch[]): void {
    if (batches.length === 0) return;
    this.#batches = [...batches, ...this.#batches.slice(this.#head)];
    this.#head = 0;
    for (const batch of batches) this.#add(batch, 1);
  }

  /** Takes at most `maxFrames` frames and `maxBytes` bytes of the first batch, but at least one frame of any size. */
  take(maxFrames: number, maxBytes: number): FrameBatch | undefined {
    const first = this.first;
    if (first === undefined) return undefined;
    const [taken, rest] = splitBatch(first, maxFrames, maxBytes);
    if (taken === undefined) return undefined;
    this.#add(taken, -1);
    if (rest !== undefined) {
      this.#batches[this.#head] = rest;
      return taken;
    }
    this.#drop();
    return taken;
  }

  /** Takes every batch for which `isTaken` is true; the others keep their order. */
  takeWhere(isTaken: (batch: FrameBatch) => boolean): FrameBatch[] {
    const taken: FrameBatch[] = [];
    const kept: FrameBatch[] = [];
    for (let i = this.#head; i < this.#batches.length; i++) {
      const batch = this.#batches[i]!;
      (isTaken(batch) ? taken : kept).push(batch);
    }
    this.#batches = kept;
    this.#head = 0;
    for (const batch of taken) this.#add(batch, -1);
    this.#earliestAt = Number.POSITIVE_INFINITY;
    for (const { since } of kept) this.#earliestAt = Math.min(this.#earliestAt, since);
    return taken;
  }

  /** Takes batches from the front while `isTaken` is true, and does not visit the others. */
  takeWhile(isTaken: (batch: FrameBatch) => boolean): FrameBatch[] {
    const taken: FrameBatch[] = [];
    for (let { first } = this; first !== undefined && isTaken(first); { first } = this) {
      taken.push(first);
      this.#add(first, -1);
      this.#drop();
    }
    return taken;
  }

  /** Takes everything. */
  takeAll(): FrameBatch[] {
    return this.takeWhere(() => true);
  }

  /** Drops the first batch. Removes array items in batches, because `shift()` would move the whole array each time. */
  #drop(): void {
    this.#batches[this.#head++] = undefined;
    if (this.#head === this.#batches.length) {
      this.#batches = [];
      this.#head = 0;
    } else if (this.#head === 1024) {
      this.#batches = this.#batches.slice(this.#head);
      this.#head = 0;
    }
  }

  #add(batch: FrameBatch, sign: 1 | -1): void {
    this.#frames += sign * batch.count;
    this.#bytes += sign * (batch.end - batch.start);
    this.#heldBytes += sign * bytesHeldBy(batch);
    if (this.#frames === 0) this.#earliestAt = Number.POSITIVE_INFINITY;
    else if (sign === 1 && batch.since < this.#earliestAt) this.#earliestAt = batch.since;
  }
}
