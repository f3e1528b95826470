/** Defines the type of a rule for HTTP/2 notifications. The table of rules is in `rules.ts`. */
import type { Notification } from '../core/notification.js';

/** How the notification will be sent, as far as rules depend on it. */
export interface Http2RuleContext {
  /** How the provider authenticates: with a provider token or a client certificate. */
  readonly auth: 'token' | 'certificate';
  /** The topic of notifications without one. */
  readonly defaultTopic?: string | undefined;
}

/** `error`: APNs refuses it. `warning`: APNs takes it, and it is most likely not what was meant. */
export type RuleSeverity = 'error' | 'warning';

/** The source of a rule. */
export interface RuleSource {
  readonly title: string;
  readonly url: string;
}

/** A payload that is a JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The payload as rules look at it. */
export interface RulePayload {
  /** The bytes that are sent, in UTF-8. */
  readonly json: Buffer;
  /** `undefined` when it is not the JSON text of an object. */
  readonly object: JsonObject | undefined;
  /** The `aps` dictionary in it, where that is an object. */
  readonly aps: JsonObject | undefined;
}

/** One row of the table. */
export interface Http2Rule {
  /** Kebab-case; never changes its meaning. */
  readonly id: string;
  /** The field that has to change; absent for the notification as a whole. */
  readonly field?: keyof Notification;
  readonly severity: RuleSeverity;
  /**
   * Of an error: the sink sends it all the same and APNs decides, because Apple may allow more than was documented when
   * this package was made.
   */
  readonly isLeftToApns?: true;
  /** The rule as one sentence. */
  readonly requirement: string;
  readonly source: RuleSource;
  /**
   * What is wrong, as text that follows the field's name, or `undefined`. Absent for rules that hold on
   * every wire: `checkNotification` enforces them.
   */
  readonly problem?: (notification: Notification, context: Http2RuleContext) => string | undefined;
  /** The same for rules about the payload, which is parsed only for them. It returns a text for each wrong key or value. */
  readonly payloadProblem?: (
    payload: RulePayload,
    notification: Notification,
    context: Http2RuleContext,
  ) => string | readonly string[] | undefined;
}
