import { statSync } from 'node:fs';
import type { TestSequencer, TestSpecification } from 'vitest/node';

/**
 * A sequencer that runs the test files first that kill most mutants in the least time, so that few mutants are left
 * for the others: those of the mutated files themselves (`test/a/b.test.ts` of `src/a/b.ts`), and small ones.
 *
 * @param sources the absolute paths of the mutated files
 */
export function promisingFirst(sources: readonly string[]): new () => TestSequencer {
  const own = new Set(sources.map((path) => path.replace(/\/src\/(.*)\.ts$/, '/test/$1.test.ts')));
  const rank = (file: TestSpecification): [number, number] => [
    own.has(file.moduleId) ? 0 : 1,
    statSync(file.moduleId).size,
  ];
  return class {
    sort(files: TestSpecification[]): TestSpecification[] {
      return files
        .map((file) => ({ file, rank: rank(file) }))
        .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1])
        .map(({ file }) => file);
    }

    shard(files: TestSpecification[]): TestSpecification[] {
      return files;
    }
  };
}
