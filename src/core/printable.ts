/** Escapes text from peers, inputs and file names for messages and terminals. It is the only module that does this. */

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
