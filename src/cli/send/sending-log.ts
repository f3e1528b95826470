/** The interface through which a run reports settled lines. */
import type { LineFilter } from '../input/notification-reader.js';
import type { ReportedOutcome } from './outcome-report.js';

/** A {@link LineFilter} that also learns about outcomes. `--resume` implements it with a ledger. */
export interface SendingLog extends LineFilter {
  /** Called once, with the error, when nothing can be recorded any more. */
  onFail: (error: unknown) => void;
  /** How many lines are `unknown` and not settled: resuming sends them. Final after `close`. */
  readonly openUnknown: number;
  /** Called for every outcome, in the order of printing. */
  onOutcome(outcome: ReportedOutcome, printed: boolean, isRefused?: boolean): void;
  /** Called with the number of further outcomes that were written completely to standard output. */
  onWritten(outcomes: number): void;
  /** The run was refused: lines that become `unknown` from now on were most likely refused too, and stay open. */
  leaveUnknownOpen(): void;
  /** Called at the end. */
  close(wasRead: boolean, isRefused?: boolean): void;
}
