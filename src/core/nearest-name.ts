/** "Did you mean …?": the known name that a mistyped one most resembles. */

/** Names longer than this resemble nothing; it also bounds the work an attacker's field name can cause. */
const MAX_LENGTH = 40;

/**
 * The known name nearest to `name`, by edit distance over letters alone, so that case and hyphens do not
 * count; `undefined` when more than a third of the letters differ, which is no typing mistake any more.
 */
export function nearestName<Name extends string>(name: string, known: readonly Name[]): Name | undefined {
  const wanted = letters(name);
  if (wanted.length < 2 || wanted.length > MAX_LENGTH) return undefined;
  let best: Name | undefined;
  let bestDistance = Math.floor(wanted.length / 3) + 1;
  for (const candidate of known) {
    const letterForm = letters(candidate);
    // So many letters have to come or go at least.
    if (Math.abs(wanted.length - letterForm.length) >= bestDistance) continue;
    const distance = editDistance(wanted, letterForm);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  if (best !== undefined || wanted.length < 3) return best;
  return known.find((candidate) => {
    const letterForm = letters(candidate);
    // A match in the middle of a name is a coincidence, such as "aps" in "collapseId".
    return letterForm.startsWith(wanted) || letterForm.endsWith(wanted) || wanted.includes(letterForm);
  });
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Levenshtein distance where two letters in the wrong order are one mistake (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const aligned = Math.min(substituted, row[j]! + 1, next[j - 1]! + 1);
      next.push(swapped ? Math.min(aligned, before[j - 2]! + 1) : aligned);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
