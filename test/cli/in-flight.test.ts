import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { run } from '../../src/cli/run.js';
import { createSimulator, type SimulatorOptions, writeCredentials } from '../../src/simulator/index.js';
import { FakeIo } from './fake-io.js';

const LINE = `{"deviceToken":"${'ab'.repeat(32)}","payload":{"aps":{}},"topic":"com.example.app"}\n`;

/** A line of progress each time, until one of them is like the one before and `isReady`. */
async function stableProgress(io: FakeIo, isReady: () => boolean): Promise<string> {
  for (let before = ''; ; ) {
    const from = io.err.length;
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    io.pass(10_000);
    const line = io.err.slice(from);
    if (isReady() && line === before) return line;
    before = line;
  }
}

it.each<[string, SimulatorOptions, number]>([
  ['http2', { http2: { sickConnections: { how: 'no-response' } } }, 7],
  ['http2', { http2: { sickConnections: { how: 'no-response' } } }, 100],
  ['gateway', { gateway: { stall: true } }, 7],
  ['gateway', { gateway: { stall: true } }, 100],
])(
  'the number in flight (%s, %o) is the one that --window-count %d limits',
  async (wire, options, window) => {
    const simulator = await createSimulator(options);
    onTestFinished(() => simulator.close());
    const directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeCredentials(simulator, directory);
    const { host, port } = wire === 'http2' ? simulator.http2 : simulator.gateway;
    const to = `${wire === 'http2' ? 'https' : 'binary'}://${host}:${port}`;
    const io = new FakeIo({ stdin: LINE.repeat(1000) });
    const argv = ['--to', to, '--credentials', directory, '--outcomes', 'none'];
    const ended = run(['send', ...argv, '--window-count', String(window)], io);
    const progress = await stableProgress(io, () => simulator.counts.connections > 0);
    expect(progress).toContain(` ${window} in flight\n`);
    io.signal('SIGINT');
    io.signal('SIGINT');
    expect(await ended).toBe(130);
  },
);
