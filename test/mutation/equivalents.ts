/**
 * The list of mutants that change no behaviour, which docs/internals/mutants.md keeps: a heading per source file, a
 * reason, and a diff block with the changes that the reason is about.
 *
 *     ## src/protocol/packet-reader.ts
 *
 *     The buffer is only allocated earlier.
 *
 *     ```diff
 *     - if (length > 0) this.#grow(length);
 *     + if (true) this.#grow(length);
 *     + if (length >= 0) this.#grow(length);
 *     ```
 *
 * Each line with `+` is one mutant of the line with `-` above it. Line numbers play no part.
 */
import { type Change, oneLine } from './mutant.js';

const FILE_HEADING = /^#+ (src\/\S+)$/;

/** The listed changes of each source file. A change whose line occurs twice in a file stands for both. */
export class Equivalents {
  readonly #byFile = new Map<string, Map<string, Change>>();

  /** @throws {Error} naming the line that cannot be understood */
  constructor(markdown: string) {
    let listed: Map<string, Change> | undefined;
    let isDiff = false;
    let before: string | undefined;
    for (const [index, line] of markdown.split('\n').entries()) {
      const file = FILE_HEADING.exec(line)?.[1];
      if (file !== undefined) {
        listed = this.#byFile.get(file) ?? new Map();
        this.#byFile.set(file, listed);
      } else if (line.startsWith('```')) {
        isDiff = line === '```diff' && listed !== undefined;
        before = undefined;
      } else if (isDiff && line.startsWith('-')) {
        before = oneLine(line.slice(1));
      } else if (isDiff && line.startsWith('+') && before !== undefined) {
        const change = { before, after: oneLine(line.slice(1)) };
        listed!.set(keyOf(change), change);
      } else if (isDiff && line.trim() !== '') {
        throw new Error(`line ${index + 1} is neither "- BEFORE" nor "+ AFTER" below one: ${line}`);
      }
    }
  }

  /** Whether this change of a file is listed. */
  has(file: string, change: Change): boolean {
    return this.#byFile.get(file)?.has(keyOf(change)) ?? false;
  }

  /** @returns what is listed for a file */
  of(file: string): readonly Change[] {
    return [...(this.#byFile.get(file)?.values() ?? [])];
  }
}

function keyOf({ before, after }: Change): string {
  return `${before}\n${after}`;
}
