// P4: a server that takes 50 ms for each answer and lets 1,000 streams be open at a time.
import { measureRows } from '../harness/context.mjs';
import { startServer } from '../harness/processes.mjs';
import { formatRows, formatTarget } from '../harness/report.mjs';

export const title = 'P4: 50 ms to each answer, 1,000 streams, one connection';

const LATENCY_MS = 50;
const STREAMS = 1000;

export async function run(context) {
  const options = { latencyMs: LATENCY_MS, maxConcurrentStreams: STREAMS };
  const server = await startServer('http2-answers', { directory: context.credentials, ...options });
  const { host, port } = server;
  const job = { ...context.job, host, port, count: context.sized(200_000) };
  try {
    const rows = await measureRows(context, [
      { title: 'objects → sink → outcomes', client: 'http2-sink', job },
      { title: 'node:http2, 1,000 in flight', client: 'http2-node', job: { ...job, inFlight: STREAMS } },
    ]);
    const share = rows[0].summary.perSecond / ((STREAMS / LATENCY_MS) * 1000);
    return [
      formatRows(rows),
      formatTarget('share of streams ÷ latency (at least 0.95)', share, share >= 0.95),
    ];
  } finally {
    await server.stop();
  }
}
