/** What a delivery needs of a wire: notifications in, settlements out. Each wire implements it once. */
import type { ApnsError } from '../core/errors.js';
import type { Notification } from '../core/notification.js';
import type { Outcome, OutcomeCounts, Settlement } from '../core/outcome.js';

/** Where outcomes come from. */
export interface OutcomeReader {
  /** Outcomes that wait to be read. */
  readonly unread: number;
  /** From now on outcomes are kept until they are read; `onSettled` says that there are more. */
  startReading(onSettled: () => void): void;
  /** From now on only counts are kept. */
  stopReading(): void;
  /** The next outcome, or `undefined` when all have been read. */
  shift(): Outcome | undefined;
}

/** Sends notifications over one wire. Whatever was taken is settled exactly once. */
export interface NotificationSender {
  readonly counts: OutcomeCounts;
  readonly outcomes: OutcomeReader;
  /**
   * Takes a notification, unless the window is full: then returns false, and `onRoom` says when to ask again.
   *
   * @throws {InvalidNotificationError} if it breaks a rule of this wire; it was not taken then
   */
  send(notification: Notification): boolean;
  /** Settles, without sending it, a notification that the stream around this was given. */
  settle(notification: Notification, settlement: Settlement): void;
  /** Outcomes were read, which may have made room. */
  onRead(): void;
  /** Settles everything, closes every connection, then calls back once. */
  end(callback: (error?: ApnsError) => void): void;
  /** Settles everything at once with what is known, and drops every connection. */
  destroy(reason: string): void;
}

/** What a sender tells the stream around it. */
export interface NotificationSenderEvents {
  /** The window has room again. */
  onRoom(): void;
  /** The sending has ended by itself; everything that was taken is settled. */
  onFail(error: ApnsError): void;
}
