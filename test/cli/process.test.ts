import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator, writeCredentials } from '../../src/simulator/index.js';
import { CommandProcess } from './command-process.js';

let simulator: Simulator;
let directory: string;
const started: CommandProcess[] = [];

beforeEach(async () => {
  simulator = await createSimulator({ record: 'tokens' });
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  await writeCredentials(simulator, directory);
});
afterEach(async () => {
  for (const command of started.splice(0)) command.dispose();
  await simulator.close();
  await rm(directory, { recursive: true });
});

function start(argv: readonly string[], stdout?: number): CommandProcess {
  const command = new CommandProcess(argv, stdout);
  started.push(command);
  return command;
}

const send = (more: readonly string[] = [], stdout?: number): CommandProcess =>
  start(
    ['send', '--to', `binary://127.0.0.1:${simulator.gateway.port}`, '--credentials', directory, ...more],
    stdout,
  );

const token = (n: number): string => n.toString(16).padStart(64, '0');
const line = (n: number): string => `{"deviceToken":"${token(n)}","payload":{"aps":{"badge":${n}}}}\n`;
const lines = (count: number): string => Array.from({ length: count }, (_, i) => line(i + 1)).join('');
const parse = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((each) => JSON.parse(each));
const STACK = /\n\s+at /;

describe('the process', () => {
  it('sends what is piped in, prints outcomes only on standard output, and exits with 0', async () => {
    const command = send();
    command.stdin.end(lines(1000));
    const { code, out, err } = await command.exit();
    expect(code).toBe(0);
    expect(parse(out).map(({ status, line: number }) => `${status} ${number}`)).toEqual(
      Array.from({ length: 1000 }, (_, i) => `accepted ${i + 1}`),
    );
    expect(err).toMatch(/^1,000 notifications: 1,000 accepted in .*\n$/);
  });

  it('lets the last line of a megabyte of results through a pipe', async () => {
    const command = start(['encode', '--hex']);
    command.stdin.end(lines(10_000));
    const { code, out } = await command.exit();
    expect(code).toBe(0);
    expect(out.length).toBeGreaterThan(1_000_000);
    const frames = out.trimEnd().split('\n');
    expect(frames).toHaveLength(10_000);
    expect(frames.at(-1)).toContain(token(10_000));
  });

  it('stops with 141 and without a stack when its reader goes away', async () => {
    const command = send();
    command.stdin.write(lines(50_000));
    await command.said('stdout', /\n/);
    command.stdout.destroy();
    command.stdin.end(lines(50_000));
    const { code, err } = await command.exit();
    expect(code).toBe(141);
    expect(err).not.toMatch(STACK);
  });

  it.runIf(existsSync('/dev/full'))('stops with 74 when the disk of the outcome file is full', async () => {
    const full = openSync('/dev/full', 'w');
    const command = send([], full);
    closeSync(full);
    command.stdin.end(lines(100));
    const { code, err } = await command.exit();
    expect(code).toBe(74);
    expect(err).toMatch(/no space left/);
    expect(err).not.toMatch(STACK);
  });

  it('settles what is under way on the first SIGINT, and exits with 130', async () => {
    const command = send();
    command.stdin.write(lines(20));
    await simulator.waitFor(({ accepted }) => accepted === 20);
    command.kill('SIGINT');
    const { code, out, err } = await command.exit();
    expect(code).toBe(130);
    expect(parse(out).map(({ status }) => status)).toEqual(Array(20).fill('accepted'));
    expect(err).toMatch(/20 notifications: 20 accepted/);
    expect(err).toMatch(/after line 20/);
  });

  it('stops at once on the second SIGINT, and still says what became of each', async () => {
    simulator.gateway.setFaults({ stall: true });
    const command = send(['--json-summary']);
    command.stdin.write(lines(20));
    await simulator.waitFor(({ connections }) => connections === 1);
    command.kill('SIGINT');
    await command.said('stderr', /stopping/);
    command.kill('SIGINT');
    const { code, out, err } = await command.exit();
    expect(code).toBe(130);
    const outcomes = parse(out);
    expect(new Set(outcomes.map(({ line: number }) => number)).size).toBe(20);
    for (const { status } of outcomes) expect(['unsent', 'unknown']).toContain(status);
    expect(JSON.parse(err.trimEnd().split('\n').at(-1)!)).toMatchObject({ notifications: 20, accepted: 0 });
  });

  it('exits with 143 on SIGTERM', async () => {
    const command = send(['--quiet']);
    command.stdin.write(line(1));
    await simulator.waitFor(({ accepted }) => accepted === 1);
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ code: 143, err: '' });
  });

  it('stops with 141 when nobody reads its help', async () => {
    const command = start(['send', '--help']);
    command.stdout.destroy();
    const { code, err } = await command.exit();
    expect(code).toBe(141);
    expect(err).toBe('');
  });

  it('answers wrong use with 64 on standard error alone', async () => {
    expect(await start(['send', '--frobnicate']).exit()).toMatchObject({ code: 64, out: '' });
  });
});

describe('simulate', () => {
  it('says where it listens, takes what is sent, records it, and exits with 0 on SIGTERM', async () => {
    const credentials = join(directory, 'made');
    const record = join(directory, 'accepted.ndjson');
    const unregistered = join(directory, 'gone.txt');
    await writeFile(unregistered, `${token(2)}\n`);
    const options = ['--credentials', credentials, '--record', record, '--unregistered', unregistered];
    const command = start(['simulate', ...options]);
    const ready = await command.said('stdout', /\n/);
    const { gateway, feedback, http2, ...rest } = JSON.parse(ready);
    expect(ready.split('\n')).toHaveLength(2);
    expect(rest).toEqual({ credentials });
    const address = { host: '127.0.0.1', port: expect.any(Number) };
    expect([gateway, feedback, http2]).toEqual([address, address, address]);
    expect(await readdir(credentials)).toEqual(
      expect.arrayContaining(['ca.pem', 'client-cert.pem', 'client-key.pem', 'credentials.json']),
    );

    const sender = start([
      'send',
      '--to',
      `binary://${gateway.host}:${gateway.port}`,
      '--credentials',
      credentials,
    ]);
    sender.stdin.end(lines(3));
    expect((await sender.exit()).code).toBe(0);
    const reader = start([
      'feedback',
      '--to',
      `binary://${feedback.host}:${feedback.port}`,
      '--credentials',
      credentials,
    ]);
    expect(parse((await reader.exit()).out)).toMatchObject([{ deviceToken: token(2) }]);

    command.kill('SIGTERM');
    const { code, err } = await command.exit();
    expect(code).toBe(0);
    expect(err).toMatch(/^apns-streams: 3 accepted, .*\n$/);
    expect(parse(await readFile(record, 'utf8'))).toEqual(
      [1, 2, 3].map((n) => ({ deviceToken: token(n), identifier: n, payload: { aps: { badge: n } } })),
    );
  });

  it('makes the first connection sick, and lets the next one work', async () => {
    const credentials = join(directory, 'sick');
    const faults = ['--gateway-sick', 'invalid-token', '--http2-sick', 'internal-error'];
    const command = start(['simulate', '--credentials', credentials, ...faults, '--sick-connections', '1']);
    const { gateway } = JSON.parse(await command.said('stdout', /\n/));
    const statuses: unknown[] = [];
    for (let run = 0; run < 2; run++) {
      const to = ['--to', `binary://${gateway.host}:${gateway.port}`];
      const sender = start(['send', ...to, '--credentials', credentials]);
      sender.stdin.end(lines(1));
      statuses.push(...parse((await sender.exit()).out).map(({ status }) => status));
    }
    expect(statuses).toEqual(['rejected', 'accepted']);
    command.kill('SIGTERM');
    expect((await command.exit()).err).toContain('1 accepted,');
  });

  it.each([
    ['--tls-max 1.2', 'TLSv1.2'],
    ['--tls-min 1.3', 'TLSv1.3'],
    ['--tls-max 1.1', 'TLSv1.1'],
    ['--tls-min 1.0 --tls-max 1.0', 'TLSv1'],
  ])('speaks the version of TLS that is asked for: %s', async (options, protocol) => {
    const command = start(['simulate', ...options.split(' ')]);
    const { http2, credentials } = JSON.parse(await command.said('stdout', /\n/));
    const ca = await readFile(join(credentials, 'ca.pem'));
    const any = { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const socket = connect({ ...http2, ...any, ca, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    expect(socket.getProtocol()).toBe(protocol);
    socket.destroy();
    command.kill('SIGTERM');
    expect((await command.exit()).code).toBe(0);
  });

  it('refuses versions of TLS that exclude each other', async () => {
    const { code, err } = await start(['simulate', '--tls-min', '1.3', '--tls-max', '1.2']).exit();
    expect(code).toBe(64);
    expect(err).toContain('--tls-min 1.3 is newer than --tls-max 1.2');
  });

  it('makes no connection sick without being told how', async () => {
    const { code, err } = await start(['simulate', '--sick-connections', '1']).exit();
    expect(code).toBe(64);
    expect(err).toContain('--sick-connections needs --gateway-sick or --http2-sick');
  });

  it('makes credentials only its user can read, and removes them at the end', async () => {
    const command = start(['simulate']);
    const { credentials } = JSON.parse(await command.said('stdout', /\n/));
    expect((await stat(credentials)).mode & 0o777).toBe(0o700);
    expect((await stat(join(credentials, 'client-key.pem'))).mode & 0o777).toBe(0o600);
    command.kill('SIGINT');
    expect((await command.exit()).code).toBe(0);
    expect(existsSync(credentials)).toBe(false);
  });

  it('exits with 69 when its port is taken, and with 74 when the record cannot be written', async () => {
    const taken = start(['simulate', '--gateway-port', String(simulator.gateway.port)]);
    expect(await taken.exit()).toMatchObject({ code: 69, out: '' });
    const takenToo = start(['simulate', '--http2-port', String(simulator.gateway.port)]);
    expect(await takenToo.exit()).toMatchObject({ code: 69, out: '' });
    const nowhere = start(['simulate', '--record', join(directory, 'missing', 'file')]);
    expect((await nowhere.exit()).code).toBe(74);
  });
});
