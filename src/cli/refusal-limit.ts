/** Ends a run in which the topic of every notification is refused, before all of the input has been refused. */
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { grouped } from './figures.js';
import type { ReportedOutcome } from './outcome-report.js';
import type { RefusedFor } from './refused-for.js';

/** So many refusals, and nothing else, are no accident of single notifications. */
const LIMIT = 100;

/** Counts until something else than a refusal of the topic comes. Refused credentials fail the delivery by themselves. */
export class RefusalLimit {
  #refused = 0;
  #isOver = false;

  /** True from the first outcome on that shows that the command line is not wrong for every notification. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The error that the run ends with, when this outcome is the one that reaches the limit. */
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
    `the first ${grouped(LIMIT)} notifications cannot be sent because of their topic (${message}), so sending stopped`,
    { hint: 'give --topic ID, or a topic in every notification, and run again' },
  );
}

function disallowedTopic(reason = ''): CommandError {
  return new CommandError(
    ExitCode.CredentialsRefused,
    `the gateway refused the topic of the first ${grouped(LIMIT)} notifications (${reason}), so sending stopped`,
    { hint: 'check that --topic and the credentials are those of this app, and run again' },
  );
}
