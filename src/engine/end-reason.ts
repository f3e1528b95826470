/** The outcome of notifications that are not sent because the sending has ended. */
import { reasonOf } from '../connection/connection-error.js';
import { ApnsError } from '../core/errors.js';
import type { Settlement } from '../core/outcome.js';

/** The reason of outcomes after the sending has ended: that of the failure, or `Aborted` if nothing failed. */
export function endReason(error: Error | null | undefined): string {
  return error instanceof ApnsError && error.code !== 'APNS_ERR_CLOSED' ? reasonOf(error) : 'Aborted';
}

/** The settlement of a notification that was never taken. */
export function unsentSettlement(error: Error | null | undefined): Settlement {
  const message = error instanceof ApnsError ? error.message : undefined;
  return { status: 'unsent', reason: endReason(error), message };
}
