/** The rules for a payload's JSON text and the strings in it, independent of its keys. */

import { redactName } from '../core/redact.js';
import { repeatedKey } from '../protocol/json/repeated-key.js';
import { isObject } from './aps-value.js';
import { findValue } from './find-value.js';
import type { Http2Rule, JsonObject } from './rule.js';
import { JSON_CHARACTERS, JSON_OBJECTS, JSON_STRINGS, OBJECT_TEXT, PAYLOAD_KEYS } from './rule-sources.js';

/** The text that JavaScript makes of an object that is converted to a string. */
const OBJECT_AS_TEXT = /\[object \w+\]/;

/** No sender shows these words on purpose. */
const MISSING_AS_TEXT = /^(?:undefined|null|NaN)$/;

/** The text of an escape that was escaped twice. */
const ESCAPE_AS_TEXT = /\\(?:u[0-9a-fA-F]{4}|["n])/;

/** The parts of an alert that a person reads, `loc-args` included. */
const READ_KEYS: ReadonlySet<string> = new Set([
  'title',
  'subtitle',
  'body',
  'title-loc-args',
  'subtitle-loc-args',
  'loc-args',
]);

export const PAYLOAD_TEXT_RULES: readonly Http2Rule[] = [
  {
    id: 'payload-repeated-key',
    field: 'payload',
    severity: 'warning',
    requirement: 'No object in the payload has a key twice: parsers differ in which of the two they use.',
    source: JSON_OBJECTS,
    payloadProblem({ object, json }) {
      const key = object === undefined ? undefined : repeatedKey(json);
      return key === undefined
        ? undefined
        : `has "${redactName(key)}" twice in one object: remove one of them`;
    },
  },
  {
    id: 'payload-null',
    field: 'payload',
    severity: 'warning',
    requirement: 'No value beside `aps` is null: devices drop a notification with null in it.',
    source: PAYLOAD_KEYS,
    payloadProblem({ object = {} }) {
      const { aps: _, ...own } = object;
      const path = findValue(own, (value) => value === null);
      return path === undefined
        ? undefined
        : `has null as ${path}, and devices drop a notification with null in it: remove the key`;
    },
  },
  {
    id: 'payload-surrogate',
    field: 'payload',
    severity: 'warning',
    requirement: 'No string in the payload contains half a surrogate pair, which is not a character.',
    source: JSON_CHARACTERS,
    payloadProblem({ object = {} }) {
      const path = findValue(
        object,
        (value, key) => !key.isWellFormed() || (typeof value === 'string' && !value.isWellFormed()),
      );
      return path === undefined
        ? undefined
        : `has half a surrogate pair in ${path}, such as an emoji that was cut in two: shorten text by whole characters`;
    },
  },
  {
    id: 'payload-object-text',
    field: 'payload',
    severity: 'warning',
    requirement:
      'No string is the text that JavaScript makes of an object or, in the alert, of a missing value.',
    source: OBJECT_TEXT,
    payloadProblem({ object = {}, aps }) {
      const path = findValue(object, (value) => typeof value === 'string' && OBJECT_AS_TEXT.test(value));
      if (path !== undefined) {
        return `has the text of a JavaScript object in ${path}: give the intended property, or JSON.stringify it`;
      }
      const missing = findRead(aps, MISSING_AS_TEXT);
      return missing === undefined ? undefined : `has the text of a missing value in ${missing}`;
    },
  },
  {
    id: 'alert-escape',
    field: 'payload',
    severity: 'warning',
    requirement:
      'No text of the alert contains an escape that was escaped twice, because the device would show it.',
    source: JSON_STRINGS,
    payloadProblem({ aps }) {
      const path = findRead(aps, ESCAPE_AS_TEXT);
      return path === undefined
        ? undefined
        : `has an escape in ${path} that is escaped twice, so the device shows the escape: encode the JSON text only once`;
    },
  },
];

/** The path of the first matching text in the parts of the alert that a person reads. */
function findRead(aps: JsonObject | undefined, pattern: RegExp): string | undefined {
  const alert = aps?.['alert'];
  if (typeof alert === 'string') return pattern.test(alert) ? 'aps.alert' : undefined;
  if (!isObject(alert)) return undefined;
  const read = Object.fromEntries(Object.entries(alert).filter(([key]) => READ_KEYS.has(key)));
  const path = findValue(read, (value) => typeof value === 'string' && pattern.test(value));
  return path === undefined ? undefined : `aps.alert.${path}`;
}
