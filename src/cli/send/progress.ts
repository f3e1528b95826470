/** Displays progress: on a terminal in one redrawn line, otherwise in a new line every ten seconds. */
import { styleText } from 'node:util';
import { printable } from '../../core/redact.js';
import type { CommandIo } from '../io.js';
import { grouped } from '../output/format-number.js';

/** The state of the run. */
export interface ProgressSnapshot {
  /** Notifications with an outcome. */
  readonly settled: number;
  /** The number of those that are neither accepted nor presumed. */
  readonly problems: number;
  /** Notifications that are sent or about to be sent and have no outcome: at most --window-count. */
  readonly inFlight: number;
  /** The share of the input that is settled, 0 to 1; `undefined` when not known. */
  readonly fraction: number | undefined;
  /** The text about connecting, if there is one. */
  readonly connecting?: string | undefined;
}

const REDRAW_MS = 200;
const PLAIN_MS = 10_000;
/** The rate is computed from this many samples, so that it is that of the last seconds. */
const RATE_SAMPLES = 25;

/** Shows what `look` returns, from its construction until {@link Progress.stop}. */
export class Progress {
  readonly #io: CommandIo;
  readonly #look: () => ProgressSnapshot;
  readonly #redraws: boolean;
  readonly #samples: [now: number, settled: number][] = [];
  readonly #stopTimer: () => void;

  constructor(io: CommandIo, look: () => ProgressSnapshot) {
    this.#io = io;
    this.#look = look;
    this.#redraws = redraws(io);
    this.#samples.push([io.clock.now(), 0]);
    this.#stopTimer = io.clock.every(this.#redraws ? REDRAW_MS : PLAIN_MS, () => this.#show());
  }

  /** Ends the display and clears its line. */
  stop(): void {
    this.#stopTimer();
    this.#io.status.clear();
  }

  #show(): void {
    const line = this.#line();
    if (this.#redraws) {
      // A terminal that does not know its width reports 0.
      const columns = this.#io.stderr.columns || 80;
      this.#io.status.draw(paint(line.slice(0, columns - 1), 'dim', this.#io));
    } else {
      this.#io.stderr.write(`${line}\n`);
    }
  }

  #line(): string {
    const { settled, problems, inFlight, fraction, connecting } = this.#look();
    const now = this.#io.clock.now();
    this.#samples.push([now, settled]);
    if (this.#samples.length > RATE_SAMPLES) this.#samples.shift();
    const [since, before] = this.#samples[0]!;
    const rate = now > since ? ((settled - before) * 1000) / (now - since) : 0;
    return [
      // The percentage is rounded down, so that 100% means that everything is settled.
      ...(fraction === undefined ? [] : [`${Math.floor(fraction * 100)}%`]),
      `${grouped(settled)} settled`,
      ...(problems === 0 ? [] : [`${grouped(problems)} not accepted`]),
      `${grouped(rate)}/s`,
      `${grouped(inFlight)} in flight`,
      ...(connecting === undefined ? [] : [printable(connecting)]),
    ].join(', ');
  }
}

/** Returns `text` in a style if standard error is a terminal that supports styles and NO_COLOR is not set. */
export function paint(text: string, style: 'dim' | 'red' | 'green' | 'yellow', io: CommandIo): string {
  const { NO_COLOR: noColor = '', TERM: term } = io.env;
  if (io.stderr.isTTY !== true || noColor !== '' || term === 'dumb') return text;
  // Disable the stream check of styleText, because it would check standard output, but this writes to standard error.
  return styleText(style, text, { validateStream: false });
}

/** Whether standard error is a terminal that can erase a line. */
function redraws(io: CommandIo): boolean {
  return io.stderr.isTTY === true && io.env['TERM'] !== 'dumb';
}
