/** Between a sending and its ledger: which line may go, and when its outcome may be recorded. */
import type { Gate } from './feed.js';
import type { Ledger } from './ledger.js';
import type { LedgerEnding } from './ledger-format.js';
import type { LineRanges } from './line-ranges.js';
import type { ReportedOutcome } from './outcome-report.js';

/** What a {@link SettlementLog} stands on. */
export interface SettlementLogOptions {
  readonly ledger: Ledger;
  /** The same set that the ledger adds to. */
  readonly settled: LineRanges;
  /** How many notifications may be handed over and not recorded: what a kill can make arrive twice, at first. */
  readonly window: number;
  /** Whether `unknown` outcomes are to be sent again when resumed, as `--on-unknown resend` wants it. */
  readonly resendUnknown: boolean;
  /** Of a run that was killed: what it may have sent without recording it, all of it among the first to go. */
  readonly inDoubt: number;
  /** Called before outcomes are recorded, with --resume-sync. */
  readonly syncOutput?: (() => void) | undefined;
}

const NEWLINE = 0x0a;

/**
 * A line is settled when its outcome is with the system, or is not to be printed at all. `unsent` settles
 * nothing: the line is sent when the run is resumed.
 *
 * Lines come as they are read: notifications in their order, lines that hold none perhaps ahead of them.
 */
export class SettlementLog implements Gate {
  readonly #options: SettlementLogOptions;
  /** Invalid lines whose outcome is not written yet. */
  readonly #invalid = new Set<number>();
  /** Lines of the outcomes on their way to standard output, in order; 0 for one that settles nothing. */
  #printing: number[] = [];
  /** Settled, and about to be recorded. */
  #fresh: number[] = [];
  #turnEnds = false;
  /** The last notification that came by. */
  #at = 0;
  #handedOver = 0;
  #underWay = 0;
  #unsettled = 0;
  #unclear = 0;
  #release: (() => void) | undefined;
  #failed = false;

  /** Called once, with what is wrong with the ledger; nothing is recorded from then on. */
  onFail: (error: unknown) => void = () => {};

  constructor(options: SettlementLogOptions) {
    this.#options = options;
  }

  admitInvalid(line: number): boolean {
    if (this.#options.settled.has(line)) return false;
    this.#invalid.add(line);
    return true;
  }

  admit(line: number): boolean {
    this.#passBlank(line);
    if (this.#options.settled.has(line)) return false;
    this.#handedOver++;
    this.#underWay++;
    return true;
  }

  hold(release: () => void): boolean {
    if (this.#underWay < this.#options.window) return false;
    this.#release = release;
    return true;
  }

  /** Hears of every outcome, in the order in which those that are printed are printed. */
  onOutcome({ status, line = 0 }: ReportedOutcome, printed: boolean): void {
    const unknown = status === 'unknown' && this.#options.resendUnknown;
    if (status === 'unsent' || unknown) {
      this.#underWay--;
      this.#unsettled++;
      if (unknown) this.#unclear++;
      this.#raiseBound();
      if (printed) this.#printing.push(0);
    } else if (printed) this.#printing.push(line);
    else this.#settle(line);
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    setImmediate(() => {
      this.#turnEnds = false;
      this.#record();
    });
  }

  /** Hears of what standard output has taken: whole lines, one for each outcome. */
  onWritten(chunk: Uint8Array | string): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    let lines = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
    for (const line of this.#printing.splice(0, lines)) if (line > 0) this.#settle(line);
    this.#record();
  }

  /** Records the rest and closes the ledger. `wasRead` says whether the input was read to its end. */
  close(wasRead: boolean): void {
    this.#record();
    const { inDoubt } = this.#options;
    const isClear = inDoubt === 0 || (this.#handedOver >= inDoubt && this.#unsettled === 0);
    const isSettled = this.#underWay === 0 && this.#unsettled === 0 && this.#invalid.size === 0;
    const isIdle = this.#underWay === 0 && this.#unclear === 0 && isClear;
    const ended: LedgerEnding | undefined = wasRead && isSettled ? 'complete' : isIdle ? 'idle' : undefined;
    this.#try(() => this.#options.ledger.close(this.#failed ? undefined : ended));
    // The number of a closed file may soon be that of another one.
    this.#failed = true;
  }

  /**
   * Lines that may have arrived and are to be sent again are no longer under way, and hold nothing back; but
   * a kill makes them arrive twice like those that are. It is told in steps, to be told seldom.
   */
  #raiseBound(): void {
    const { ledger, window, inDoubt } = this.#options;
    const leftOpen = this.#unclear + Math.min(inDoubt, this.#unsettled - this.#unclear);
    const step = Math.ceil(window / 16);
    if (leftOpen === 0 || this.#failed) return;
    this.#try(() => ledger.raiseWindow(window + Math.ceil(leftOpen / step) * step));
  }

  #settle(line: number): void {
    this.#fresh.push(line);
    if (!this.#invalid.delete(line)) this.#underWay--;
  }

  #record(): void {
    const fresh = this.#fresh;
    if (fresh.length > 0) {
      this.#fresh = [];
      if (!this.#failed) {
        this.#try(() => {
          this.#options.syncOutput?.();
          this.#options.ledger.add(fresh);
        });
      }
    }
    const release = this.#release;
    if (release === undefined || this.#underWay >= this.#options.window) return;
    this.#release = undefined;
    release();
  }

  /** Every line since the last notification holds nothing, unless it is known to be invalid. */
  #passBlank(line: number): void {
    let first = this.#at + 1;
    this.#at = line;
    if (first === line) return;
    for (const invalid of this.#invalid) {
      if (invalid > line) break;
      if (invalid < first) continue;
      this.#options.ledger.addBlank(first, invalid - 1);
      first = invalid + 1;
    }
    this.#options.ledger.addBlank(first, line - 1);
  }

  #try(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (this.#failed) return;
      this.#failed = true;
      this.onFail(error);
    }
  }
}
