/** docs/api.md against the declarations that the package ships; `npm run docs` writes the page anew. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as main from '../../src/index.js';
import * as protocol from '../../src/protocol/index.js';
import * as simulator from '../../src/simulator/index.js';
import { ROOT } from '../support/node-process.js';

const page = readFileSync(join(ROOT, 'docs/api.md'), 'utf8');
const { writeApiReference } = (await import(
  new URL('../../scripts/api-reference.mjs', import.meta.url).href
)) as { writeApiReference(root: string): string };

test('is what `npm run docs` writes', () => {
  const written = writeApiReference(ROOT).split('\n');
  const different = page.split('\n').findIndex((line, index) => line !== written[index]);
  expect(different === -1 ? [] : [different + 1, written[different]]).toEqual([]);
  expect(page.split('\n')).toHaveLength(written.length);
});

test.each([
  ['apns-streams', main],
  ['apns-streams/protocol', protocol],
  ['apns-streams/simulator', simulator],
])('has a heading, a meaning and an example of every value of %s', (_, entry) => {
  const sections = new Map(page.split(/^### /m).map((section) => [section.split('\n')[0]!, section]));
  for (const name of Object.keys(entry)) {
    expect(sections.get(name), name).toMatch(/^[A-Z][\s\S]+^Example/m);
  }
});

test('leads to one heading for each name', () => {
  const names = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!);
  expect(names).toHaveLength(new Set(names).size);
});

test('lists the events that the streams emit beyond those of Node', () => {
  const rooms = ['sinks', 'deliveries', 'sources', 'transforms'];
  const sources = rooms.flatMap((room) =>
    readdirSync(join(ROOT, 'src', room)).map((file) => readFileSync(join(ROOT, 'src', room, file), 'utf8')),
  );
  const emitted = sources.flatMap((source) =>
    [...source.matchAll(/\.emit\('(\w+)'/g)].map(([, event]) => event!),
  );
  expect(emitted).toContain('errorResponse');
  for (const event of emitted) expect(page).toContain(`| \`${event}\` |`);
});
