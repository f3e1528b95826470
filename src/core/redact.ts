/** Shortens secrets and device tokens in texts, so that errors, logs and inspected values can show the texts. */
import { printable } from './printable.js';

/** A device token as it may appear in a message or a log: cut to its first 8 hex digits. */
export function redactToken(deviceToken: string): string {
  return deviceToken.length <= 8 ? deviceToken : `${deviceToken.slice(0, 8)}…`;
}

/** Text with every run of hex digits that could be a device token cut to its first 8. */
export function redactTokens(text: string): string {
  return text.replace(/[0-9a-f]{9,}/gi, redactToken);
}

/** The form of all documented reasons, and of likely new ones: letters, and a few digits. */
const WORD = /^[A-Za-z]{1,48}\d{0,4}$/;

/**
 * The reason of a gateway if it is safe to show in a message, and `undefined` unless it is one word. A gateway may
 * echo anything that it received, including a device token or a provider token.
 */
export function redactReason(reason: string | undefined): string | undefined {
  return reason !== undefined && WORD.test(reason) && redactTokens(reason) === reason ? reason : undefined;
}

/** RFC 7515, section 3.1: every JSON Web Token begins with the base64url of `{"`. */
const PROVIDER_TOKEN = /eyJ[\w.-]*/g;

/** Shortens provider tokens. A gateway may echo a token, and anyone who reads the token can use it for an hour. */
export function redactProviderToken(text: string): string {
  return text.includes('eyJ') ? text.replace(PROVIDER_TOKEN, 'eyJ…') : text;
}

/** The name of an unknown field, safe to show in an error: one line, with at most 8 digits of a device token. */
export function redactName(name: string): string {
  const shown = redactTokens(name.slice(0, 200));
  return printable(JSON.stringify(shown.length > 40 ? `${shown.slice(0, 40)}…` : shown).slice(1, -1));
}
