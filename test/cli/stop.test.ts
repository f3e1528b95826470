import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { isHangupIgnored } from '../../src/cli/ignored-hangup.js';
import { StopSignals } from '../../src/cli/stop-signals.js';
import { createSimulator, type Simulator, writeCredentials } from '../../src/simulator/index.js';
import { CommandProcess } from './command-process.js';
import { FakeIo } from './fake-io.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const line = (n: number): string =>
  `{"deviceToken":"${n.toString(16).padStart(64, '0')}","payload":{"aps":{}}}\n`;
const lines = (count: number): string => Array.from({ length: count }, (_, i) => line(i + 1)).join('');
const statuses = (out: string): string[] =>
  out
    .trimEnd()
    .split('\n')
    .map((each) => JSON.parse(each).status);

let simulator: Simulator;
let directory: string;

beforeEach(async () => {
  simulator = await createSimulator({ record: 'counts' });
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  await writeCredentials(simulator, directory);
});
afterEach(async () => {
  await simulator.close();
  await rm(directory, { recursive: true });
});

const argv = (...more: string[]): string[] => [
  'send',
  '--to',
  `binary://127.0.0.1:${simulator.gateway.port}`,
  '--credentials',
  directory,
  ...more,
];

function send(...more: string[]): CommandProcess {
  const command = new CommandProcess(argv(...more));
  onTestFinished(() => command.dispose());
  return command;
}

describe.skipIf(process.platform === 'win32')('SIGHUP', () => {
  it('settles what is under way, as SIGTERM does, and exits with 129', async () => {
    const command = send();
    command.stdin.write(lines(50));
    await simulator.waitFor(({ accepted }) => accepted === 50);
    command.kill('SIGHUP');
    const { code, out } = await command.exit();
    expect(code).toBe(129);
    expect(statuses(out)).toEqual(Array(50).fill('accepted'));
  });

  // How a parent takes signals is known on Linux only.
  const TRAP = ['trap', `trap '' HUP; "$@"; exit $?`, {}] as const;
  it.each([
    ...(process.platform === 'linux' ? [TRAP] : []),
    ['nohup', 'exec "$@"', { _: '/usr/bin/nohup' }] as const,
  ])('is ignored after %s', async (_, script, env) => {
    const shell = spawn('sh', ['-c', script, 'sh', process.execPath, MAIN, ...argv()], {
      env: { ...process.env, ...env },
      detached: true,
    });
    onTestFinished(() => {
      if (shell.exitCode === null) process.kill(-shell.pid!, 'SIGKILL');
    });
    let out = '';
    shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    shell.stdin.write(lines(1));
    await simulator.waitFor(({ accepted }) => accepted === 1);
    process.kill(-shell.pid!, 'SIGHUP');
    shell.stdin.end(line(2));
    const [code] = await once(shell, 'close');
    expect(code).toBe(0);
    expect(statuses(out)).toEqual(['accepted', 'accepted']);
  });

  it('is not treated as ignored without evidence', () => {
    expect(isHangupIgnored({ _: '/usr/bin/node' }, -1)).toBe(false);
    expect(isHangupIgnored({}, process.pid)).toBe(false);
  });
});

describe('--stop-timeout-ms', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'reports what a silent gateway leaves open, and exits with the code of %s',
    async (signal) => {
      simulator.gateway.setFaults({ stall: true });
      const command = send('--stop-timeout-ms', '300');
      command.stdin.write(lines(20));
      await simulator.waitFor(({ connections }) => connections === 1);
      command.kill(signal);
      const { code, out, err } = await command.exit();
      expect(code).toBe(signal === 'SIGINT' ? 130 : 143);
      expect(err).toContain('waiting up to 0.3 s');
      const ended = statuses(out);
      expect(ended).toHaveLength(20);
      for (const status of ended) expect(['unsent', 'unknown']).toContain(status);
    },
  );

  it('does not wait for a reader of standard output that has stopped reading', async () => {
    const command = send('--stop-timeout-ms', '300', '--json-summary');
    command.stdout.pause();
    // Neither end's buffers hold as many outcomes, so some of them wait in the command.
    command.stdin.write(lines(20_000));
    await simulator.waitFor(({ accepted }) => accepted > 5000);
    command.kill('SIGTERM');
    const { code, err } = await command.exit();
    expect(code).toBe(143);
    expect(err).toContain('the reader of standard output has read nothing for 1.0 s');
    const summary = JSON.parse(err.trimEnd().split('\n').at(-1)!);
    expect(summary.unwritten).toBeGreaterThan(0);
    expect(summary.unwritten).toBeLessThanOrEqual(summary.notifications);
  });

  it('stops at once for 0', async () => {
    simulator.gateway.setFaults({ stall: true });
    const command = send('--stop-timeout-ms', '0');
    command.stdin.write(lines(20));
    await simulator.waitFor(({ connections }) => connections === 1);
    command.kill('SIGTERM');
    const { code, out, err } = await command.exit();
    expect(code, err).toBe(143);
    expect(err).toContain('stopping immediately');
    for (const status of statuses(out)) expect(['unsent', 'unknown']).toContain(status);
  });

  it('counts from the first signal, and ends when all notifications are settled', () => {
    const io = new FakeIo();
    const stopSignals = new StopSignals(io, 8000);
    io.pass(9000);
    expect(stopSignals.second.aborted).toBe(false);
    io.signal('SIGTERM');
    expect(stopSignals.first.aborted).toBe(true);
    io.pass(7999);
    expect(stopSignals.second.aborted).toBe(false);
    io.pass(8000);
    expect(stopSignals.second.aborted).toBe(true);
    expect(io.timers).toBe(0);
    const unused = new StopSignals(io, 8000);
    io.signal('SIGHUP');
    unused.dispose();
    expect(io.timers).toBe(0);
    expect(unused.second.aborted).toBe(false);
  });
});

it('names TMPDIR when no temporary directory can be made', async () => {
  const child = spawn(process.execPath, [MAIN, 'simulate'], {
    env: { ...process.env, TMPDIR: join(directory, 'missing') },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(78);
  expect(err).toMatch(/cannot create a temporary directory in .*missing: no such file[\s\S]*set TMPDIR/);
});
