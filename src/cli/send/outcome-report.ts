/** Selects the outcomes for standard output, and counts the reasons of problems. */
import { Transform, type TransformCallback } from 'node:stream';
import type { InvalidNotificationError } from '../../core/errors.js';
import type { Notification } from '../../core/notification.js';
import type { Outcome } from '../../core/outcome.js';
import { redactReason } from '../../core/redact.js';
import { StatusCode } from '../../protocol/binary/status-code.js';
import { fileOf } from '../input/notification-file.js';
import { redactOutcome } from '../output/redact-outcome.js';
import { type RefusedFor, refusedFor } from './refused-for.js';

/** The outcomes to pass on. */
export type OutcomeChoice = 'all' | 'problems' | 'none';

/** An outcome with the file of its notification, if there are several files. */
export type ReportedOutcome = Outcome & { readonly file?: string };

/** Called for every outcome, in order: whether it is printed, and what the gateway actually refused. */
export type OutcomeListener = (
  outcome: ReportedOutcome,
  passes: boolean,
  refused: RefusedFor | undefined,
) => void;

/** Reasons come from the gateway, so their number is limited. Further reasons are counted together. */
const MAX_REASONS = 20;

/** A Transform that passes on the outcomes for standard output. */
export class OutcomeReport extends Transform {
  readonly #choice: OutcomeChoice;
  readonly #redacts: boolean;
  readonly #onOutcome: OutcomeListener | undefined;
  readonly #reasons = new Map<string, number>();
  #rejectedForNow = 0;
  #refused = 0;

  /** @param redacts whether device tokens are shortened */
  constructor(choice: OutcomeChoice, redacts: boolean, onOutcome?: OutcomeListener) {
    super({ objectMode: true });
    this.#choice = choice;
    this.#redacts = redacts;
    this.#onOutcome = onOutcome;
  }

  /** How often each reason was given, such as `['InvalidToken', 3]`, the most frequent first. */
  get reasons(): readonly (readonly [reason: string, count: number])[] {
    return [...this.#reasons].sort(([, a], [, b]) => b - a);
  }

  /** How many were rejected because of a temporary problem of the gateway that lasted until their timeout. */
  get rejectedForNow(): number {
    return this.#rejectedForNow;
  }

  /** The number of notifications that were refused because of credentials or options. */
  get refused(): number {
    return this.#refused;
  }

  /** Adds the outcome of a line that is not a valid notification. */
  addInvalidLine(error: InvalidNotificationError, file: string | undefined): void {
    const { line, field, problem: message } = error;
    const context = contextOf(error);
    this.write({
      status: 'invalid',
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
      ...(field === undefined ? {} : { field }),
      message,
      ...(context === undefined ? {} : { context }),
    } satisfies ReportedOutcome);
  }

  override _transform(
    outcome: ReportedOutcome,
    _encoding: BufferEncoding,
    callback: TransformCallback,
  ): void {
    const { status } = outcome;
    const problem = status !== 'accepted' && status !== 'presumed';
    const refused = problem ? refusedFor(outcome) : undefined;
    if (problem) this.#tally(outcome);
    if (refused !== undefined) this.#refused++;
    const passes = this.#choice === 'all' || (this.#choice === 'problems' && problem);
    this.#onOutcome?.(outcome, passes, refused);
    if (!passes) {
      callback();
      return;
    }
    const file = fileOf(outcome.notification);
    const shown = this.#redacts ? redactOutcome(outcome) : outcome;
    callback(null, file === undefined ? shown : Object.assign({ status, file }, shown));
  }

  #tally({ status, statusCode, reason, field }: ReportedOutcome): void {
    if (status === 'rejected' && isTemporaryStatus(statusCode)) this.#rejectedForNow++;
    const wrong = field === undefined ? 'not a notification' : `invalid ${field}`;
    const unusual = reason === undefined ? 'no reason given' : 'an unusual reason';
    const shown = redactReason(reason) ?? (status === 'invalid' ? wrong : unusual);
    const name = status === 'rejected' || status === 'invalid' ? shown : `${status}: ${shown}`;
    const known = this.#reasons.has(name) || this.#reasons.size < MAX_REASONS;
    const key = known ? name : 'others';
    this.#reasons.set(key, (this.#reasons.get(key) ?? 0) + 1);
  }
}

/** The `context` of a line that is a JSON object; `undefined` for a line that gives two of them. */
function contextOf({ field, notification }: InvalidNotificationError): unknown {
  if (field === 'context' || typeof notification !== 'object' || notification === null) return undefined;
  return Object.hasOwn(notification, 'context') ? (notification as Notification).context : undefined;
}

/** Whether a later attempt may succeed. HTTP statuses and binary status codes do not overlap. */
function isTemporaryStatus(statusCode = 0): boolean {
  return statusCode === StatusCode.ProcessingError || statusCode === 429 || statusCode >= 500;
}
