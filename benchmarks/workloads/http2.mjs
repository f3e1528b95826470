// P2: notification objects → HTTP/2 → outcomes.

import { measureRows } from '../harness/context.mjs';
import { toolVersion } from '../harness/machine.mjs';
import { startServer } from '../harness/processes.mjs';
import { formatRows, formatTarget } from '../harness/report.mjs';
import { runH2load, startNghttpd } from '../servers/nghttpd.mjs';

export const title = 'P2: notification objects to APNs over HTTP/2';

export const profiled = { server: 'nghttpd', client: 'http2-sink', job: {} };

export async function run(context) {
  const isNghttpd = toolVersion('nghttpd') !== undefined;
  if (!isNghttpd)
    context.say('nghttpd is missing (nghttp2-server): a small server of our own answers instead');
  const server = isNghttpd
    ? await startNghttpd(context)
    : await startServer('http2-answers', { directory: context.credentials });
  const { host, port } = server;
  const row = (text, client, count, options = {}) => ({
    title: text,
    client,
    job: { ...context.job, host, port, count, ...options },
  });
  const h2load = () =>
    toolVersion('h2load') === undefined
      ? { problem: 'missing' }
      : runH2load(server, { ...context.job, directory: context.directory, count: context.lines });
  try {
    const rows = await measureRows(context, [
      row('objects → sink → outcomes', 'http2-sink', context.lines),
      row('objects → sink, counts only', 'http2-sink', context.lines, { outcomes: false }),
      row('node:http2, 500 in flight', 'http2-node', context.sizedPeer(50_000)),
      { ...row('@parse/node-apn', 'http2-parse', context.sizedPeer(30_000)), needs: '@parse/node-apn' },
      { ...row('apns2', 'http2-apns2', context.sizedPeer(10_000)), needs: 'apns2' },
      { title: 'h2load -c1 -m500', measure: h2load },
    ]);
    const [sink, , node, parse, , load] = rows.map(({ summary }) => summary);
    const target = (text, value, least) => formatTarget(`${text} (at least ${least})`, value, value >= least);
    return [
      formatRows(rows),
      target('CPU of node:http2 over ours', node.cpu / sink.cpu, 12),
      target('CPU of @parse/node-apn over ours', parse.cpu / sink.cpu, 20),
      target('notifications per second over those of h2load', sink.perSecond / load.perSecond, 1),
    ];
  } finally {
    await server.stop();
  }
}
