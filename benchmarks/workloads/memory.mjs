// P5: resident size against notifications sent, with an old space of 128 MiB at most.
import { writeFileSync } from 'node:fs';
import { drawCurves } from '../harness/curve.mjs';
import { peerVersion } from '../harness/machine.mjs';
import { runClient, startServer } from '../harness/processes.mjs';
import { formatCount, formatMiB, formatTable, formatTarget } from '../harness/report.mjs';

export const title = 'P5: memory, with --max-old-space-size=128';

const NODE_OPTIONS = ['--max-old-space-size=128'];
const MILLION = 1_000_000;
const STALL_MS = 3000;

export async function run(context) {
  const gateway = await startServer('gateway', { directory: context.credentials });
  const http2 = await startServer('http2-answers', { directory: context.credentials });
  const stalled = [
    ['binary', await startServer('gateway', { directory: context.credentials, stall: true })],
    ['http2', await startServer('http2-answers', { directory: context.credentials, isStalled: true })],
  ];
  try {
    const curves = [];
    const measure = async (text, client, server, count) => {
      const { host, port } = server;
      const job = { ...context.job, host, port, count, isSampled: true };
      const result = await runClient({ client, job, nodeOptions: NODE_OPTIONS });
      context.say(`${text}, ${formatCount(count)}`);
      curves.push({ title: text, count, ...result });
      return result;
    };
    const lines = [];
    const sizes = (context.isFull ? [1, 10] : [1]).map((millions) => context.sized(millions * MILLION));
    for (const [text, client, server] of [
      ['binary: file → delivery → outcomes', 'binary-delivery', gateway],
      ['HTTP/2: file → delivery → outcomes', 'http2-delivery', http2],
    ]) {
      const results = [];
      for (const size of sizes) results.push(await measure(text, client, server, size));
      lines.push(...memoryTargets(text, results));
    }
    await measure('the plain loop', 'binary-loop', gateway, sizes[0]);
    await measure('node:http2, 500 in flight', 'http2-node', http2, context.sizedPeer(100_000));
    const parse = '@parse/node-apn';
    if (peerVersion(parse)) await measure(parse, 'http2-parse', http2, context.sizedPeer(100_000));
    if (peerVersion('apn')) await measure('apn', 'binary-apn', gateway, context.sizedPeer(100_000));
    const stallMs = context.isQuick ? 600 : STALL_MS;
    for (const [wire, { host, port }] of stalled) {
      const job = { ...context.job, host, port, wire, stallMs, count: context.lines };
      const { addedBytes, problem } = await runClient({ client: 'stalled', job, nodeOptions: NODE_OPTIONS });
      const text = `MiB that a stalled peer adds, ${wire} (less than 20)`;
      lines.push(problem ?? formatTarget(text, addedBytes / 2 ** 20, addedBytes < 20 * 2 ** 20));
    }
    if (context.svg !== undefined) writeFileSync(context.svg, drawCurves(curves));
    return [formatCurves(curves), ...lines];
  } finally {
    for (const server of [gateway, http2, ...stalled.map(([, server]) => server)]) await server.stop();
  }
}

function formatCurves(curves) {
  const row = ({ title: text, count, problem, peakBytes, samples }) => [
    text,
    formatCount(count),
    problem ?? formatMiB(peakBytes),
    problem === undefined && samples.length > 0 ? formatMiB(samples.at(-1)[1]) : '–',
  ];
  return formatTable(['work', 'sent', 'peak MiB', 'at the end MiB'], curves.map(row));
}

function memoryTargets(text, results) {
  const [small, large] = results.map(({ peakBytes }) => peakBytes);
  const peak = Math.max(small, large ?? 0) / 2 ** 20;
  const lines = [formatTarget(`peak MiB, ${text} (under 150)`, peak, peak < 150)];
  if (large === undefined) return lines;
  const growth = large / small;
  return [
    ...lines,
    formatTarget('peak at 10 million over that at 1 million (at most 1.1)', growth, growth <= 1.1),
  ];
}
