/** Counts the outcomes of lines that earlier runs refused because of credentials or options. */
import type { OutcomeStatus } from '../../core/outcome.js';
import type { LineRanges } from '../input/line-ranges.js';

/** The refused lines of earlier runs, and their outcomes in this run. */
export class EarlierRefusals {
  readonly #lines: LineRanges;
  readonly #counts = new Map<OutcomeStatus, number>();
  /** The number of such lines when the run began. */
  readonly count: number;

  constructor(lines: LineRanges) {
    this.#lines = lines;
    this.count = lines.count;
  }

  /** The number of these lines for each outcome in this run. */
  get outcomes(): Readonly<Partial<Record<OutcomeStatus, number>>> {
    return Object.fromEntries(this.#counts);
  }

  onOutcome(status: OutcomeStatus, line: number): void {
    if (this.count === 0 || !this.#lines.has(line)) return;
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + 1);
  }
}
