/**
 * Makes texts safe to show in errors, logs and terminals: shortens secrets and device tokens, and escapes control
 * characters. It is the only module that does this.
 */

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

/**
 * Control characters (C0 and C1), format characters (among them those that reverse the direction of text),
 * separators of lines and paragraphs, and halves of surrogate pairs: Unicode's categories Cc, Cf, Zl, Zp and Cs.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * `text` with every character that would control a terminal, or be invisible or reordered there, written as `\uXXXX`.
 * The result is one line. JSON text keeps its meaning unless it has newlines between its tokens.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeUnits);
}

function escapeUnits(character: string): string {
  let escaped = '';
  for (let i = 0; i < character.length; i++) {
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
