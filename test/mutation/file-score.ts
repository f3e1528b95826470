/** What a mutation run says of one source file, without the mutants that change no behaviour. */
import type { Equivalents } from './equivalents.js';
import { type Change, changeOf, type ReportedFile, type ReportedMutant } from './mutant.js';

/** A mutant that no test noticed. */
export interface Survivor extends Change {
  readonly line: number;
  readonly mutator: string;
  /** Whether no test runs this code at all. */
  readonly isUncovered: boolean;
}

/** The result for one source file. */
export interface FileScore {
  readonly file: string;
  readonly noticed: number;
  readonly survivors: readonly Survivor[];
  /** How many survivors are listed as equivalent. */
  readonly equivalent: number;
  /** What is listed and is no survivor: the code has changed, or a test notices. */
  readonly stale: readonly Change[];
}

const NOTICED: ReadonlySet<ReportedMutant['status']> = new Set(['Killed', 'Timeout']);

/** Counts the mutants of a file. Those that are ignored, or do not compile, do not count. */
export function scoreFile(file: string, { source, mutants }: ReportedFile, listed: Equivalents): FileScore {
  const survivors: Survivor[] = [];
  const stale = new Map(listed.of(file).map((change) => [`${change.before}\n${change.after}`, change]));
  let noticed = 0;
  let equivalent = 0;
  for (const mutant of mutants) {
    if (NOTICED.has(mutant.status)) noticed++;
    if (mutant.status !== 'Survived' && mutant.status !== 'NoCoverage') continue;
    const change = changeOf(source, mutant);
    if (listed.has(file, change)) {
      equivalent++;
      stale.delete(`${change.before}\n${change.after}`);
    } else {
      const isUncovered = mutant.status === 'NoCoverage';
      survivors.push({
        ...change,
        line: mutant.location.start.line,
        mutator: mutant.mutatorName,
        isUncovered,
      });
    }
  }
  survivors.sort((a, b) => a.line - b.line);
  return { file, noticed, survivors, equivalent, stale: [...stale.values()] };
}

/** @returns the share of noticed mutants in per cent, of one file or of several; 100 if there are none */
export function percentage(scores: readonly FileScore[]): number {
  const noticed = scores.reduce((sum, score) => sum + score.noticed, 0);
  const all = scores.reduce((sum, score) => sum + score.noticed + score.survivors.length, 0);
  return all === 0 ? 100 : (100 * noticed) / all;
}
