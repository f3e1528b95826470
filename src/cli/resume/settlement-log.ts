/** Connects a run with its ledger: decides which lines may be sent, and when an outcome may be recorded. */

import type { OutcomeStatus } from '../../core/outcome.js';
import type { LineRanges } from '../input/line-ranges.js';
import type { EarlierRefusals } from '../send/earlier-refusals.js';
import type { ReportedOutcome } from '../send/outcome-report.js';
import type { SendingLog } from '../send/sending-log.js';
import type { Ledger } from './ledger.js';
import type { LedgerEnding } from './ledger-format.js';

/** Options of a {@link SettlementLog}. */
export interface SettlementLogOptions {
  readonly ledger: Ledger;
  /** The same set that the ledger adds to. */
  readonly settled: LineRanges;
  /** The maximum number of notifications that are passed on and not recorded. After a kill, these may arrive twice. */
  readonly window: number;
  /** Whether `unknown` outcomes are to be sent again when resumed, as `--on-unknown resend` wants it. */
  readonly resendUnknown: boolean;
  /** The number of lines that a killed run may have sent without recording them. They are among the first to be sent. */
  readonly inDoubt: number;
  /** Receives the outcomes of lines that were refused in earlier runs. */
  readonly earlier?: EarlierRefusals | undefined;
  /** Called before outcomes are recorded, with --resume-sync. */
  readonly syncOutput?: (() => void) | undefined;
}

/** Outcomes that show that the gateway accepted the credentials. */
const ANSWERED: readonly OutcomeStatus[] = ['accepted', 'presumed', 'rejected'];

/**
 * A line is settled when its outcome is written completely, or need not be printed. `unsent` does not settle a line,
 * and neither does a refusal of credentials or options: resuming sends that line.
 *
 * Lines come as they are read: notifications in their order, lines that hold none perhaps ahead of them.
 */
export class SettlementLog implements SendingLog {
  readonly #options: SettlementLogOptions;
  /** Invalid lines whose outcome is not written yet. */
  readonly #invalid = new Set<number>();
  /**
   * Lines whose outcomes are being written to standard output, in order; 0 for an outcome that settles nothing, and a
   * negative number for a refused line.
   */
  #printing: number[] = [];
  /** Settled lines that are recorded next. */
  #fresh: number[] = [];
  /** Refused lines that are recorded next. */
  #refused: number[] = [];
  #turnEnds = false;
  /** The line of the last notification. */
  #at = 0;
  #handedOver = 0;
  #underWay = 0;
  #unsettled = 0;
  #unclear = 0;
  #resendsUnknown: boolean;
  /** Whether the gateway has responded to any notification. */
  #isProven = false;
  /** `unknown` lines from before that, whose outcomes are being written to standard output. */
  readonly #unknown = new Set<number>();
  /** `unknown` lines from before that, with written outcomes: settled, unless the gateway refuses the credentials. */
  #suspended: number[] = [];
  #release: (() => void) | undefined;
  #failed = false;

  /** Called once, with the error of the ledger. After that, no line is recorded. */
  onFail: (error: unknown) => void = () => {};

  constructor(options: SettlementLogOptions) {
    this.#options = options;
    this.#resendsUnknown = options.resendUnknown;
  }

  /** The run was refused: lines that become `unknown` from now on were most likely refused too, and stay open. */
  leaveUnknownOpen(): void {
    this.#resendsUnknown = true;
  }

  /** How many lines are `unknown` and not settled: resuming sends them. Final after {@link SettlementLog.close}. */
  get openUnknown(): number {
    return this.#unclear;
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

  /**
   * Called for every outcome, in the order of printing.
   *
   * @param isRefused whether credentials or options were refused, and not the notification
   */
  onOutcome({ status, line = 0 }: ReportedOutcome, printed: boolean, isRefused = false): void {
    this.#options.earlier?.onOutcome(status, line);
    if (status === 'unknown' && !this.#isProven) this.#unknown.add(line);
    if (!isRefused && ANSWERED.includes(status)) this.#settleSuspended();
    const unknown = status === 'unknown' && this.#resendsUnknown;
    if (status === 'unsent' || unknown || isRefused) {
      this.#underWay--;
      this.#unsettled++;
      if (unknown) this.#unclear++;
      this.#raiseBound();
      if (printed) this.#printing.push(isRefused ? -line : 0);
      else if (isRefused) this.#refused.push(line);
    } else if (printed) this.#printing.push(line);
    else this.#settle(line);
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    setImmediate(() => {
      this.#turnEnds = false;
      this.#record();
    });
  }

  /** Called with the number of further outcomes that were written completely to standard output. */
  onWritten(outcomes: number): void {
    for (const line of this.#printing.splice(0, outcomes)) {
      if (line > 0) this.#settle(line);
      else if (line < 0) this.#refused.push(-line);
    }
    this.#record();
  }

  /**
   * Records the rest and closes the ledger.
   *
   * @param wasRead whether the input was read to its end
   * @param isRefused whether the run ended because its credentials were refused
   */
  close(wasRead: boolean, isRefused = false): void {
    if (!isRefused) this.#settleSuspended();
    this.#record();
    const { inDoubt } = this.#options;
    const isClear = inDoubt === 0 || (this.#handedOver >= inDoubt && this.#unsettled === 0);
    const isSettled = this.#underWay === 0 && this.#unsettled === 0 && this.#invalid.size === 0;
    const isIdle = this.#underWay === 0 && this.#unclear === 0 && isClear;
    const ended: LedgerEnding | undefined = wasRead && isSettled ? 'complete' : isIdle ? 'idle' : undefined;
    this.#try(() => this.#options.ledger.close(this.#failed ? undefined : ended));
    // Do not write again, because the system may reuse the file descriptor for another file.
    this.#failed = true;
  }

  /**
   * Lines with an unknown outcome are no longer in flight and do not count in the window, but after a kill they may
   * arrive twice, too. The bound is raised in steps, so that few entries are written.
   */
  #raiseBound(): void {
    const { ledger, window, inDoubt } = this.#options;
    if (this.#failed) return;
    const leftOpen = this.#unclear + Math.min(inDoubt, this.#unsettled - this.#unclear);
    const step = Math.ceil(window / 16);
    this.#try(() => ledger.raiseWindow(window + Math.ceil(leftOpen / step) * step));
  }

  /**
   * Under TLS 1.3, a gateway that refuses a client certificate usually just closes the connection, after notifications
   * were written to it. They are `unknown`, and only later events show whether they were refused.
   */
  #suspend(line: number): void {
    this.#suspended.push(line);
    this.#underWay--;
    this.#unsettled++;
    this.#unclear++;
    this.#raiseBound();
  }

  #settleSuspended(): void {
    this.#isProven = true;
    const lines = this.#suspended;
    if (lines.length === 0) return;
    this.#suspended = [];
    this.#unsettled -= lines.length;
    this.#unclear -= lines.length;
    for (const line of lines) this.#fresh.push(line);
  }

  #settle(line: number): void {
    if (this.#unknown.delete(line) && !this.#isProven) {
      this.#suspend(line);
      return;
    }
    this.#fresh.push(line);
    if (!this.#invalid.delete(line)) this.#underWay--;
  }

  #record(): void {
    const fresh = this.#fresh;
    const refused = this.#refused;
    if (fresh.length > 0 || refused.length > 0) {
      this.#fresh = [];
      this.#refused = [];
      if (!this.#failed) {
        this.#try(() => {
          this.#options.syncOutput?.();
          this.#options.ledger.add(fresh, refused);
        });
      }
    }
    const release = this.#release;
    if (release === undefined || this.#underWay >= this.#options.window) return;
    this.#release = undefined;
    release();
  }

  /** Every line since the last notification is blank, unless it is known to be invalid. */
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
