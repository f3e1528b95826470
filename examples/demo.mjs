/**
 * The whole way with the real command, between two processes: `apns-streams simulate` is the gateway, and
 * `apns-streams send` sends it examples/data/notifications.ndjson, which has some bad lines. Shows the
 * problems and a summary; fails unless both ends count what is expected.
 *
 *     npm run demo
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const EXPECTED = { accepted: 192, rejected: 3, invalid: 5, unsent: 0, unknown: 0, presumed: 0, exitCode: 1 };
const COMMAND = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const FILE = 'examples/data/notifications.ndjson';
const root = fileURLToPath(new URL('..', import.meta.url));

function apnsStreams(...args) {
  console.log(`\n$ apns-streams ${args.join(' ')}`);
  return spawn(process.execPath, [COMMAND, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
}

const directory = await mkdtemp(join(tmpdir(), 'apns-streams-demo-'));
const credentials = join(directory, 'credentials');
const record = join(directory, 'accepted.ndjson');
const simulator = apnsStreams('simulate', '--credentials', credentials, '--record', record);
simulator.stderr.pipe(process.stderr);
const simulatorExit = once(simulator, 'exit');
try {
  const [ready] = await once(createInterface(simulator.stdout), 'line');
  console.log(ready);
  const { host, port } = JSON.parse(ready).gateway;

  const to = `binary://${host}:${port}`;
  const send = apnsStreams(
    ...['send', FILE, '--to', to, '--credentials', credentials],
    ...['--outcomes', 'problems', '--json-summary'],
  );
  send.stdout.pipe(process.stdout);
  const [messages] = await Promise.all([text(send.stderr), once(send, 'exit')]);
  const lines = messages.trimEnd().split('\n');
  const summary = JSON.parse(lines.pop());
  console.log(`\n${lines.join('\n')}\n`);

  simulator.kill();
  await simulatorExit;
  const accepted = (await readFile(record, 'utf8')).trimEnd().split('\n').length;
  const { notifications, resent } = summary;
  console.log(
    `\n${notifications} lines in, ${notifications} outcomes out, ${accepted} accepted at the gateway;`,
  );
  console.log(`${resent} times a frame that the gateway had thrown away was sent again.`);
  for (const [name, count] of Object.entries(EXPECTED)) assert.equal(summary[name], count, name);
  assert.equal(accepted, EXPECTED.accepted);
} finally {
  simulator.kill();
  await rm(directory, { recursive: true, force: true });
}
