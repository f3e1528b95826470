/** The rules that hold on every wire, as rows of the table; `checkNotification` enforces them. */

import type { Http2Rule } from './rule.js';
import { NOTIFICATION_LINE, RESPONSES, SENDING } from './rule-sources.js';

/** The rule for a value that is not a notification. */
export const NOTIFICATION_RULE: Http2Rule = {
  id: 'notification',
  severity: 'error',
  requirement: 'A notification is a JSON object with known fields, each of them once.',
  source: NOTIFICATION_LINE,
};

/** One rule for each field. */
export const COMMON_RULES: readonly Http2Rule[] = [
  NOTIFICATION_RULE,
  {
    id: 'device-token',
    field: 'deviceToken',
    severity: 'error',
    requirement: 'The device token is hex digits for 1 to 100 bytes.',
    source: SENDING,
  },
  {
    id: 'payload',
    field: 'payload',
    severity: 'error',
    requirement: 'There is a payload: an object, or JSON text.',
    source: RESPONSES,
  },
  {
    id: 'identifier',
    field: 'identifier',
    severity: 'error',
    requirement: 'The identifier is an unsigned 32-bit number, on the wires that have one and on the others.',
    source: NOTIFICATION_LINE,
  },
  {
    id: 'expiration',
    field: 'expiration',
    severity: 'error',
    requirement: 'The expiration is a whole number of UNIX seconds below 2^32; milliseconds are not.',
    source: SENDING,
  },
  {
    id: 'priority',
    field: 'priority',
    severity: 'error',
    requirement: 'The priority is 10, 5 or 1.',
    source: SENDING,
  },
  {
    id: 'topic',
    field: 'topic',
    severity: 'error',
    requirement: 'The topic is text without control characters, and without a space at either end.',
    source: NOTIFICATION_LINE,
  },
  {
    id: 'push-type',
    field: 'pushType',
    severity: 'error',
    requirement: 'The push type is text without control characters, and without a space at either end.',
    source: NOTIFICATION_LINE,
  },
  {
    id: 'collapse-id',
    field: 'collapseId',
    severity: 'error',
    requirement: 'The collapse id is text of at most 64 bytes, without control characters.',
    source: SENDING,
  },
  {
    id: 'apns-id',
    field: 'apnsId',
    severity: 'error',
    requirement: 'The id is a UUID in lower case.',
    source: SENDING,
  },
];
