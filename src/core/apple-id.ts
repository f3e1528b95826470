/** The ids that Apple gives to keys and teams. */

/** The form of such an id, as the words of every message about it. */
export const APPLE_ID_FORM = '10 letters and digits';

const LENGTH = 10;

/** The problem with an id, as text that follows its name, or `undefined`. The text does not repeat the id. */
export function appleIdProblem(id: string): string | undefined {
  if (/[^A-Za-z0-9]/.test(id)) return `must be ${APPLE_ID_FORM}, got another character`;
  if (id.length === LENGTH) return undefined;
  return `must be ${APPLE_ID_FORM}, got ${id.length === 0 ? 'an empty string' : `${id.length} characters`}`;
}
