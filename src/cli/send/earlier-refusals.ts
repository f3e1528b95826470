/** Lines that were refused in earlier runs because of credentials or options, and their outcomes in this run. */
import type { OutcomeStatus } from '../../core/outcome.js';
import type { LineRanges } from '../input/line-ranges.js';

/** See the file's first line. */
export class EarlierRefusals {
  readonly #lines: LineRanges;
  readonly #counts = new Map<OutcomeStatus, number>();
  /** How many lines there were when the run began. */
  readonly count: number;

  constructor(lines: LineRanges) {
    this.#lines = lines;
    this.count = lines.count;
  }

  /** How many of them have each outcome in this run. */
  get outcomes(): Readonly<Partial<Record<OutcomeStatus, number>>> {
    return Object.fromEntries(this.#counts);
  }

  onOutcome(status: OutcomeStatus, line: number): void {
    if (this.count === 0 || !this.#lines.has(line)) return;
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + 1);
  }
}
