/**
 * Clients that stand still for 70 s with the defaults, longer than any of their times. It needs no tool of the system,
 * but more time than a test of the main project may take.
 */
import { expect, test, vi } from 'vitest';
import { createSimulator } from '../../src/simulator/simulator.js';
import { type FrozenClient, startFrozenClient } from '../faults/frozen-client.js';

const FREEZE_MS = 70_000;

const settled = (client: FrozenClient, count: number): Promise<void> =>
  vi.waitFor(() => expect(Object.values(client.outcomes()).reduce((sum, n) => sum + n, 0)).toBe(count), {
    timeout: 60_000,
    interval: 50,
  });

test(
  'accepts everything after 70 s, on both wires: what was answered meanwhile, and what is written to connections that were closed meanwhile',
  async () => {
    const simulator = await createSimulator();
    const { gateway, http2 } = simulator;
    const { ca, cert, key } = simulator.credentials;
    const options = { host: '127.0.0.1', tls: { ca, cert, key } };
    const binary = { ...options, port: gateway.port };
    // The responses are on their way while the process stands still.
    http2.setFaults({ latencyMs: 3000 });
    const clients = await Promise.all([
      startFrozenClient('http2', { ...options, port: http2.port }),
      startFrozenClient('binary', binary),
    ]);
    const written = (): number =>
      simulator.connections.reduce((sum, { requests, accepted }) => sum + Math.max(requests, accepted), 0);
    await vi.waitFor(() => expect(written()).toBe(40), { timeout: 10_000 });
    const frozen = clients.map((client) => client.freeze(FREEZE_MS));
    await vi.waitFor(() => expect(simulator.counts.accepted).toBe(40), { timeout: 10_000 });
    http2.setFaults({ latencyMs: 0 });
    http2.disconnect('goaway');
    await Promise.all(frozen);
    await Promise.all(clients.map((client) => settled(client, 21)));
    for (const client of clients)
      expect(client.outcomes()).toEqual({ 'before accepted': 20, 'after accepted': 1 });
    await simulator.close();
  },
  FREEZE_MS + 130_000,
);
