/** What `lint` says about whole lines, as they stand in a file. */
import { expect, test } from 'vitest';
import { run } from '../../src/cli/run.js';
import { CLEAN_LINES, LINT_LINE_VECTORS } from '../vectors/lint-lines.js';
import { FakeIo } from './fake-io.js';

async function lint(line: string): Promise<readonly Record<string, unknown>[]> {
  const io = new FakeIo({ stdin: `${line}\n` });
  expect(await run(['lint'], io)).toBe(0);
  return io.lines;
}

test.each(LINT_LINE_VECTORS)('warns that $what', async ({ line, rule, message, secondMessage, source }) => {
  const messages = [message, ...(secondMessage === undefined ? [] : [secondMessage])];
  expect(await lint(line)).toEqual(
    messages.map((each) => ({
      severity: 'warning',
      line: 1,
      rule,
      field: expect.any(String),
      message: expect.stringContaining(each),
      source: expect.stringContaining(source),
    })),
  );
});

test.each(CLEAN_LINES)('finds nothing wrong with %s', async (_what, line) => {
  expect(await lint(line)).toEqual([]);
});
