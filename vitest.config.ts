import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// APNS_STREAMS_TEST=dist runs the same tests against the built package: CI does so on every supported Node. A module
// that is not an entry has a door under dist/internal/, which leads into the chunks that the entries share.
const built = process.env['APNS_STREAMS_TEST'] === 'dist';
const dist = fileURLToPath(new URL('./dist/', import.meta.url));
const LEGACY = ['test/legacy/*.test.ts'];
const INTEROP = ['test/interop/*.test.ts'];
const MODERN_CLIENTS = ['test/modern-clients/*.test.ts'];
const TYPES = ['test/types/*.test.ts'];
const PACKAGING = ['test/packaging/*.test.ts'];
// They compile the sources by themselves, or build the package again: that is the same on every Node.
const OF_SOURCES = ['test/fuzz/*.test.ts', 'test/end-to-end/soak.test.ts', 'test/reproducible.test.ts'];

export default defineConfig({
  resolve: {
    alias: built
      ? [
          {
            find: /^(?:\.\.\/)+src\/((?:(?:protocol|simulator)\/)?index)\.js$/,
            replacement: `${dist}$1.mjs`,
          },
          { find: /^(?:\.\.\/)+src\/(.*)$/, replacement: `${dist}internal/$1` },
        ]
      : [],
  },
  test: {
    // The built package is loaded by Node, as its users load it.
    server: { deps: { external: [dist] } },
    projects: [
      {
        extends: true,
        test: {
          name: 'main',
          include: ['test/**/*.test.ts'],
          exclude: [
            '**/node_modules/**',
            ...LEGACY,
            ...MODERN_CLIENTS,
            ...INTEROP,
            'test/types/**',
            'test/packaging/**',
            ...(built ? OF_SOURCES : []),
          ],
        },
      },
      // These need packages of their own, which `npm run test:legacy` and so on install.
      { extends: true, test: { name: 'legacy', include: LEGACY } },
      { extends: true, test: { name: 'modern-clients', include: MODERN_CLIENTS } },
      { extends: true, test: { name: 'types', include: TYPES } },
      { extends: true, test: { name: 'packaging', include: PACKAGING } },
      // Needs servers from Debian's packages.
      { extends: true, test: { name: 'interop', include: INTEROP } },
    ],
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
