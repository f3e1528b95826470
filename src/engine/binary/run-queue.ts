/** Runs in the order they were handed over, with how many frames and bytes they hold. */
import { bytesHeldBy, type FrameRun, splitRun } from './frame-run.js';

/** A queue of runs that can also be put back at its front. */
export class RunQueue {
  #runs: (FrameRun | undefined)[] = [];
  #head = 0;
  #frames = 0;
  #bytes = 0;
  #heldBytes = 0;
  #earliestAt = Number.POSITIVE_INFINITY;

  /** Frames in the queue. */
  get frames(): number {
    return this.#frames;
  }

  /** Bytes of these frames. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The same, plus the memory that their notifications hold beyond them. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * When the window took its oldest frame, or an earlier time; `Infinity` without frames. Taking runs from the front
   * does not change it, and `takeWhere` corrects it.
   */
  get earliestAt(): number {
    return this.#earliestAt;
  }

  /** The first run, if there is one. */
  get first(): FrameRun | undefined {
    return this.#runs[this.#head];
  }

  /** The runs in order. */
  runs(): readonly FrameRun[] {
    return this.#runs.slice(this.#head) as FrameRun[];
  }

  /** Adds a run at the end. */
  push(run: FrameRun): void {
    this.#runs.push(run);
    this.#add(run, 1);
  }

  /** Puts runs back at the front, in their order. */
  unshift(runs: readonly FrameRun[]): void {
    if (runs.length === 0) return;
    this.#runs = [...runs, ...this.#runs.slice(this.#head)];
    this.#head = 0;
    for (const run of runs) this.#add(run, 1);
  }

  /** Takes at most `maxFrames` frames of the first run, and of `maxBytes` unless the first frame has more. */
  take(maxFrames: number, maxBytes: number): FrameRun | undefined {
    const first = this.first;
    if (first === undefined) return undefined;
    const [taken, rest] = splitRun(first, maxFrames, maxBytes);
    if (taken === undefined) return undefined;
    this.#add(taken, -1);
    if (rest !== undefined) {
      this.#runs[this.#head] = rest;
      return taken;
    }
    this.#drop();
    return taken;
  }

  /** Takes every run for which `isTaken` is true; the others keep their order. */
  takeWhere(isTaken: (run: FrameRun) => boolean): FrameRun[] {
    const taken: FrameRun[] = [];
    const kept: FrameRun[] = [];
    for (let i = this.#head; i < this.#runs.length; i++) {
      const run = this.#runs[i]!;
      (isTaken(run) ? taken : kept).push(run);
    }
    this.#runs = kept;
    this.#head = 0;
    for (const run of taken) this.#add(run, -1);
    this.#earliestAt = Number.POSITIVE_INFINITY;
    for (const { since } of kept) this.#earliestAt = Math.min(this.#earliestAt, since);
    return taken;
  }

  /** Takes the runs at the front for as long as `isTaken` is true: what is behind them is not looked at. */
  takeWhile(isTaken: (run: FrameRun) => boolean): FrameRun[] {
    const taken: FrameRun[] = [];
    for (let { first } = this; first !== undefined && isTaken(first); { first } = this) {
      taken.push(first);
      this.#add(first, -1);
      this.#drop();
    }
    return taken;
  }

  /** Takes everything. */
  takeAll(): FrameRun[] {
    return this.takeWhere(() => true);
  }

  /** Drops the first run, in batches: shifting one by one would move the whole array each time. */
  #drop(): void {
    this.#runs[this.#head++] = undefined;
    if (this.#head === this.#runs.length) {
      this.#runs = [];
      this.#head = 0;
    } else if (this.#head === 1024) {
      this.#runs = this.#runs.slice(this.#head);
      this.#head = 0;
    }
  }

  #add(run: FrameRun, sign: 1 | -1): void {
    this.#frames += sign * run.count;
    this.#bytes += sign * (run.end - run.start);
    this.#heldBytes += sign * bytesHeldBy(run);
    if (this.#frames === 0) this.#earliestAt = Number.POSITIVE_INFINITY;
    else if (sign === 1 && run.since < this.#earliestAt) this.#earliestAt = run.since;
  }
}
