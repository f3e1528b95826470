/** The programs of README.md, as pasted, in an empty project that has the packed package, against the simulator. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createSimulator, type Simulator } from '../src/simulator/index.js';
import { ROOT } from './support/node-process.js';

const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
const blocks = (language: string): string[] =>
  [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code!);
const [push, server] = blocks('js') as [string, string];
const commands = blocks('sh').flatMap((block) => block.trimEnd().replaceAll('\\\n', '').split('\n'));

let project: string;
let simulator: Simulator;
/** The environment with the variables that README.md exports. */
let env: NodeJS.ProcessEnv;

function npm(cwd: string, ...args: string[]): string {
  const quiet = ['--ignore-scripts', '--offline', '--no-audit', '--no-fund', '--silent'];
  return execFileSync('npm', [...args, ...quiet], { cwd, encoding: 'utf8' }).trim();
}

/** Runs a program of the project; a test that ends ends it, too. */
function start(command: string, ...args: string[]) {
  const child = spawn(command, args, { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { child, ended: ended.then(([stdout, stderr, [code]]) => ({ code, stdout, stderr })) };
}

const lines = (code: string): number => code.split('\n').filter((line) => line !== '').length;

beforeAll(async () => {
  simulator = await createSimulator();
  project = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  npm(project, 'install', `./${npm(ROOT, 'pack', '--pack-destination', project)}`);
  const { ca, providerKey, keyId, teamId, topic } = simulator.credentials;
  await writeFile(join(project, 'ca.pem'), ca);
  await writeFile(join(project, `AuthKey_${keyId}.p8`), providerKey);
  const { host, port } = simulator.http2;
  const variables = { APNS_HOST: host, APNS_TOPIC: topic, APNS_KEY_ID: keyId, APNS_TEAM_ID: teamId };
  const exports = commands.filter((line) => line.startsWith('export ')).join(' ');
  expect([...exports.matchAll(/(\w+)=/g)].map(([, name]) => name).toSorted()).toEqual(
    ['APNS_KEY', ...Object.keys(variables)].toSorted(),
  );
  env = {
    ...{ ...process.env, ...variables, APNS_KEY: providerKey },
    // What Apple needs no setting for.
    ...{ APNS_PORT: `${port}`, NODE_EXTRA_CA_CERTS: join(project, 'ca.pem') },
  };
});

afterAll(async () => {
  await simulator.close();
  await rm(project, { recursive: true });
});

test('one push, in at most 8 lines', async () => {
  expect(lines(push)).toBeLessThanOrEqual(8);
  await writeFile(join(project, 'push.mjs'), push);
  const results = ['aabb', 'fa170108'].map((token) => start(process.execPath, 'push.mjs', token).ended);
  expect(await Promise.all(results)).toEqual([
    { code: 0, stdout: 'accepted \n', stderr: '' },
    { code: 0, stdout: 'rejected BadDeviceToken\n', stderr: '' },
  ]);
  const sent = Array.from(simulator.accepted, ({ deviceToken, payload }) => [deviceToken, `${payload}`]);
  expect(sent).toEqual([['aabb', '{"aps":{"alert":"Hello"}}']]);
});

test('a server, in at most 12 lines, which responds to every request', async () => {
  expect(lines(server)).toBeLessThanOrEqual(12);
  const anyPort = ".listen(0, '127.0.0.1', function () { console.log(this.address().port); })";
  await writeFile(join(project, 'server.mjs'), server.replace(".listen(8080, '127.0.0.1')", anyPort));
  const { child, ended } = start(process.execPath, 'server.mjs');
  const [port] = (await once(createInterface(child.stdout), 'line')) as string[];
  const ask = async (body: string): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body });
    return response.json();
  };
  const [sample] = /(?<=--data ')\{.*\}(?=')/.exec(readme)!;
  const bodies = [sample.replace('DEVICE_TOKEN', 'ccdd'), sample.replace('DEVICE_TOKEN', 'fa170108')];
  expect(await Promise.all(bodies.map(ask))).toMatchObject([{ status: 'accepted' }, { status: 'rejected' }]);
  for (const body of ['', 'null', '[]', '7', '"x"', '{"deviceToken":', '{"deviceToken":7}']) {
    expect(await ask(body), body).toMatchObject({ status: 'invalid' });
  }
  child.kill();
  expect((await ended).stderr).toBe('');
});

test('a file, in one command', async () => {
  const command = commands.find((line) => line.startsWith('npx apns-streams send notifications.ndjson'))!;
  const lines = ['aabb', 'fa170108'].map((deviceToken) =>
    JSON.stringify({ deviceToken, payload: { aps: {} } }),
  );
  await writeFile(join(project, 'notifications.ndjson'), `${lines.join('\n')}\n`);
  const { keyId, teamId } = simulator.credentials;
  const here = command
    .replace('--to production', `--to https://127.0.0.1:${simulator.http2.port}`)
    .replace('AuthKey_ABC123DEFG', `AuthKey_${keyId}`)
    .replace('DEF123GHIJ', teamId);
  const { code } = await start('sh', '-c', here).ended;
  expect(code).toBe(1);
  const outcomes = (await readFile(join(project, 'outcomes.ndjson'), 'utf8')).trimEnd().split('\n');
  expect(outcomes.map((line) => (JSON.parse(line) as { status: string }).status).toSorted()).toEqual([
    'accepted',
    'rejected',
  ]);
});
