// The declarations of dist/, one for each module that those of the published entries lead to; tsc checks all of src/.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

const ENTRIES = ['index.d.ts', 'protocol/index.d.ts', 'simulator/index.d.ts'];

/** Checks the sources of `root`, and writes their declarations into the folder `out`. */
export async function writeDeclarations(root, out) {
  const all = mkdtempSync(join(dirname(out), 'declarations-'));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const child = spawn(process.execPath, [tsc, '-p', root, '--outDir', all], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`tsc ended with ${code}`);
  const reached = new Set(ENTRIES.map((entry) => join(all, entry)));
  // A Set hands out what is added while it is walked through.
  for (const file of reached) {
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(
      /(?:\bfrom |\bimport\()'(\.[^']+)\.js'/g,
    )) {
      reached.add(join(dirname(file), `${specifier}.d.ts`));
    }
    cpSync(file, join(out, relative(all, file)));
  }
  rmSync(all, { recursive: true });
}
