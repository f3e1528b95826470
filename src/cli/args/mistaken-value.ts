/** Recognises secrets and notifications that were given in place of a path or a word, and hides them in messages. */

import { printable, redactToken } from '../../core/redact.js';

/** The type of a value, as the words that follow "this looks like". */
export type Mistaken = 'the key' | 'a provider token' | 'a notification' | 'a device token' | 'text';

/** Paths may be longer. The first characters are enough to recognise one. */
const MAX_SHOWN = 200;

const PEM = /-----BEGIN/;
/** DER begins with a SEQUENCE of up to 64 KiB: 0x30, then a length. 48 digits hold the smallest key there is. */
const BASE64_DER = /^M[A-P][A-Za-z0-9+/_-]{46,}={0,2}$/;
/** RFC 7519: base64url({"…) . base64url({"…) . signature */
const JSON_WEB_TOKEN = /^(bearer )?eyJ[\w-]+\.[\w-]+\.[\w-]*$/i;
const JSON_TEXT = /^\s*[[{]\s*["{[\]}]/;
/** About 40 characters of base64, with upper case, lower case and digits, and without a dot: an unlikely file name. */
const LONG_BASE64 = /^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)([\w-]{40,}|(?=.*[+=])[A-Za-z0-9+/]{38,}={0,2})$/;

/** A device token has at least 32 bytes. */
const TOKEN = /[0-9a-f]{64,}/gi;

/** The type of a value that cannot be a path; `undefined` for every value that can be one. */
export function certainlyMistaken(value: string): Mistaken | undefined {
  if (PEM.test(value) || BASE64_DER.test(value)) return 'the key';
  if (JSON_WEB_TOKEN.test(value)) return 'a provider token';
  if (JSON_TEXT.test(value)) return 'a notification';
  return value.includes('\n') ? 'text' : undefined;
}

/** The most likely type of a value, if no file with that name exists. */
export function mistakenFor(value: string): Mistaken | undefined {
  const certain = certainlyMistaken(value);
  if (certain !== undefined) return certain;
  if (/^[0-9a-f]{64,}$/i.test(value.replace(/[<>\s:-]/g, ''))) return 'a device token';
  return LONG_BASE64.test(value) ? 'the key' : undefined;
}

/** A value in the form for messages: escaped, shortened, without device tokens; omitted if it looks like a secret. */
export function shownValue(value: string): string {
  if (mistakenFor(value) !== undefined) return `(${value.length} characters, not repeated here)`;
  const shown = value.replace(TOKEN, redactToken);
  return printable(shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown);
}

/** The advice for a value that should have been the path of a file with that value in it. */
export function adviceForContents(contents: string): string {
  return `this looks like ${contents} itself: write it to a file and give its path`;
}

/** The advice for an operand that cannot be an input file; `undefined` where it may be one. */
export function adviceForOperand(value: string): string | undefined {
  const mistaken = mistakenFor(value);
  switch (mistaken) {
    case undefined:
      return undefined;
    case 'a device token':
      return 'this looks like a device token: give notifications as input, one JSON object per line';
    case 'a notification':
      return 'this looks like a notification itself: write it to a file and give its path, or pipe it in';
    default:
      return adviceForContents(mistaken);
  }
}
