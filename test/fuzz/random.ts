/** Random numbers that are the same for the same seed. */

/** A source of choices. */
export class Random {
  #state: number;

  /** @param parts whatever the numbers are to depend on */
  constructor(...parts: readonly (number | string)[]) {
    // FNV-1a, so that neighbouring cases of a run have nothing in common.
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(parts.join('\0'))) hash = Math.imul(hash ^ byte, 0x01000193);
    this.#state = hash >>> 0;
  }

  /** From 0 up to but not including 1: Mulberry32. */
  number(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    const state = this.#state;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to but not including `end`; 0 when there is none. */
  below(end: number): number {
    return Math.floor(this.number() * end);
  }

  /** True once in so many times. */
  oneIn(times: number): boolean {
    return this.number() * times < 1;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}
