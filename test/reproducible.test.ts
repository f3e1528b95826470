/** The build gives the same package wherever it is made, and with every Node. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from './support/node-process.js';

/** All that the package is made of. */
const SOURCES = [
  ...['src', 'scripts', 'docs', 'examples', 'package.json', 'tsconfig.json'],
  ...['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'SECURITY.md'],
];

/** The hash of the tarball, and the files in it. */
function pack(folder: string): unknown {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'];
  const [{ integrity, files }] = JSON.parse(execFileSync('npm', args, { cwd: folder, encoding: 'utf8' }));
  return { integrity, files };
}

test('is the same package to the byte when it is built again in another folder', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'apns-streams-elsewhere-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of SOURCES) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: folder });
  expect(pack(folder)).toEqual(pack(ROOT));
});
