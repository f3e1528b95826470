import { defineConfig } from 'vitest/config';

// Stryker runs these in a copy of the project. `mutate.ts` names the test files of the mutated file's own room.
export default defineConfig({
  test: {
    include: (process.env['MUTATION_TESTS'] ?? '').split(',').filter((pattern) => pattern !== ''),
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
