/** What `vitest-run.ts` and the runner inside vitest's worker exchange: a job as JSON, and a journal of lines of JSON. */

/** What a worker has to do. */
export interface Job {
  /** The instrumented text of each source file, by its absolute path. */
  readonly texts: Readonly<Record<string, string>>;
  /** The ids of the mutants to run. */
  readonly mutants: readonly string[];
  /** What a test may take beyond 1.5 times its own time. */
  readonly timeoutMs: number;
  /** A test that takes longer without any mutant is not used. */
  readonly slowMs: number;
  readonly journal: string;
}

/** How a mutant fared in one test file. */
export type Verdict = 'Killed' | 'Timeout' | 'Survived' | 'RuntimeError';

/** One line of the journal. */
export type Entry =
  /** All tests of a file were run without any mutant. */
  | { type: 'dry'; testFile: string; covered: string[]; failed: string[]; slow: string[]; ms: number }
  | { type: 'start'; testFile: string; mutant: string; budgetMs: number }
  | { type: 'end'; testFile: string; mutant: string; verdict: Verdict; by?: string; ms: number }
  /** The process can tell nothing more: a test fails without the mutant, too, or memory was not released. */
  | { type: 'unusable'; testFile: string; mutant: string }
  | { type: 'done'; testFile: string };

/** @returns the entries of a journal's text; an unfinished last line is left out */
export function readEntries(text: string): Entry[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);
}
