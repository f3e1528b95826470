// npm run build
//
// Makes dist/: four entries, and the chunks they share, so that there is one ApnsError for all of them. It is made
// in a folder of its own and then moved into place, so that dist/ is missing for an instant and never half made.
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeBundle } from './bundle.mjs';
import { writeDeclarations } from './declarations.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');

mkdirSync(join(ROOT, '.tmp'), { recursive: true });
const folder = mkdtempSync(join(ROOT, '.tmp', 'build-'));
try {
  const made = join(folder, 'dist');
  await writeDeclarations(ROOT, made);
  await writeBundle(ROOT, made);
  try {
    renameSync(DIST, join(folder, 'old'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  renameSync(made, DIST);
} finally {
  rmSync(folder, { recursive: true });
}
