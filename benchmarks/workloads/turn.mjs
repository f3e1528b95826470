// P6: one notification to an idle sink is written to TLS within the same turn of the event loop.
import { runClient, startServer } from '../harness/processes.mjs';
import { formatFigure, formatTable } from '../harness/report.mjs';

export const title = 'P6: one notification to an idle sink';

export async function run(context) {
  const rows = [];
  for (const [wire, name] of [
    ['binary', 'gateway'],
    ['http2', 'http2-answers'],
  ]) {
    const server = await startServer(name, { directory: context.credentials });
    const { host, port } = server;
    const count = context.sizedPeer(500);
    try {
      const result = await runClient({ client: 'turn', job: { ...context.job, host, port, wire, count } });
      rows.push(
        result.problem === undefined
          ? [wire, `${result.sameTurn} of ${count}`, formatFigure(result.delayMicros ?? Number.NaN)]
          : [wire, result.problem, '–'],
      );
    } finally {
      await server.stop();
    }
  }
  return [formatTable(['sink', 'written in the same turn', 'µs from write to write (median)'], rows)];
}
