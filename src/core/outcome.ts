/** The outcome of a notification: exactly one for each, and counts that always add up. */
import type { InspectOptions, inspect as inspectValue } from 'node:util';
import type { BroadcastNotification, Notification } from './notification.js';
import type { OutcomeReason } from './reason.js';
import { redactProviderToken, redactToken } from './redact.js';
import { getSourceLine } from './source-line.js';

/**
 * - `accepted`: there is proof. Over HTTP/2, the response has status 200; on the binary wire, an error response named a
 *   later frame or a checkpoint.
 * - `rejected`: the gateway rejected it.
 * - `invalid`: failed local validation, never sent.
 * - `unsent`: not processed by the gateway, and not retried (timeout, abort, no attempts left).
 * - `unknown`: written, but the connection ended before the gateway reported a result.
 * - `presumed`: the binary protocol without checkpoints: no rejection arrived in time. It does not mean accepted.
 */
export type OutcomeStatus = 'accepted' | 'rejected' | 'invalid' | 'unsent' | 'unknown' | 'presumed';

/** The facts of an outcome that do not depend on its status. */
interface CommonFacts<C> {
  /** 1-based NDJSON line the notification was parsed from. */
  readonly line?: number;
  /** The identifier the notification carried on the binary wire, or the one it asked for. */
  readonly identifier?: number;
  /** The device token in hex, as it was given. */
  readonly deviceToken?: string;
  /** HTTP/2: the channel of a broadcast, instead of a device token. */
  readonly channelId?: string;
  /** HTTP/2: the notification's UUID, the same for every attempt. */
  readonly apnsId?: string;
  /** HTTP/2 sandbox only: the id of the notification in Apple's delivery log. */
  readonly apnsUniqueId?: string;
  /** The gateway's own number: a binary status code (0 to 255) or an HTTP status. */
  readonly statusCode?: number;
  /** `Unregistered` and `ExpiredToken`: UNIX milliseconds since when the token is no longer valid. */
  readonly timestamp?: number;
  /** HTTP/2: the delay in `retry-after`, in milliseconds. */
  readonly retryAfterMs?: number;
  /** `invalid`: the field that breaks a rule. */
  readonly field?: string;
  /** A text that adds details to `reason`; for `unsent`, the last connection error. */
  readonly message?: string;
  /** How often it was written to a connection, if more than once. */
  readonly attempts?: number;
  /** The notification's own `context`, untouched. */
  readonly context?: C;
  /** The very object that was written. Not enumerable: it is not part of the NDJSON line. */
  readonly notification?: Notification<C> | BroadcastNotification<C>;
}

/** The fields of an outcome other than its status. A fact that is not known has no field. `C` is the type of `context`. */
export interface OutcomeFacts<C = unknown> extends CommonFacts<C> {
  /** PascalCase, such as `InvalidToken` or `BadDeviceToken`; for `unsent` and `unknown`, why. */
  readonly reason?: OutcomeReason;
}

/**
 * One notification's outcome, ready to be written as one NDJSON line; `status` says which facts are there.
 * `C` is the type of `context`.
 */
export type Outcome<C = unknown> = CommonFacts<C> &
  (
    | { readonly status: 'accepted' | 'presumed'; readonly reason?: OutcomeReason }
    | { readonly status: 'rejected'; readonly statusCode: number; readonly reason: OutcomeReason }
    | { readonly status: 'invalid'; readonly message: string; readonly reason?: OutcomeReason }
    | { readonly status: 'unsent' | 'unknown'; readonly reason: OutcomeReason }
  );

/** What a delivery yields: an outcome with the very object that was written to it. */
export type DeliveryOutcome<C = unknown> = Outcome<C> & {
  readonly notification: Notification<C> | BroadcastNotification<C>;
};

/** The number of notifications for each outcome. All counts except `resent` add up to the notifications taken. */
export interface OutcomeCounts {
  accepted: number;
  rejected: number;
  invalid: number;
  unsent: number;
  unknown: number;
  presumed: number;
  /**
   * How often notifications were written to a connection again after the first time, for any reason: the gateway
   * discarded or refused them, asked for a later attempt, or left their outcome unknown.
   */
  resent: number;
}

/** Creates counts that are all 0. */
export function createOutcomeCounts(): OutcomeCounts {
  return { accepted: 0, rejected: 0, invalid: 0, unsent: 0, unknown: 0, presumed: 0, resent: 0 };
}

/** The number of notifications with an outcome: the sum of all counts except `resent`. */
export function settledCount(counts: Readonly<OutcomeCounts>): number {
  return (
    counts.accepted + counts.rejected + counts.invalid + counts.unsent + counts.unknown + counts.presumed
  );
}

/** The result of a notification, without the notification. */
export interface Settlement {
  readonly status: OutcomeStatus;
  readonly statusCode?: number | undefined;
  readonly reason?: string | undefined;
  readonly timestamp?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly field?: string | undefined;
  readonly message?: string | undefined;
  readonly apnsUniqueId?: string | undefined;
}

/** Facts about the sending that an outcome repeats. */
export interface SendingFacts {
  /** The identifier on the binary wire, where the notification did not name one itself. */
  readonly identifier?: number | undefined;
  /** How often it was written to a connection. */
  readonly attempts?: number | undefined;
  /** HTTP/2: the id it was sent under, where it did not name one itself. */
  readonly apnsId?: string | undefined;
}

/** The fields of its notification that an outcome repeats. */
export interface OutcomeSubject {
  readonly identifier?: number | undefined;
  readonly deviceToken?: string | undefined;
  readonly channelId?: string | undefined;
  readonly apnsId?: string | undefined;
  readonly context?: unknown;
}

/**
 * The outcome of a notification.
 *
 * Only known facts become properties, always in the same order, so that an outcome is equal to the parsed line that
 * it is written as. `notification` is a getter on the prototype: `JSON.stringify`, spreading and
 * `util.inspect` omit it. If reading the subject throws, as getters may, the outcome has none of its fields: every
 * notification gets an outcome.
 *
 * @param subject the fields that were sent: those of the notification, or a record of them
 * @param given the object that was written
 */
export function createOutcome(
  subject: Notification | OutcomeSubject,
  settlement: Settlement,
  facts: SendingFacts = {},
  given: Notification = subject as Notification,
): DeliveryOutcome {
  try {
    return new SettledNotification(subject, given, settlement, facts) as DeliveryOutcome;
  } catch {
    return new SettledNotification({}, given, settlement, facts) as DeliveryOutcome;
  }
}
const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

class SettledNotification implements OutcomeFacts {
  declare readonly status: OutcomeStatus;
  declare readonly line?: number;
  declare readonly identifier?: number;
  declare readonly deviceToken?: string;
  declare readonly channelId?: string;
  declare readonly apnsId?: string;
  declare readonly apnsUniqueId?: string;
  declare readonly statusCode?: number;
  declare readonly reason?: string;
  declare readonly timestamp?: number;
  declare readonly field?: string;
  declare readonly message?: string;
  declare readonly attempts?: number;
  declare readonly context?: unknown;
  readonly #notification: Notification;

  constructor(subject: OutcomeSubject, given: Notification, settlement: Settlement, facts: SendingFacts) {
    this.status = settlement.status;
    const line = getSourceLine(given);
    if (line !== undefined) this.line = line;
    const { identifier = facts.identifier, deviceToken, channelId, context } = subject;
    // The fields of an invalid notification may have any type.
    if (typeof identifier === 'number') this.identifier = identifier;
    if (typeof deviceToken === 'string') this.deviceToken = deviceToken;
    else if (typeof channelId === 'string') this.channelId = channelId;
    const apnsId = subject.apnsId ?? facts.apnsId;
    if (typeof apnsId === 'string') this.apnsId = apnsId;
    if (settlement.status !== 'accepted') this.#explain(settlement);
    if (settlement.apnsUniqueId !== undefined)
      this.apnsUniqueId = redactProviderToken(settlement.apnsUniqueId);
    if (facts.attempts !== undefined && facts.attempts > 1) this.attempts = facts.attempts;
    if (context !== undefined) this.context = context;
    this.#notification = given;
  }

  get notification(): Notification {
    return this.#notification;
  }

  /** Shortens the device token, because outcomes are often logged. The property and JSON contain the whole token. */
  [INSPECT](_depth: number, options: InspectOptions, inspect: typeof inspectValue): string {
    const { deviceToken } = this;
    const shown =
      deviceToken === undefined ? { ...this } : { ...this, deviceToken: redactToken(deviceToken) };
    return `Outcome ${inspect(shown, options)}`;
  }

  #explain({ statusCode, reason, timestamp, retryAfterMs, field, message }: Settlement): void {
    const self = this as { -readonly [Fact in keyof OutcomeFacts]: OutcomeFacts[Fact] };
    if (statusCode !== undefined) self.statusCode = statusCode;
    if (reason !== undefined) self.reason = redactProviderToken(reason);
    if (timestamp !== undefined) self.timestamp = timestamp;
    if (retryAfterMs !== undefined) self.retryAfterMs = retryAfterMs;
    if (field !== undefined) self.field = field;
    if (message !== undefined) self.message = message;
  }
}
