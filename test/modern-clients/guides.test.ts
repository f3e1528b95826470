/** The guides for users of other packages: both programs of each are run against the simulator. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createSimulator, encodeTokenFault, type Simulator } from '../../src/simulator/index.js';
import { ROOT } from '../support/node-process.js';

const INSTALLED = fileURLToPath(new URL('./node_modules/', import.meta.url));
const DEVICE_TOKENS = ['aa'.repeat(32), encodeTokenFault('reject', 8), 'bb'.repeat(32)];

/** What each program imports as its settings: the simulator in place of Apple's servers. */
function settings({ http2, credentials }: Simulator): string {
  const { ca, providerKey: key, keyId, teamId, topic } = credentials;
  const { host, port } = http2;
  const server = {
    token: { key, keyId, teamId },
    nodeApn: { address: host, port, ca },
    apns2: { host: 'localhost' },
    apnsStreams: { host, port, tls: { ca } },
  };
  // apns2 sends to port 443 and no other.
  return `
    import tls from 'node:tls';
    const { connect } = tls;
    if (process.argv[2] === 'redirect') {
      tls.connect = (options, onSecure) => connect({ ...options, host: '${host}', port: ${port} }, onSecure);
    }
    export const server = ${JSON.stringify(server)};
    export const topic = '${topic}';
    export const deviceTokens = ${JSON.stringify(DEVICE_TOKENS)};`;
}

/** An empty project with both packages, the two programs of a guide, and their settings. */
function createProject(guide: string, name: string, simulator: Simulator): string {
  const project = mkdtempSync(join(tmpdir(), 'apns-streams-test-'));
  onTestFinished(() => rmSync(project, { recursive: true }));
  for (const [link, target] of [
    ['apns-streams', ROOT],
    [name, join(INSTALLED, name)],
  ] as const) {
    mkdirSync(dirname(join(project, 'node_modules', link)), { recursive: true });
    symlinkSync(target, join(project, 'node_modules', link));
  }
  for (const [, file, code] of guide.matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)) {
    writeFileSync(join(project, file!), code!);
  }
  writeFileSync(join(project, 'settings.mjs'), settings(simulator));
  writeFileSync(join(project, 'ca.pem'), simulator.credentials.ca);
  return project;
}

/** What a program prints, and what the simulator accepted from it. */
async function run(guide: string, name: string, file: string) {
  const simulator = await createSimulator();
  onTestFinished(() => simulator.close());
  const project = createProject(guide, name, simulator);
  const args = [file, ...(file === 'before.mjs' && name === 'apns2' ? ['redirect'] : [])];
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(project, 'ca.pem') };
  const child = spawn(process.execPath, args, { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  expect([code, stderr]).toEqual([0, '']);
  const accepted = Array.from(
    simulator.accepted,
    ({ deviceToken, payload, topic, pushType, expiration }) => ({
      ...{ deviceToken, topic, pushType, expiration },
      payload: JSON.parse(`${payload}`),
    }),
  );
  return {
    lines: stdout.trimEnd().split('\n').toSorted(),
    accepted: accepted.toSorted((a, b) => (a.deviceToken < b.deviceToken ? -1 : 1)),
  };
}

describe.each([
  ['from-node-apn', '@parse/node-apn'],
  ['from-apns2', 'apns2'],
])('docs/guides/%s.md', (guide, name) => {
  const page = readFileSync(join(ROOT, `docs/guides/${guide}.md`), 'utf8');

  test('shows two programs that send the same and print the same', async () => {
    const [before, after] = await Promise.all(
      ['before.mjs', 'after.mjs'].map((file) => run(page, name, file)),
    );
    expect(after).toEqual(before);
    expect(after!.lines).toHaveLength(DEVICE_TOKENS.length);
    expect(after!.lines).toContain(`${DEVICE_TOKENS[1]} BadDeviceToken`);
    expect(after!.accepted).toHaveLength(2);
  });

  test('names what the other package has', () => {
    const folder = join(INSTALLED, name);
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:js|ts|md)$/.test(file))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n');
    const [, table = ''] = page.split('## What replaces what');
    const cells = table.split('\n').filter((line) => line.startsWith('| `') || line.startsWith('| an `'));
    expect(cells.length).toBeGreaterThan(12);
    const code = cells.flatMap((line) =>
      [...line.split(' | ')[0]!.matchAll(/`([^`]+)`/g)].map(([, part]) => part!),
    );
    const names = code
      .flatMap((part) => part.match(/[a-z]\w+/gi) ?? [])
      .filter((word) => !/^(?:new|true|false)$/.test(word));
    for (const word of names.filter((each) => !['PATH', 'failed', 'i'].includes(each))) {
      expect(sources, word).toMatch(new RegExp(`\\b${word}\\b`));
    }
  });
});
