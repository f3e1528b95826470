/** Ends a run early if the topic of every notification is refused. */
import { CommandError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { grouped } from '../output/format-number.js';
import type { ReportedOutcome } from './outcome-report.js';
import type { RefusedFor } from './refused-for.js';

/** This many refusals without any other outcome show that the command line is wrong, and not single notifications. */
const LIMIT = 100;

/** Counts refusals of the topic until another outcome arrives. Refused credentials make the delivery itself fail. */
export class RefusalLimit {
  #refused = 0;
  #isOver = false;

  /** True after the first outcome that shows that the command line is not wrong for every notification. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The error that ends the run, if this outcome reaches the limit. */
  count(outcome: ReportedOutcome, refused: RefusedFor | undefined): CommandError | undefined {
    const { status } = outcome;
    if (status === 'accepted' || status === 'presumed') this.#isOver = true;
    if (status === 'rejected' && refused === undefined) this.#isOver = true;
    if (this.#isOver || refused !== 'topic' || ++this.#refused !== LIMIT) return undefined;
    return status === 'invalid' ? missingTopic(outcome.message) : disallowedTopic(outcome.reason);
  }
}

function missingTopic(message: string): CommandError {
  return new CommandError(
    ExitCode.BadConfiguration,
    `the first ${grouped(LIMIT)} notifications cannot be sent because of their topic (${message}), so the command stopped sending`,
    { hint: 'give --topic ID, or a topic in every notification, and run again' },
  );
}

function disallowedTopic(reason = ''): CommandError {
  return new CommandError(
    ExitCode.CredentialsRefused,
    `the gateway refused the topic of the first ${grouped(LIMIT)} notifications (${reason}), so the command stopped sending`,
    { hint: 'check that --topic and the credentials are those of this app, and run again' },
  );
}
