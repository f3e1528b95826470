/** What the repository has for people who join it: CI, templates, editor settings. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './support/node-process.js';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as Record<string, unknown>;

test('CI calls .ci/run and nothing else', () => {
  const commands = [...read('.github/workflows/ci.yml').matchAll(/\brun: (.+)$/gm)];
  expect(commands.map(([, command]) => command)).toEqual(['.ci/run']);
});

test('asks in each issue template for the version, and for bugs for the outcome line', () => {
  const folder = '.github/ISSUE_TEMPLATE';
  const templates = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.md'));
  expect(templates).toEqual(['bug.md', 'feature.md']);
  for (const name of templates) expect(read(`${folder}/${name}`)).toContain('apns-streams --version');
  expect(read(`${folder}/bug.md`)).toContain('## The outcome line');
});

test('gives editors the line width and the indentation of the formatter', () => {
  const { formatter } = JSON.parse(read('biome.json')) as { formatter: Record<string, unknown> };
  const [, settings] = read('.editorconfig').split('[*]\n');
  expect(settings).toContain(`max_line_length = ${formatter['lineWidth']}\n`);
  expect(settings).toContain(`indent_style = ${formatter['indentStyle']}\n`);
});

test('describes the package with HTTP/2 first, and links to no place that does not exist', () => {
  expect(manifest['description']).toMatch(/^Apple push notifications over HTTP\/2/);
  for (const field of ['repository', 'homepage', 'bugs']) expect(manifest).not.toHaveProperty(field);
});

test('names in the release checklist only npm scripts that exist', () => {
  const names = [...read('docs/internals/releasing.md').matchAll(/npm run ([\w:]+)/g)].map(
    ([, name]) => name!,
  );
  expect(names.length).toBeGreaterThan(4);
  for (const name of names) expect(manifest['scripts']).toHaveProperty([name]);
});
