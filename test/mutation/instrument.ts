/** Puts the mutants of source files into their text, each behind a switch. Stryker's instrumenter does that. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isProse } from './is-prose.js';
import type { Position, ReportedMutant } from './mutant.js';

const INSTRUMENTER = 'test/mutation/node_modules/@stryker-mutator/instrumenter/dist/src/index.js';

/** A mutant in an instrumented text, which is active while `__stryker__.activeMutant` is its id. */
export interface PlacedMutant extends Omit<ReportedMutant, 'status'> {
  readonly id: string;
  readonly file: string;
  /** Whether it changes only a text for people. Such a mutant is not run. */
  readonly isIgnored: boolean;
}

/** Source files that contain all their mutants. */
export interface Instrumented {
  /** The text of each source file, by its path. */
  readonly texts: Readonly<Record<string, string>>;
  readonly mutants: readonly PlacedMutant[];
}

/** What is used of Stryker's instrumenter. It counts lines and columns from 0. */
interface Instrumenter {
  instrument(
    files: readonly { name: string; content: string; mutate: true }[],
    options: { plugins: null; excludedMutations: string[]; ignorers: object[] },
  ): Promise<{ files: { name: string; content: string }[]; mutants: StrykerMutant[] }>;
}

interface StrykerMutant {
  readonly id: string;
  readonly fileName: string;
  readonly mutatorName: string;
  readonly replacement: string;
  readonly location: { readonly start: Position; readonly end: Position };
  readonly status?: string;
}

const SILENT = { debug() {}, info() {}, warn() {}, isDebugEnabled: () => false };

/** @param files paths of source files, each relative to the working directory */
export async function instrument(files: readonly string[]): Promise<Instrumented> {
  const { Instrumenter } = (await import(pathToFileURL(resolve(INSTRUMENTER)).href)) as {
    Instrumenter: new (log: object) => Instrumenter;
  };
  const sources = files.map((name) => ({ name, content: readFileSync(name, 'utf8'), mutate: true as const }));
  const prose = {
    shouldIgnore: ({ node }: { node: Parameters<typeof isProse>[0] }) =>
      isProse(node) ? 'a text for people' : undefined,
  };
  const options = { plugins: null, excludedMutations: [], ignorers: [prose] };
  const result = await new Instrumenter(SILENT).instrument(sources, options);
  return {
    texts: Object.fromEntries(result.files.map(({ name, content }) => [name, content])),
    mutants: result.mutants.map(
      ({ id, fileName, mutatorName, replacement, location: { start, end }, status }) => ({
        id,
        file: fileName,
        mutatorName,
        replacement,
        location: { start: fromOne(start), end: fromOne(end) },
        isIgnored: status === 'Ignored',
      }),
    ),
  };
}

function fromOne({ line, column }: Position): Position {
  return { line: line + 1, column: column + 1 };
}
