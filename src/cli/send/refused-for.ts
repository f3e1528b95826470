/** Finds outcomes that a corrected command line can change: refusals of credentials and options. */
import type { Outcome } from '../../core/outcome.js';
import { StatusCode } from '../../protocol/binary/status-code.js';

/** The actual cause of a refusal: the credentials of the sender, or the topic. */
export type RefusedFor = 'credentials' | 'topic';

/** Reasons over HTTP/2 that concern a topic from `--topic` or from the client certificate. */
const TOPIC_REASONS = ['MissingTopic', 'BadTopic'];

/**
 * Whether the outcome refuses the credentials or the topic; `undefined` for every other outcome.
 *
 * A 403 refuses the credentials, whatever its reason. TopicDisallowed, and status code 3 of the binary wire, mean that
 * the credentials do not belong to the app. If the notification has no topic, a missing or wrong topic comes from the
 * command line.
 */
export function refusedFor(outcome: Outcome): RefusedFor | undefined {
  const { status, statusCode, reason, field } = outcome;
  if (status === 'invalid') return field === 'topic' && hasNoTopic(outcome) ? 'topic' : undefined;
  if (status !== 'rejected') return undefined;
  if (statusCode === 403) return 'credentials';
  if (statusCode === StatusCode.MissingTopic || reason === 'TopicDisallowed') return 'topic';
  return TOPIC_REASONS.includes(reason) && hasNoTopic(outcome) ? 'topic' : undefined;
}

/** A line that is not a notification has its topic, if any, in the line. */
function hasNoTopic({ notification }: Outcome): boolean {
  return notification !== undefined && notification.topic === undefined;
}
