// npm run profile -- NAME [--count N]
//
// Runs `binary` or `http2` twice, once with the CPU profiled and once the allocations, leaves both profiles
// under .tmp/ (developer tools of a browser open them), and prints what each source file takes of it.
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createContext } from './harness/context.mjs';
import { ROOT } from './harness/input.mjs';
import { describeMachine } from './harness/machine.mjs';
import { runClient, startServer } from './harness/processes.mjs';
import { formatFigure, formatTable } from './harness/report.mjs';
import { startNghttpd } from './servers/nghttpd.mjs';

const NAMES = ['binary', 'http2'];
const ENDINGS = { cpu: 'cpuprofile', heap: 'heapprofile' };
const MAX_ROWS = 24;
const linesOf = new Map();

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '500000' } },
});
const [name] = positionals;
if (!NAMES.includes(name)) throw new Error(`which one? ${NAMES.join(' or ')}`);
const { profiled } = await import(`./workloads/${name}.mjs`);
const count = Number(values.count);

console.log(describeMachine().join('\n'));
const context = await createContext({ runs: 1, isQuick: false, isFull: false, say: () => {} });
const server =
  profiled.server === 'nghttpd'
    ? await startNghttpd(context)
    : await startServer(profiled.server, { directory: context.credentials });
const { host, port } = server;
try {
  for (const kind of ['cpu', 'heap']) {
    const path = join(ROOT, '.tmp', `${name}.${ENDINGS[kind]}`);
    const job = {
      ...context.job,
      ...profiled.job,
      host,
      port,
      count,
      warmUp: 20_000,
      profile: { kind, path },
    };
    const { problem } = await runClient({ client: profiled.client, job });
    if (problem !== undefined) throw new Error(problem);
    const profile = JSON.parse(readFileSync(path, 'utf8'));
    console.log(`\n${relative(process.cwd(), path)}\n`);
    if (kind === 'cpu') printShares(sumCpu(profile), 'ns each', 1000 / count);
    else printShares(sumAllocations(profile), 'bytes each', 1 / count);
  }
} finally {
  await server.stop();
  context.close();
}

/** Prints the files, and below them the functions, that take most. */
function printShares(costs, unit, scale) {
  for (const key of ['file', 'place']) {
    const sums = new Map();
    for (const cost of costs) sums.set(cost[key], (sums.get(cost[key]) ?? 0) + cost.amount);
    const total = costs.reduce((sum, { amount }) => sum + amount, 0);
    const rows = [...sums].sort(([, a], [, b]) => b - a).slice(0, MAX_ROWS);
    const format = ([text, amount]) => [
      text,
      formatFigure(amount * scale),
      formatFigure((100 * amount) / total),
    ];
    console.log(formatTable([key, unit, '%'], [['all', total], ...rows].map(format)));
    console.log();
  }
}

/** Microseconds of each function itself. Waiting is none of them. */
function sumCpu({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const costs = new Map();
  for (const [index, id] of samples.entries()) costs.set(id, (costs.get(id) ?? 0) + timeDeltas[index]);
  return [...costs]
    .map(([id, amount]) => ({ ...placeOf(byId.get(id).callFrame), amount }))
    .filter(({ place }) => !['(idle)', '(program)'].includes(place));
}

/** Bytes allocated by each function itself, those included that are free again. */
function sumAllocations({ head }) {
  const costs = [];
  const visit = ({ callFrame, selfSize, children }) => {
    if (selfSize > 0) costs.push({ ...placeOf(callFrame), amount: selfSize });
    for (const child of children) visit(child);
  };
  visit(head);
  return costs;
}

function placeOf({ functionName, url, lineNumber }) {
  const text = functionName || '(anonymous)';
  if (url === '') return { file: text.startsWith('(') ? text : 'native', place: text };
  if (!url.startsWith('file:')) return { file: url, place: `${text} ${url}:${lineNumber + 1}` };
  const path = fileURLToPath(url);
  const file = relative(ROOT, path);
  return { file: moduleAt(path, lineNumber) ?? file, place: `${text} ${file}:${lineNumber + 1}` };
}

/** The module of the sources that a line of a built file comes from: its path stands above it. */
function moduleAt(path, lineNumber) {
  if (!linesOf.has(path)) linesOf.set(path, readFileSync(path, 'utf8').split('\n'));
  const marks = linesOf.get(path).slice(0, lineNumber + 1);
  return /^\/\/ (src\/\S+\.ts)$/.exec(marks.findLast((line) => line.startsWith('// src/')) ?? '')?.[1];
}
