/** Which outcomes another command line could change: refusals of credentials and options, not of notifications. */
import { StatusCode } from '../protocol/binary/status-code.js';
import type { ReportedOutcome } from './outcome-report.js';

/** What was refused in place of the notification: who sends, or for which app. */
export type RefusedFor = 'credentials' | 'topic';

/** Over HTTP/2, where the topic is `--topic` or the client certificate's. */
const TOPIC_REASONS = ['MissingTopic', 'BadTopic'];

/**
 * What the outcome is a refusal of; `undefined` for every other outcome.
 *
 * A 403 refuses the credentials, whatever its reason. TopicDisallowed, and status code 3 of the binary wire, say that
 * the credentials are not those of the app. A topic that is missing or wrong comes from the command line where the
 * notification names none.
 */
export function refusedFor(outcome: ReportedOutcome): RefusedFor | undefined {
  const { status, statusCode, reason, field } = outcome;
  if (status === 'invalid') return field === 'topic' && hasNoTopic(outcome) ? 'topic' : undefined;
  if (status !== 'rejected') return undefined;
  if (statusCode === 403) return 'credentials';
  if (statusCode === StatusCode.MissingTopic || reason === 'TopicDisallowed') return 'topic';
  return TOPIC_REASONS.includes(reason) && hasNoTopic(outcome) ? 'topic' : undefined;
}

/** A line that is no notification has its topic, if any, in the line. */
function hasNoTopic({ notification }: ReportedOutcome): boolean {
  return notification !== undefined && notification.topic === undefined;
}
