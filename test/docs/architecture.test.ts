import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/node-process.js';

const page = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
const code = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
  .join('\n');

test('names folders and modules that are there', () => {
  const named = Array.from(
    page.matchAll(/`((?:[a-z0-9-]+\/)+[a-z0-9-]*(?:\.[a-z]+)?)`/g),
    ([, path]) => path!,
  );
  const missing = named.filter(
    (path) =>
      path !== 'apns-streams/simulator' &&
      ![`src/${path}`, `src/${path}.ts`, path].some((candidate) => existsSync(join(ROOT, candidate))),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(missing).toEqual([]);
});

test('has every room of src/ in its map, from the ground up', () => {
  const [, map = ''] = page.split('## The map');
  const rows = map
    .split('## Where to find it')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const listed = rows.flatMap((row) =>
    [...row.split(' | ')[0]!.matchAll(/`([^`]+)\/`/g)].map(([, room]) => room!),
  );
  const rooms = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath }) => relative(join(ROOT, 'src'), parentPath).replaceAll('\\', '/'));
  expect(listed.toSorted()).toEqual(
    [...new Set(rooms)].filter((room) => !['', 'protocol'].includes(room)).toSorted(),
  );
});

test('tells of what Node has only what the sources use', () => {
  const told = Array.from(page.matchAll(/`((?:node:|process\.)[\w./]+)`/g), ([, name]) => name!);
  expect(told.filter((name) => !code.includes(name))).toEqual([]);
});
