/** The reports of earlier runs, which `--incremental` takes where neither the source file nor any test changed. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportedFile } from './mutant.js';

const FOLDER = '.tmp/mutation/reports';

/** Reports of files under the same tests. */
export class KeptReports {
  readonly #tests: string;

  constructor(patterns: readonly string[]) {
    const hash = createHash('sha256').update(JSON.stringify(patterns));
    for (const name of readdirSync('test', { recursive: true, encoding: 'utf8' }).sort()) {
      if (/\.m?[jt]s$/.test(name) && !name.includes('node_modules'))
        hash.update(readFileSync(join('test', name)));
    }
    this.#tests = hash.digest('hex');
  }

  /** @returns the report of a file; undefined if it or a test has changed since, or there is none */
  read(file: string): ReportedFile | undefined {
    try {
      const { key, report } = JSON.parse(readFileSync(pathOf(file), 'utf8')) as {
        key: string;
        report: ReportedFile;
      };
      return key === this.#keyOf(report.source) && report.source === readFileSync(file, 'utf8')
        ? report
        : undefined;
    } catch {
      return undefined;
    }
  }

  write(file: string, report: ReportedFile): void {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(pathOf(file), JSON.stringify({ key: this.#keyOf(report.source), report }));
  }

  #keyOf(source: string): string {
    return createHash('sha256').update(this.#tests).update(source).digest('hex');
  }
}

function pathOf(file: string): string {
  return `${FOLDER}/${file.replaceAll('/', '_')}.json`;
}
