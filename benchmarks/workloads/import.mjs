// P7: what it takes to import each package into a process that has imported nothing yet.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../harness/input.mjs';
import { peerVersion } from '../harness/machine.mjs';
import { formatFigure, formatTable, formatTarget } from '../harness/report.mjs';
import { median } from '../harness/statistics.mjs';

export const title = 'P7: import time of the main entry';

const MAIN = pathToFileURL(join(ROOT, 'dist', 'index.mjs')).href;

export async function run(context) {
  const rows = [
    ['apns-streams', MAIN],
    ['node:tls', 'node:tls'],
    ['node:http2', 'node:http2'],
    ...['apn', '@parse/node-apn', 'apns2'].map((name) => [name, peerVersion(name) && name]),
  ].map(([name, specifier]) => ({ name, specifier, times: [] }));
  // A first import reads the files from the disk.
  const runs = context.isQuick ? 2 : 21;
  for (let run = 0; run < runs; run++) {
    for (const { specifier, times } of rows)
      if (specifier !== undefined) times.push(measureImport(specifier));
  }
  const format = ({ name, times }) => [
    name,
    times.length === 0 ? 'missing' : formatFigure(median(times)),
    times.length === 0 ? '–' : `${formatFigure(Math.min(...times))}–${formatFigure(Math.max(...times))}`,
  ];
  const ours = median(rows[0].times);
  return [
    formatTable(['import', 'ms (median)', 'spread'], rows.map(format)),
    formatTarget('ms to import the main entry (at most 15)', ours, ours <= 15),
  ];
}

function measureImport(specifier) {
  const script = `const start = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - start); process.exit();`;
  const options = { cwd: join(ROOT, 'benchmarks'), encoding: 'utf8' };
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', script], options).trim());
}
