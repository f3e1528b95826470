/** Searches a JSON value of any depth without recursion. */
import { redactName } from '../core/redact.js';

/** A value, its key or index, and its container. */
interface Place {
  readonly value: unknown;
  readonly key: string;
  readonly parent: Place | undefined;
}

/** The longest path that is shown in full. */
const MAX_PATH_CHARACTERS = 80;

/**
 * The path of the first matching value, in the order of the text, such as `aps.alert.body`; `undefined` for none. The
 * path is safe to show in a message.
 *
 * @param fits is called with every value inside `root` and its key (for an element of an array, its index)
 */
export function findValue(root: object, fits: (value: unknown, key: string) => boolean): string | undefined {
  const waiting: Place[] = childrenOf(root, undefined);
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    if (fits(place.value, place.key)) return pathOf(place);
    if (typeof place.value === 'object' && place.value !== null) {
      for (const child of childrenOf(place.value, place)) waiting.push(child);
    }
  }
  return undefined;
}

/** In reverse order, so that taking values from the end gives the order of the text. */
function childrenOf(container: object, parent: Place | undefined): Place[] {
  return Object.entries(container)
    .map(([key, value]) => ({ value, key, parent }))
    .reverse();
}

function pathOf(place: Place): string {
  const names: string[] = [];
  let length = 0;
  for (let at: Place | undefined = place; at !== undefined; at = at.parent) {
    const name = redactName(at.key);
    length += name.length + 1;
    if (length > MAX_PATH_CHARACTERS) {
      names.push('…');
      break;
    }
    names.push(name);
  }
  return names.reverse().join('.');
}
