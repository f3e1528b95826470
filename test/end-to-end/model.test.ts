/**
 * Random notifications from every kind of source, through every route to the simulator, over a network that
 * delays, cuts up, stalls, corrupts and ends connections, with a simulator that has faults of its own, connections
 * that are sick, an event loop that is blocked, and a reader that is slow or goes away. Each seed is one run; the
 * promises are in `test/model/model-check.ts`, `model-bounds.ts` and `model-sickness.ts`.
 *
 * More of them, or one again: `npm run soak -- --seeds 5000` or `--seed N --seeds 1`; or, here,
 * `APNS_STREAMS_MODEL_SEED=N APNS_STREAMS_MODEL_RUNS=1 npx vitest run test/end-to-end/model.test.ts`.
 */
import { expect, test } from 'vitest';
import { GATEWAY_SICKNESSES, HTTP2_SICKNESSES } from '../../src/simulator/sick-connection.js';
import { planOf, runSeeds } from '../model/model-seeds.js';

// The built package is the same code: there, on every other Node, what differs is Node.
const USUAL_SEEDS = process.env['APNS_STREAMS_TEST'] === 'dist' ? 300 : 1000;
const SEEDS = Number(process.env['APNS_STREAMS_MODEL_RUNS'] ?? USUAL_SEEDS);
const SEED = Number(process.env['APNS_STREAMS_MODEL_SEED'] ?? Date.now() % 1_000_000_000);

test(
  `gives every notification exactly one outcome, and a true one (seeds ${SEED} to ${SEED + SEEDS - 1})`,
  async () => {
    const report = await runSeeds({ seed: SEED, seeds: SEEDS });
    expect(report.violations).toEqual([]);
    expect(report.seeds).toBe(SEEDS);
    if (SEEDS < 300) return;
    // A model in which nothing happens proves nothing.
    for (const status of ['accepted', 'rejected', 'invalid', 'unsent', 'unknown', 'presumed', 'resent'])
      expect(report.outcomes[status], status).toBeGreaterThan(0);
    // The rarest fault and the rarest sickness occur in one of 200 seeds, so a few can be missing by chance.
    expect(Object.keys(report.faults).length).toBeGreaterThanOrEqual(8);
    expect(Object.keys(report.sick).length).toBeGreaterThanOrEqual(6);
  },
  60_000 + 600 * SEEDS,
);

test('plans every sickness for the protocol that can have it', () => {
  const planned = new Set<string | undefined>();
  for (let seed = 0; seed < 3000; seed++) {
    const { route, services } = planOf(seed);
    planned.add((route.startsWith('http2') ? services?.http2 : services?.gateway)?.sickConnections?.how);
  }
  expect(planned).toEqual(
    new Set([undefined, ...Object.keys({ ...GATEWAY_SICKNESSES, ...HTTP2_SICKNESSES })]),
  );
});
