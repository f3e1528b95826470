// P8: CPU per notification, from ten thousand notifications to millions, and from 1 connection to 16.
import { measureRows } from '../harness/context.mjs';
import { startServer } from '../harness/processes.mjs';
import { formatFigure, formatRows, formatTarget } from '../harness/report.mjs';

export const title = 'P8: growth of the cost';

/**
 * Compiled code, before anything is measured: 10,000 alone would measure the compiler. Several streams, one after
 * the other, since what a second one does is compiled again.
 */
const WARM_UP = 40_000;
const WARM_UP_RUNS = 10;

export async function run(context) {
  const gateway = await startServer('gateway', { directory: context.credentials });
  const http2 = await startServer('http2-answers', { directory: context.credentials });
  const counts = [10_000, 100_000, 1_000_000, ...(context.isFull ? [10_000_000] : [])];
  try {
    const parts = [];
    for (const [wire, client, { host, port }] of [
      ['binary', 'binary-sink', gateway],
      ['HTTP/2', 'http2-sink', http2],
    ]) {
      const row = (text, count, connections) => ({
        title: `${wire}, ${text}`,
        client,
        job: {
          ...context.job,
          ...{ host, port, connections, payload: 'raw' },
          count: context.sized(count),
          warmUp: context.sized(WARM_UP),
          warmUpRuns: WARM_UP_RUNS,
        },
      });
      const rows = await measureRows(context, [
        ...counts.map((count) => row('1 connection', count, 1)),
        ...[4, 16].map((connections) => row(`${connections} connections`, 1_000_000, connections)),
      ]);
      const costs = rows.map(({ summary }) => summary.cpu);
      const spread = Math.max(...costs) / Math.min(...costs);
      const text = `largest over smallest CPU, ${wire} (at most ${formatFigure(1.1 / 0.9)})`;
      parts.push(formatRows(rows), formatTarget(text, spread, spread <= 1.1 / 0.9));
    }
    return parts;
  } finally {
    await gateway.stop();
    await http2.stop();
  }
}
