/** What Stryker's JSON report says of a file, and how one of its mutants reads as a change of the source. */

/** A position in a source file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One mutant, as https://github.com/stryker-mutator/mutation-testing-elements defines it. */
export interface ReportedMutant {
  readonly mutatorName: string;
  readonly replacement: string;
  readonly status:
    | 'Killed'
    | 'Survived'
    | 'NoCoverage'
    | 'Timeout'
    | 'CompileError'
    | 'RuntimeError'
    | 'Ignored'
    | 'Pending';
  readonly location: { readonly start: Position; readonly end: Position };
}

/** One source file in the report. */
export interface ReportedFile {
  readonly source: string;
  readonly mutants: readonly ReportedMutant[];
}

/** The lines that a mutant changes, before and after, each as one line without needless space. */
export interface Change {
  readonly before: string;
  readonly after: string;
}

/** One line, with one space wherever there was any. */
export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}

/** @returns the whole lines that a mutant touches, so that a change of line numbers does not matter */
export function changeOf(source: string, { location, replacement }: ReportedMutant): Change {
  const lines = source.split('\n').slice(location.start.line - 1, location.end.line);
  const head = lines[0]!.slice(0, location.start.column - 1);
  const tail = lines.at(-1)!.slice(location.end.column - 1);
  return { before: oneLine(lines.join('\n')), after: oneLine(head + replacement + tail) };
}
