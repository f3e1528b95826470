import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../src/cli/exit-code.js';
import { run } from '../../src/cli/run.js';
import { FakeIo } from './fake-io.js';

const text = readFileSync(new URL('../../docs/command.md', import.meta.url), 'utf8');

/** From `##` of that name to the next. */
function section(title: RegExp): string {
  const parts = text.split(/^## /m);
  return parts.find((part) => title.test(part)) ?? '';
}

describe('docs/command.md', () => {
  it.each([
    ['send', /^send\n/],
    ['feedback', /^feedback\n/],
    ['simulate', /^simulate\n/],
    ['lint', /^lint\n/],
    ['lint', /^lint\n/],
    ['encode', /^encode and/],
    ['decode', /^encode and/],
  ] as const)('names every option of %s', async (command, title) => {
    const io = new FakeIo();
    await run([command, '--help'], io);
    const options = [...io.out.matchAll(/^ {2}(--[a-z0-9-]+)/gm)].map(([, name]) => name!);
    const shared = command === 'feedback' ? section(/^send\n/) : '';
    for (const option of options.filter((each) => each !== '--help')) {
      expect(`${section(title)}${shared}`, option).toMatch(new RegExp(`${option}\\b(?!-)`));
    }
  });

  it('has a row for every exit code', () => {
    const rows = [...section(/^Exit codes/).matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, codes]) =>
      codes!.split(', ').map(Number),
    );
    expect(rows.sort((a, b) => a - b)).toEqual(Object.values(ExitCode).sort((a, b) => a - b));
  });
});
