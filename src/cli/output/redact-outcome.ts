/** `send --redact-tokens`: shortens device tokens in outcomes, so that outcomes can be shared. */

import type { OutcomeFacts } from '../../core/outcome.js';
import { redactToken, redactTokens } from '../../core/redact.js';

/**
 * The outcome with its device token cut to 8 characters, and none in what is said about it: a gateway's reason
 * may repeat what it was sent. All else, `context` included, is as it was.
 */
export function redactOutcome<T extends OutcomeFacts>(outcome: T): T {
  const { deviceToken, reason, message } = outcome;
  return {
    ...outcome,
    ...(deviceToken === undefined ? {} : { deviceToken: redactToken(deviceToken) }),
    ...(reason === undefined ? {} : { reason: redactTokens(reason) }),
    ...(message === undefined ? {} : { message: redactTokens(message) }),
  };
}
