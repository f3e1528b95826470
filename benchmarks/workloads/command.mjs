// P3: the whole command, from a file of notifications to a file of outcomes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { measureRows } from '../harness/context.mjs';
import { ROOT, TOPIC } from '../harness/input.mjs';
import { toolVersion } from '../harness/machine.mjs';
import { startServer } from '../harness/processes.mjs';
import { formatRows, formatTarget } from '../harness/report.mjs';
import { startNghttpd } from '../servers/nghttpd.mjs';

export const title = 'P3: the command, NDJSON file to outcomes file over HTTP/2';

const COMMAND = join(ROOT, 'dist', 'cli', 'main.js');
const METER = new URL('../harness/meter.mjs', import.meta.url).href;

export async function run(context) {
  const server =
    toolVersion('nghttpd') === undefined
      ? await startServer('http2-answers', { directory: context.credentials })
      : await startNghttpd(context);
  const { host, port } = server;
  const parse = {
    title: '@parse/node-apn, sending alone',
    client: 'http2-parse',
    needs: '@parse/node-apn',
    job: { ...context.job, host, port, count: context.sizedPeer(30_000) },
  };
  try {
    const rows = await measureRows(context, [
      { title: 'apns-streams send FILE > OUTCOMES', measure: () => send(context, server) },
      parse,
    ]);
    const [command, peer] = rows.map(({ summary }) => summary);
    const ratio = peer.cpu / command.cpu;
    return [
      formatRows(rows),
      formatTarget('CPU of @parse/node-apn over ours (at least 8)', ratio, ratio >= 8),
    ];
  } finally {
    await server.stop();
  }
}

async function send({ job, credentials, providerKeyFile, directory, lines }, { host, port }) {
  const figures = join(directory, 'meter.json');
  const output = openSync(join(directory, 'outcomes.ndjson'), 'w');
  const { keyId, teamId } = job.providerToken;
  const options = [
    '--provider-key',
    providerKeyFile,
    '--key-id',
    keyId,
    '--team-id',
    teamId,
    '--topic',
    TOPIC,
  ];
  const target = ['--to', `https://${host}:${port}`, '--ca', join(credentials, 'ca.pem'), '--quiet'];
  const child = spawn(
    process.execPath,
    [`--import=${METER}`, COMMAND, 'send', job.input, ...target, ...options],
    { stdio: ['ignore', output, 'inherit'], env: { ...process.env, METER_FILE: figures } },
  );
  const [code] = await once(child, 'close');
  closeSync(output);
  if (code !== 0) return { problem: `ended with exit code ${code}` };
  const outcomes = countLines(join(directory, 'outcomes.ndjson'));
  if (outcomes !== lines) return { problem: `${outcomes} outcomes for ${lines} notifications` };
  return { count: lines, ...JSON.parse(readFileSync(figures, 'utf8')) };
}

function countLines(path) {
  let lines = 0;
  for (const byte of readFileSync(path)) if (byte === 0x0a) lines++;
  return lines;
}
