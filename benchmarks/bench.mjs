// npm run bench -- [NAME…] [--quick] [--full] [--runs N] [--svg FILE]
//
// Measures the workloads of docs/performance.md, all or those named, each with its peer in another process and
// each client in one of its own, and prints a table for each.
//   --quick   a few notifications and one run: proves that the harness works, measures nothing
//   --full    the runs of 10 million notifications too
//   --runs N  how often each row is measured; the figures are medians (5)
//   --svg F   where `memory` draws its curve
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { createContext } from './harness/context.mjs';
import { ROOT } from './harness/input.mjs';
import { describeMachine, PEERS, peerVersion } from './harness/machine.mjs';

const WORKLOADS = ['binary', 'http2', 'command', 'latency', 'memory', 'turn', 'import', 'growth'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    runs: { type: 'string' },
    svg: { type: 'string' },
  },
});
const unknown = positionals.find((name) => !WORKLOADS.includes(name));
if (unknown !== undefined) throw new Error(`no workload ${unknown}: there are ${WORKLOADS.join(', ')}`);
const runs = Number(values.runs ?? (values.quick ? 1 : 5));
if (!(Number.isInteger(runs) && runs > 0)) throw new Error('--runs must be a positive integer');

installPeers();
console.log(describeMachine().join('\n'));
const context = await createContext({ runs, isQuick: values.quick, isFull: values.full, say });
context.svg = values.svg;
try {
  for (const name of positionals.length > 0 ? positionals : WORKLOADS) {
    const workload = await import(`./workloads/${name}.mjs`);
    const lines = await workload.run(context);
    say('');
    console.log(`\n## ${workload.title}\n\n${lines.join('\n\n')}`);
  }
} finally {
  context.close();
}

/** The state of things, on a terminal only, in one line that the next one replaces. */
function say(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** --quick runs without the foreign packages where they are not installed; otherwise they are fetched. */
function installPeers() {
  if (values.quick || PEERS.every((name) => peerVersion(name) !== undefined)) return;
  console.error(`Installing ${PEERS.join(', ')} to measure beside: npm ci --prefix benchmarks`);
  const { status } = spawnSync('npm', ['ci', '--prefix', 'benchmarks', '--ignore-scripts'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) console.error('That failed: their rows will say "missing".');
}
