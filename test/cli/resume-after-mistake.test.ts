import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { readLedger } from '../../src/cli/resume/ledger.js';
import { run } from '../../src/cli/run.js';
import {
  createSimulator,
  encodeTokenFault,
  type Simulator,
  writeCredentials,
} from '../../src/simulator/index.js';
import { FakeIo } from './fake-io.js';

const COUNT = 3000;
const TOPIC = 'com.example.app';

let simulator: Simulator;
let directory: string;

const path = (name: string): string => join(directory, name);
const line = (deviceToken: string): string => `${JSON.stringify({ deviceToken, payload: { aps: {} } })}\n`;
const tokenOf = (n: number): string => (n + 0x10000).toString(16).padStart(64, '0');

beforeEach(async () => {
  simulator = await createSimulator({ record: 'tokens' });
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  await writeCredentials(simulator, directory);
  await writeFile(path('in'), Array.from({ length: COUNT }, (_, i) => line(tokenOf(i))).join(''));
});
afterEach(async () => {
  await simulator.close();
  await rm(directory, { recursive: true });
});

interface Sent {
  readonly code: number;
  readonly io: FakeIo;
  readonly summary: Record<string, unknown> & { readonly resume?: Record<string, unknown> };
}

async function send(...more: string[]): Promise<Sent> {
  const io = new FakeIo();
  const to = more.includes('--to') ? [] : ['--to', `https://127.0.0.1:${simulator.http2.port}`];
  const code = await run(
    [
      'send',
      path('in'),
      ...to,
      '--ca',
      path('ca.pem'),
      '--json-summary',
      '--resume',
      path('ledger'),
      ...more,
    ],
    io,
  );
  return { code, io, summary: JSON.parse(io.err.trimEnd().split('\n').at(-1)!) };
}

async function token(key?: string): Promise<string[]> {
  const { keyId, teamId } = JSON.parse(await readFile(path('credentials.json'), 'utf8'));
  const file = key ?? path(`AuthKey_${keyId}.p8`);
  return ['--provider-key', file, '--key-id', keyId, '--team-id', teamId];
}

async function wrongKey(): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(path('wrong.p8'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return path('wrong.p8');
}

describe('--resume after a mistake in the command line', () => {
  it('sends what a wrong key was refused for, and says what became of it', async () => {
    const first = await send(...(await token(await wrongKey())), '--topic', TOPIC);
    expect(first.code).toBe(77);
    expect(simulator.counts.accepted).toBe(0);
    const refused = first.summary['refusedForSettings'] as number;
    expect(refused).toBeGreaterThan(0);
    expect(first.io.err).toContain(
      'refused because of credentials or options: correct them, then run the same command again',
    );
    expect(readLedger(path('ledger'))!.settled.count).toBe(0);

    const second = await send(...(await token()), '--topic', TOPIC);
    expect(second.code, second.io.err).toBe(0);
    expect(second.summary).toMatchObject({ accepted: COUNT, resume: { refusedBefore: refused } });
    expect(second.summary.resume).toMatchObject({ refusedBeforeNow: { accepted: refused } });
    expect(second.io.err).toMatch(
      /lines refused before because of credentials or options will be sent again/,
    );
    expect(second.io.err).toMatch(/of [\d,]+ lines refused in earlier runs: [\d,]+ accepted\n/);
    expect(new Set([...simulator.accepted].map(({ deviceToken }) => deviceToken)).size).toBe(COUNT);
    expect(simulator.counts.accepted).toBe(COUNT);
    expect((await send(...(await token()))).io.err).toContain('is complete');
  });

  it.each(['https', 'binary'])('sends what a wrong client certificate was refused for (%s)', async (wire) => {
    const other = await createSimulator();
    onTestFinished(() => other.close());
    await writeFile(path('other-cert.pem'), other.credentials.cert);
    await writeFile(path('other-key.pem'), other.credentials.key, { mode: 0o600 });
    const { port } = wire === 'https' ? simulator.http2 : simulator.gateway;
    const to = ['--to', `${wire}://127.0.0.1:${port}`];
    const first = await send(...to, '--cert', path('other-cert.pem'), '--key', path('other-key.pem'));
    expect(first.code, first.io.err).toBe(77);
    expect(readLedger(path('ledger'))!.settled.count).toBe(0);
    const second = await send(...to, '--cert', path('client-cert.pem'), '--key', path('client-key.pem'));
    expect(second.code, second.io.err).toBe(0);
    expect(second.summary).toMatchObject({ accepted: COUNT });
    expect(simulator.counts.accepted).toBe(COUNT);
  });

  it('stops early without --topic, and sends everything with it', async () => {
    const first = await send(...(await token()));
    expect(first.code).toBe(78);
    expect(first.io.err).toMatch(
      /first 100 notifications cannot be sent because of their topic[\s\S]*give --topic ID/,
    );
    expect(first.summary['invalid']).toBeLessThan(COUNT);
    const second = await send(...(await token()), '--topic', TOPIC);
    expect(second.code, second.io.err).toBe(0);
    expect(second.summary).toMatchObject({ accepted: COUNT });
  });

  it('stops early with a mistyped --topic, and sends everything with the right one', async () => {
    const first = await send(...(await token()), '--topic', 'com.example.typo');
    expect(first.code).toBe(77);
    expect(first.io.err).toMatch(/refused the topic of the first 100 notifications \(\w+\)/);
    expect(first.summary['rejected']).toBeLessThanOrEqual(1100);
    expect(first.summary['unknown']).toBe(0);
    const second = await send(...(await token()), '--topic', TOPIC);
    expect(second.code, second.io.err).toBe(0);
    expect(second.summary).toMatchObject({ accepted: COUNT });
    expect(simulator.counts.accepted).toBe(COUNT);
  });

  it('stops early on the binary wire, too, where the topic is that of the certificate', async () => {
    const missingTopic = encodeTokenFault('reject', 3);
    await writeFile(path('in'), line(missingTopic).repeat(COUNT));
    const to = ['--to', `binary://127.0.0.1:${simulator.gateway.port}`, '--credentials', directory];
    const first = await send(...to);
    expect(first.code).toBe(77);
    expect(first.summary['rejected']).toBeLessThan(COUNT);
    const { settled, refused, ended } = readLedger(path('ledger'))!;
    expect(settled.count).toBe(0);
    expect(refused.count).toBe(first.summary['rejected']);
    // Some were written again before the sending stopped: nobody knows, so they are said to be in doubt.
    expect(ended).toBe(first.summary['unknown'] === 0 ? 'idle' : undefined);
  });

  it.each(['all', 'none'])(
    'keeps open what is refused, and settles the rest (--outcomes %s)',
    async (outcomes) => {
      const bad = line(encodeTokenFault('reject', 8));
      const ownTopic = JSON.stringify({ deviceToken: 'a2', topic: 'com.example.typo', payload: { aps: {} } });
      const noTopic = JSON.stringify({ deviceToken: 'a3', topic: 'no topic\u00e9', payload: { aps: {} } });
      await writeFile(path('in'), `${line('a1')}${ownTopic}\n${bad}${noTopic}\n`);
      const argv = [...(await token()), '--topic', TOPIC, '--outcomes', outcomes];
      expect((await send(...argv)).code).toBe(1);
      const { settled, refused } = readLedger(path('ledger'))!;
      expect([...refused]).toEqual([[2, 2]]);
      expect([...settled]).toEqual([
        [1, 1],
        [3, 4],
      ]);
      const again = await send(...argv);
      expect(again.code).toBe(1);
      expect(again.summary).toMatchObject({ notifications: 1, rejected: 1, refusedForSettings: 1 });
      expect(again.io.err).toContain('of 1 line refused in earlier runs: 1 rejected');
    },
  );

  it('does not stop early once something was accepted', async () => {
    const typo = JSON.stringify({ deviceToken: 'a2', topic: 'com.example.typo', payload: { aps: {} } });
    await writeFile(path('in'), `${line('a1')}${`${typo}\n`.repeat(300)}${line('a3')}`);
    const { code, summary } = await send(...(await token()), '--topic', TOPIC);
    expect(code).toBe(1);
    expect(summary).toMatchObject({ accepted: 2, rejected: 300 });
  });
});
