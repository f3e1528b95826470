/** Shortens secrets and device tokens in texts, so that errors, logs and inspected values can show the texts. */
import { printable } from './printable.js';

/** A device token as it may appear in a message or a log: cut to its first 8 hex digits. */
export function shortToken(deviceToken: string): string {
  return deviceToken.length <= 8 ? deviceToken : `${deviceToken.slice(0, 8)}…`;
}

/** Text with every run of hex digits that could be a device token cut to its first 8. */
export function withoutTokens(text: string): string {
  return text.replace(/[0-9a-f]{9,}/gi, shortToken);
}

/** A reason in the form that all documented ones have, and every likely new one: letters, and a few digits. */
const WORD = /^[A-Za-z]{1,48}\d{0,4}$/;

/**
 * The reason a gateway gives, as it may stand in a message: `undefined` unless it is a word. What a gateway
 * sends back may be anything that was sent to it, a device token and a provider token included.
 */
export function shownReason(reason: string | undefined): string | undefined {
  return reason !== undefined && WORD.test(reason) && withoutTokens(reason) === reason ? reason : undefined;
}

/** RFC 7515, section 3.1: every JSON Web Token begins with the base64url of `{"`. */
const PROVIDER_TOKEN = /eyJ[\w.-]*/g;

/** What a gateway says may be what was said to it; a provider token is of use for an hour to whoever reads it. */
export function withoutProviderToken(text: string): string {
  return text.includes('eyJ') ? text.replace(PROVIDER_TOKEN, 'eyJ…') : text;
}

/** An unknown field's name as it may stand in an error: one line, and 8 digits of a device token at most. */
export function shownName(name: string): string {
  const shown = withoutTokens(name.slice(0, 200));
  return printable(JSON.stringify(shown.length > 40 ? `${shown.slice(0, 40)}…` : shown).slice(1, -1));
}
