/** The interface between a delivery and a protocol. Each protocol implements it once. */
import type { ApnsError } from '../core/errors.js';
import type { Notification } from '../core/notification.js';
import type { Outcome, OutcomeCounts, Settlement } from '../core/outcome.js';

/** A source of outcomes. */
export interface OutcomeReader {
  /** The number of outcomes that are not read yet. */
  readonly unread: number;
  /** From now on outcomes are kept until they are read; `onSettled` says that there are more. */
  startReading(onSettled: () => void): void;
  /** From now on only counts are kept. */
  stopReading(): void;
  /** The next outcome, or `undefined` when all have been read. */
  shift(): Outcome | undefined;
}

/** Sends notifications over one protocol, and settles each exactly once. */
export interface NotificationSender {
  readonly counts: OutcomeCounts;
  readonly outcomes: OutcomeReader;
  /**
   * Takes a notification, unless the window is full: then returns false, and `onRoom` says when to ask again.
   *
   * @throws {InvalidNotificationError} if it breaks a rule of this protocol; the sender has not taken it
   */
  send(notification: Notification): boolean;
  /** Settles a notification without sending it. */
  settle(notification: Notification, settlement: Settlement): void;
  /** Outcomes were read, which may have made room. */
  onRead(): void;
  /** Settles everything, closes every connection, then calls back once. */
  end(callback: (error?: ApnsError) => void): void;
  /** Settles everything at once with what is known, and drops every connection. */
  destroy(reason: string): void;
}

/** The callbacks of a sender to the stream that owns it. */
export interface NotificationSenderEvents {
  /** The window has room again. */
  onRoom(): void;
  /** The sending has failed, and every notification is settled. */
  onFail(error: ApnsError): void;
}
