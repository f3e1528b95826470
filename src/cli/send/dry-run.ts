/** `send --dry-run`: does everything except sending. */
import { Transform } from 'node:stream';
import { InvalidNotificationError } from '../../core/errors.js';
import type { Notification } from '../../core/notification.js';
import { createOutcome, createOutcomeCounts, type OutcomeCounts } from '../../core/outcome.js';

/** A Transform from notifications to `invalid` outcomes. Valid notifications are only counted. */
export class DryRun extends Transform {
  readonly counts: OutcomeCounts = createOutcomeCounts();
  /** The number of notifications that could be sent. */
  valid = 0;

  constructor(check: (notification: Notification) => void) {
    super({
      objectMode: true,
      transform: (notification: Notification, _encoding, callback) => {
        try {
          check(notification);
          this.valid++;
          callback();
        } catch (error) {
          if (!(error instanceof InvalidNotificationError)) {
            callback(error as Error);
            return;
          }
          this.counts.invalid++;
          const { field, problem: message } = error;
          callback(null, createOutcome(notification, { status: 'invalid', field, message }));
        }
      },
    });
  }
}
