/** Stores a set of line numbers as ranges. */

/** From the first to the last line, both included. */
export type LineRange = readonly [first: number, last: number];

/** Lines in ascending ranges that neither overlap nor touch. */
export class LineRanges implements Iterable<LineRange> {
  #ranges: LineRange[] = [];

  /** The last line of the range that begins with line 1; 0 when there is none. */
  get through(): number {
    const first = this.#ranges[0];
    return first !== undefined && first[0] <= 1 ? first[1] : 0;
  }

  /** The ranges after {@link LineRanges.through}. */
  get beyond(): readonly LineRange[] {
    return this.through === 0 ? this.#ranges : this.#ranges.slice(1);
  }

  /** The number of lines in the set. */
  get count(): number {
    return this.#ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }

  has(line: number): boolean {
    const range = this.#ranges[this.#indexOf(line)];
    return range !== undefined && range[0] <= line;
  }

  /** Adds the lines from `first` to `last`; nothing when `last` comes before `first`. */
  add(first: number, last: number): void {
    if (last < first) return;
    const start = this.#indexOf(first - 1);
    let end = start;
    let [from, to] = [first, last];
    for (; end < this.#ranges.length && this.#ranges[end]![0] <= last + 1; end++) {
      from = Math.min(from, this.#ranges[end]![0]);
      to = Math.max(to, this.#ranges[end]![1]);
    }
    this.#ranges.splice(start, end - start, [from, to]);
  }

  /** The lines that are not in `others`, as a new set. */
  without(others: LineRanges): LineRanges {
    const left = new LineRanges();
    for (const [first, last] of this.#ranges) {
      let next = first;
      for (let at = others.#indexOf(first); next <= last; at++) {
        const [from, to] = others.#ranges[at] ?? [last + 1, last];
        left.add(next, Math.min(from - 1, last));
        next = Math.max(next, to + 1);
      }
    }
    return left;
  }

  [Symbol.iterator](): Iterator<LineRange> {
    return this.#ranges[Symbol.iterator]();
  }

  /** The index of the first range that ends at `line` or after it. */
  #indexOf(line: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle]![1] < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Lines in any order as ascending ranges. */
export function rangesOf(lines: readonly number[]): readonly LineRange[] {
  const ranges: LineRange[] = [];
  let first = Number.NaN;
  let last = Number.NaN;
  for (const line of Float64Array.from(lines).sort()) {
    if (line !== last + 1) {
      if (last >= first) ranges.push([first, last]);
      first = line;
    }
    last = line;
  }
  if (last >= first) ranges.push([first, last]);
  return ranges;
}
