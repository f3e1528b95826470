/** The recipes for a shell with jq and awk. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { ROOT } from '../support/node-process.js';
import { testWith } from './requirements.js';

const test = testWith('jq', 'awk');

const page = readFileSync(join(ROOT, 'docs/recipes.md'), 'utf8');
const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, code]) => code!);

/** The lines of the input that the recipe takes, by the shell that people have. */
async function takenAgain(recipe: string, input: string, outcomes: readonly string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const [name] = /\w+\.ndjson(?= > again)/.exec(recipe)!;
  await writeFile(join(directory, name), input);
  await writeFile(join(directory, 'outcomes.ndjson'), outcomes.map((outcome) => `${outcome}\n`).join(''));
  execFileSync('sh', ['-ec', recipe.slice(recipe.indexOf('jq'))], { cwd: directory });
  return readFile(join(directory, 'again.ndjson'), 'utf8');
}

describe('docs/recipes.md sends again', () => {
  const [one, several] = blocks.filter((block) => block.includes('> again.ndjson'));
  const outcome = (line: number, status: string, statusCode?: number, file?: string): string =>
    JSON.stringify({ status, ...(file === undefined ? {} : { file }), line, statusCode, context: 'unsent' });

  test('what was unsent, unknown, or rejected only for now or for the credentials', async () => {
    const outcomes = [
      ...[outcome(2, 'unsent'), outcome(1, 'accepted'), outcome(4, 'invalid'), outcome(5, 'presumed')],
      ...[400, 403, 410, 413, 429, 500, 503].map((code, i) => outcome(6 + i, 'rejected', code)),
      ...[1, 7, 8, 255].map((code, i) => outcome(13 + i, 'rejected', code)),
      ...[outcome(3, 'unknown'), outcome(17, 'unknown', 8)],
    ];
    const input = Array.from({ length: 17 }, (_, i) => `line ${i + 1}\n`).join('');
    const taken = (await takenAgain(one!, input, outcomes)).match(/\d+/g);
    expect(taken).toEqual(['2', '3', '7', '10', '11', '12', '13', '17']);
  });

  test('by the last outcome of each line, and past one that a kill cut off', async () => {
    const outcomes = [
      ...[outcome(1, 'unsent'), outcome(2, 'unsent'), outcome(3, 'accepted'), '{"status":"acc', ''],
      ...[outcome(1, 'accepted'), outcome(2, 'unknown')],
    ];
    expect(await takenAgain(one!, 'a\n\nb\nc', outcomes)).toBe('\n');
    expect(await takenAgain(one!, 'a\nb\n', outcomes)).toBe('b\n');
  });

  test('of one file among several', async () => {
    const outcomes = [
      outcome(1, 'unsent', undefined, 'b.ndjson'),
      outcome(2, 'unsent', undefined, 'a.ndjson'),
    ];
    expect(await takenAgain(several!, 'a\nb\n', outcomes)).toBe('b\n');
  });

  test('a long file quickly', async () => {
    const outcomes = Array.from({ length: 100_000 }, (_, i) => outcome(i + 1, 'unsent'));
    const input = 'x\n'.repeat(outcomes.length);
    expect((await takenAgain(one!, input, outcomes)).length).toBe(input.length);
  }, 20_000);
});
