/**
 * The rules for notifications on HTTP/2: one table, and what is asked of it. The sink asks for what keeps a
 * notification from being sent, `apns-streams lint` for everything. `docs/rules.md` shows the table, and a
 * test holds the two together.
 */
import { InvalidNotificationError } from '../core/errors.js';
import {
  type CheckedNotification,
  checkNotification,
  invalidNotification,
  type Notification,
  payloadText,
} from '../core/notification.js';
import { ALERT_RULES } from './alert-rules.js';
import { isObject } from './aps-value.js';
import { COMMON_RULES, NOTIFICATION_RULE } from './common-rules.js';
import { HEADER_RULES } from './header-rules.js';
import { LIVE_ACTIVITY_RULES } from './live-activity-rules.js';
import { PAYLOAD_RULES, payloadBytesProblem } from './payload-rules.js';
import { PAYLOAD_TEXT_RULES } from './payload-text-rules.js';
import type { Http2Rule, Http2RuleContext, JsonObject, RulePayload, RuleSeverity } from './rule.js';

/** Every rule. Within each part, the rules of one field are adjacent. */
export const HTTP2_RULES: readonly Http2Rule[] = [
  ...COMMON_RULES,
  ...HEADER_RULES,
  ...PAYLOAD_RULES,
  ...ALERT_RULES,
  ...LIVE_ACTIVITY_RULES,
  ...PAYLOAD_TEXT_RULES,
];

/** The fields for rules that prevent a notification from being sent when it violates them. */
export type HeaderRuleFields = Pick<Notification, 'topic' | 'pushType' | 'priority'>;

const HEADER_ERRORS = HEADER_RULES.filter(
  ({ severity, isLeftToApns = false }) => severity === 'error' && !isLeftToApns,
);

/** One violation of a rule, ready to be written as one NDJSON line. */
export interface LintFinding {
  /** The rule's id. */
  readonly rule: string;
  readonly severity: RuleSeverity;
  /** The field that has to change; absent for the notification as a whole. */
  readonly field?: string;
  /** The problem, as text that follows the field's name. */
  readonly message: string;
  /** The page that states the rule: an address, or a file of this package. */
  readonly source: string;
}

/**
 * Checks every rule that APNs enforces, except the size of the payload: {@link checkHttp2PayloadBytes} checks that
 * after the payload has been encoded. Rules that only warn are not checked.
 *
 * @throws {InvalidNotificationError} naming the first field that breaks a rule
 */
export function checkHttp2Notification(notification: Notification, context: Http2RuleContext): void {
  checkNotification(notification);
  checkHttp2Headers(notification, context);
}

/**
 * The part of {@link checkHttp2Notification} that is about this wire alone. Which rule is broken, if any, depends on
 * {@link HeaderRuleFields}, on whether it is a broadcast, and on nothing else of the notification.
 *
 * @throws {InvalidNotificationError} naming the first field that breaks a rule
 */
export function checkHttp2Headers(notification: CheckedNotification, context: Http2RuleContext): void {
  for (const { field, problem } of HEADER_ERRORS) {
    const text = problem?.(notification as Notification, context);
    if (text !== undefined) throw invalidNotification(notification, field ?? '', text);
  }
}

/**
 * Checks the size of a payload, in bytes of UTF-8.
 *
 * @param broadcast whether it goes to a channel, and not to a device
 * @throws {InvalidNotificationError} if it is larger than APNs takes for the push type
 */
export function checkHttp2PayloadBytes(
  notification: CheckedNotification,
  bytes: number,
  broadcast = false,
): void {
  const problem = payloadBytesProblem(bytes, notification.pushType, broadcast, notification.payload);
  if (problem !== undefined) throw invalidNotification(notification, 'payload', problem);
}

/**
 * Every rule that a notification breaks, in the order of the table; an empty list if there is none. If it breaks a
 * rule of both wires, only that finding is listed: the other rules do not apply to an invalid notification.
 *
 * It reads the whole payload, so it is too slow for sending.
 */
export function lintNotification(
  notification: Notification,
  context: Http2RuleContext,
): readonly LintFinding[] {
  let payload: RulePayload;
  try {
    checkNotification(notification);
    payload = readPayload(notification);
  } catch (error) {
    if (error instanceof InvalidNotificationError) return [findingOfError(error)];
    throw error;
  }
  return HTTP2_RULES.flatMap((rule) => {
    const problems =
      rule.problem?.(notification, context) ?? rule.payloadProblem?.(payload, notification, context) ?? [];
    return [problems].flat().map((problem) => finding(rule, rule.field, problem));
  });
}

/** The finding for what `checkNotification`, or the parser of a line, has refused. */
export function findingOfError({ field, problem }: InvalidNotificationError): LintFinding {
  const rule = COMMON_RULES.find((candidate) => candidate.field === field) ?? NOTIFICATION_RULE;
  return finding(rule, field, problem);
}

function finding(rule: Http2Rule, field: string | undefined, problem: string): LintFinding {
  return {
    rule: rule.id,
    severity: rule.severity,
    ...(field === undefined ? {} : { field }),
    message: problem,
    source: rule.source.url,
  };
}

function readPayload(notification: Notification): RulePayload {
  const encoded = payloadText(notification);
  const json =
    typeof encoded === 'string'
      ? Buffer.from(encoded)
      : Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length);
  const object = parseObject(json.toString());
  const aps = object?.['aps'];
  return { json, object, aps: isObject(aps) ? aps : undefined };
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
