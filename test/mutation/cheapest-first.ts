import { statSync } from 'node:fs';
import type { TestSequencer, TestSpecification } from 'vitest/node';

/**
 * Orders test files by their size. Small ones are the tests of one class: they run fast and kill most of its mutants,
 * so that few are left for the large ones.
 */
export class CheapestFirst implements TestSequencer {
  sort(files: TestSpecification[]): TestSpecification[] {
    return files
      .map((file) => ({ file, bytes: statSync(file.moduleId).size }))
      .sort((a, b) => a.bytes - b.bytes)
      .map(({ file }) => file);
  }

  shard(files: TestSpecification[]): TestSpecification[] {
    return files;
  }
}
