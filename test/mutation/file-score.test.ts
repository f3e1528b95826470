import { expect, test } from 'vitest';
import { Equivalents } from './equivalents.js';
import { percentage, scoreFile } from './file-score.js';
import { changeOf, type ReportedMutant } from './mutant.js';

const SOURCE = `export function half(n: number): number {
  if (n > 0) {
    return n / 2;
  }
  return -1;
}
`;

function mutant(
  status: ReportedMutant['status'],
  replacement: string,
  [startLine, startColumn, endLine, endColumn]: readonly [number, number, number, number],
): ReportedMutant {
  const start = { line: startLine, column: startColumn };
  return {
    status,
    replacement,
    mutatorName: 'Any',
    location: { start, end: { line: endLine, column: endColumn } },
  };
}

const IN_CONDITION = [2, 7, 2, 12] as const;
const BLOCK = [2, 14, 4, 4] as const;
const AT_END = [5, 10, 5, 12] as const;

test('shows a mutant as whole lines, several of them as one', () => {
  expect(changeOf(SOURCE, mutant('Survived', 'n >= 0', IN_CONDITION))).toEqual({
    before: 'if (n > 0) {',
    after: 'if (n >= 0) {',
  });
  expect(changeOf(SOURCE, mutant('Survived', '{}', BLOCK))).toEqual({
    before: 'if (n > 0) { return n / 2; }',
    after: 'if (n > 0) {}',
  });
});

test('counts what was noticed, what was not, and what is listed; nothing else', () => {
  const mutants = [
    mutant('NoCoverage', '+1', AT_END),
    mutant('Survived', 'n >= 0', IN_CONDITION),
    mutant('Survived', 'true', IN_CONDITION),
    mutant('Killed', 'false', IN_CONDITION),
    mutant('Timeout', '{}', BLOCK),
    mutant('Ignored', '""', AT_END),
    mutant('CompileError', '""', AT_END),
    mutant('RuntimeError', '""', AT_END),
  ];
  const listed = new Equivalents(
    ['## src/half.ts', '```diff', '- if (n > 0) {', '+ if (n >= 0) {', '+ if (false) {', '```'].join('\n'),
  );
  const score = scoreFile('src/half.ts', { source: SOURCE, mutants }, listed);
  expect(score).toMatchObject({ noticed: 2, equivalent: 1 });
  expect(score.survivors).toMatchObject([
    { line: 2, after: 'if (true) {', isUncovered: false },
    { line: 5, after: 'return +1;', isUncovered: true },
  ]);
  expect(score.stale).toEqual([{ before: 'if (n > 0) {', after: 'if (false) {' }]);
  expect(percentage([score])).toBe(50);
  expect(percentage([])).toBe(100);
});
