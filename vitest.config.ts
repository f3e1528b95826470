import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// APNS_STREAMS_TEST=dist runs the same tests against the built package: CI does so on every supported Node.
const built = process.env['APNS_STREAMS_TEST'] === 'dist';
const dist = fileURLToPath(new URL('./dist/', import.meta.url));

export default defineConfig({
  resolve: {
    alias: built ? [{ find: /^(?:\.\.\/)+src\/(.*)$/, replacement: `${dist}$1` }] : [],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
