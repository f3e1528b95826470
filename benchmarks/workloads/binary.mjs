// P1: NDJSON file → frames → gateway.

import { measureRows } from '../harness/context.mjs';
import { startServer } from '../harness/processes.mjs';
import { formatRows, formatTarget } from '../harness/report.mjs';

export const title = 'P1: NDJSON file to a binary gateway';

export const profiled = { server: 'gateway', client: 'binary-sink', job: { payload: 'raw' } };

export async function run(context) {
  const server = await startServer('gateway', { directory: context.credentials });
  const { host, port } = server;
  const row = (text, client, options = {}, count = context.lines) => ({
    title: text,
    client,
    job: { ...context.job, host, port, count, ...options },
  });
  try {
    const rows = await measureRows(context, [
      row('file → parser (raw) → encoder → sink', 'binary-sink', { payload: 'raw' }),
      row('file → parser (parsed) → encoder → sink', 'binary-sink', { payload: 'parsed' }),
      row('file → parser (raw) → delivery → outcomes', 'binary-delivery'),
      row('the plain loop', 'binary-loop'),
      row('the transport alone', 'binary-floor'),
      { ...row('apn', 'binary-apn', {}, context.sizedPeer(50_000)), needs: 'apn' },
    ]);
    const [sink, , , loop, , apn] = rows.map(({ summary }) => summary);
    return [
      formatRows(rows),
      formatTarget(
        'CPU over that of the plain loop (at most 0.5)',
        sink.cpu / loop.cpu,
        sink.cpu / loop.cpu <= 0.5,
      ),
      formatTarget('CPU of apn over ours (at least 20)', apn.cpu / sink.cpu, apn.cpu / sink.cpu >= 20),
    ];
  } finally {
    await server.stop();
  }
}
