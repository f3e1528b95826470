import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { isFatalConnectionError } from '../../src/connection/connection-error.js';
import { ApnsError, type ApnsErrorCode } from '../../src/core/errors.js';

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

const sections = (await read('docs/errors.md')).split(/^(?=##)/m).slice(1);
const entries = sections.filter((section) => section.startsWith('### '));

/** The code an entry is about, and its text on one line. */
function readEntry(entry: string): [code: ApnsErrorCode, text: string] {
  const [heading, ...lines] = entry.split('\n');
  return [heading!.slice('### '.length) as ApnsErrorCode, lines.join(' ').trim()];
}

test('has an entry for each code, in the order of the union in src/core/errors.ts', async () => {
  const [union] = /export type ApnsErrorCode =[\s\S]+?';/.exec(await read('src/core/errors.ts'))!;
  const codes = [...union.matchAll(/\| '(APNS_ERR_\w+)'/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(20);
  expect(entries.map((entry) => readEntry(entry)[0])).toEqual(codes);
});

test.each(entries.map(readEntry))(
  'says of %s what it means, and truly whether it is tried again',
  (code, text) => {
    expect(text.length).toBeGreaterThan(60);
    const [, answer] = /Tried again: (yes|no)/.exec(text) ?? [];
    if (answer !== undefined)
      expect(answer).toBe(isFatalConnectionError(new ApnsError(code, '')) ? 'no' : 'yes');
  },
);
