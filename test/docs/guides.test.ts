/** The TypeScript guides: their files are compiled strictly against the built package, and run against the simulator. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Http2Options } from '../../src/engine/http2/options.js';
import { createSimulator, encodeTokenFault, type Simulator } from '../../src/simulator/index.js';
import { NUMBERED_REASONS } from '../../src/simulator/rejection.js';
import { ROOT } from '../support/node-process.js';

const GUIDES = join(ROOT, 'docs/guides');
const OPTIONS = {
  module: 'nodenext',
  target: 'es2022',
  lib: ['es2023'],
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  exactOptionalPropertyTypes: true,
  noUnusedLocals: true,
  skipLibCheck: false,
};
const requireFromHere = createRequire(import.meta.url);
const tsc = join(dirname(requireFromHere.resolve('typescript/package.json')), 'bin', 'tsc');
const vitest = join(dirname(requireFromHere.resolve('vitest/package.json')), 'vitest.mjs');

/** Inside the repository, so that `apns-streams` and the tools resolve as in a project that has installed them. */
let project: string;
let simulator: Simulator;
let options: Http2Options;

/** The files of a page: each block begins with its file's name. */
function filesOf(page: string): [name: string, code: string][] {
  const source = readFileSync(join(GUIDES, page), 'utf8');
  const blocks = [...source.matchAll(/^```(?:ts|js)\n(.*?)^```$/gms)].map(([, code]) => code!);
  return blocks.map((code) => [/^\/\/ (\S+)\n/.exec(code)?.[1] ?? expect.unreachable(code), code]);
}

// biome-ignore lint/suspicious/noExplicitAny: the guides' own types are checked by the compiler
const load = (file: string): Promise<any> => import(join(project, 'dist', file));

beforeAll(async () => {
  simulator = await createSimulator();
  const { host, port } = simulator.http2;
  const { ca, providerKey: key, keyId, teamId, topic } = simulator.credentials;
  options = { host, port, tls: { ca }, providerToken: { key, keyId, teamId }, topic };
  mkdirSync(join(ROOT, '.tmp'), { recursive: true });
  project = mkdtempSync(join(ROOT, '.tmp', 'guides-'));
  for (const page of readdirSync(GUIDES)) {
    const folder = join(project, 'src', page.replace('.md', ''));
    mkdirSync(folder, { recursive: true });
    for (const [name, code] of filesOf(page)) writeFileSync(join(folder, name), code);
  }
  const config = {
    compilerOptions: { ...OPTIONS, rootDir: 'src', outDir: 'dist' },
    include: ['src/**/*.ts'],
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
  execFileSync(process.execPath, [tsc, '-p', project], {
    cwd: project,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
});

afterAll(async () => {
  await simulator.close();
  rmSync(project, { recursive: true });
});

test('server.md shows a server that responds to every request, and stops after the last outcome', async () => {
  const file = `export const options = ${JSON.stringify(options)};`;
  writeFileSync(join(project, 'dist/server/options.js'), file);
  const child = spawn(process.execPath, [join(project, 'dist/server/server.js')], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const stderr = text(child.stderr);
  const [line] = (await once(createInterface(child.stdout), 'line')) as string[];
  const { port } = JSON.parse(line!) as { port: number };
  const ask = async (body: string): Promise<[number, unknown]> => {
    const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body });
    return [response.status, ((await response.json()) as { status: unknown }).status];
  };
  const to = (deviceToken: string): string => JSON.stringify({ deviceToken, payload: { aps: {} } });
  const late = ask(to(encodeTokenFault('latency', 20)));
  const answers = ['null', '{', to('aabb'), to('fa170108')].map(ask);
  expect(await Promise.all(answers)).toEqual([
    [400, 'invalid'],
    [400, 'invalid'],
    [200, 'accepted'],
    [422, 'rejected'],
  ]);
  child.kill('SIGTERM');
  expect(await late).toEqual([200, 'accepted']);
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(await stderr).toBe('');
});

test('server.md shows a service that opens a new delivery after a failure', async () => {
  const { PushService } = await load('server/push-service.js');
  const silence = vi.spyOn(console, 'error').mockImplementation(() => {});
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  onTestFinished(() => {
    silence.mockRestore();
    vi.useRealTimers();
  });
  const other = await createSimulator();
  onTestFinished(() => other.close());
  const { ca } = other.credentials;
  // The simulator's own certificate is of an authority that this client does not trust.
  const service = new PushService({ ...options, tls: { ca } });
  const notification = () => ({ deviceToken: 'aabb', payload: {} });
  expect(await service.push(notification())).toMatchObject({ status: 'unsent' });
  await vi.waitFor(() => expect(silence).toHaveBeenCalledOnce());
  expect(await service.push(notification())).toEqual({ status: 'unsent', reason: 'NoConnection' });
  vi.advanceTimersByTime(10_000);
  expect(await service.push(notification())).toMatchObject({ status: 'unsent', reason: 'UnknownAuthority' });
  expect(service.waiting).toBe(0);
  await vi.waitFor(() => expect(silence).toHaveBeenCalledTimes(2));
});

test('database-batch.md sends what is due, page by page, and saves every outcome', async () => {
  const { sendBatch } = await load('database-batch/batch.js');
  const gone = 'ccdd';
  simulator.devices.unregister(gone);
  const tokens = [...Array.from({ length: 2500 }, (_, i) => `${1e6 + i}`.padStart(64, '0')), gone, 'not hex'];
  const rows = tokens.map((device_token, i) => ({
    id: `${i + 1}`,
    device_token,
    payload: { aps: { badge: i } },
  }));
  const saved = new Map<unknown, unknown[]>();
  const forgotten: unknown[] = [];
  const query = vi.fn(async (sql: string, values: unknown[]) => {
    if (sql.startsWith('UPDATE')) saved.set(values[0], values.slice(1));
    if (sql.startsWith('DELETE')) forgotten.push(values[0]);
    const from = Number(values[0]);
    return { rows: sql.includes('SELECT') ? rows.slice(from, from + 1000) : [] };
  });
  const counts = await sendBatch({ query }, options);
  expect(counts).toMatchObject({ accepted: 2500, rejected: 1, invalid: 1 });
  expect([...saved.keys()].map(Number).toSorted((a, b) => a - b)).toEqual(rows.map(({ id }) => Number(id)));
  expect(saved.get('2501')).toEqual(['rejected', 'Unregistered']);
  expect(forgotten).toEqual([gone]);
});

test('database-batch.md queries only tables and columns that it creates', () => {
  const page = readFileSync(join(GUIDES, 'database-batch.md'), 'utf8');
  const [, schema] = /^```sql\n(.*?)^```$/ms.exec(page)!;
  const known = new Set(schema!.match(/[a-z_]+/g));
  const queries = [...page.matchAll(/(?:DUE|SAVE|FORGET) = [`'](.*?)[`'];/gs)].map(([, sql]) => sql!);
  expect(queries).toHaveLength(3);
  for (const sql of queries) {
    const names = sql.replace(/'[^']*'|\w+\(/g, '').match(/\b[a-z_]+\b/g)!;
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  }
});

test('queue-worker.md acknowledges messages or puts them aside by their outcomes, and ends after the last one', async () => {
  const { work } = await load('queue-worker/worker.js');
  const message = (id: string, deviceToken: string) => ({
    id,
    body: JSON.stringify({ deviceToken, payload: { aps: {} } }),
  });
  const stop = new AbortController();
  const settled: [string, string, unknown?][] = [];
  const settle = (what: string) => async (id: string, detail?: unknown) => {
    settled.push([id, what, ...(detail === undefined ? [] : [detail])] as [string, string, unknown?]);
    if (settled.length === 5) stop.abort();
  };
  async function* receive(signal: AbortSignal) {
    yield message('1', 'aabb');
    yield message('2', 'fa170108');
    yield { id: '3', body: 'no JSON' };
    yield message('4', encodeTokenFault('reason', NUMBERED_REASONS.indexOf('BadMessageId')));
    yield message('5', 'not hex');
    if (!signal.aborted) await once(signal, 'abort');
  }
  const queue = {
    receive,
    acknowledge: settle('ack'),
    retryLater: settle('retry'),
    deadLetter: settle('dead'),
  };
  await work(queue, options, stop.signal);
  expect(settled.toSorted().map(([id, what]) => `${id} ${what}`)).toMatchObject([
    '1 ack',
    '2 dead',
    '3 dead',
    '4 dead',
    '5 dead',
  ]);
});

test('queue-worker.md decides as the table of outcomes says', async () => {
  const { decide } = await load('queue-worker/decide.js');
  const rejected = (statusCode: number, more = {}) =>
    decide({ status: 'rejected', statusCode, reason: 'R', ...more });
  expect(decide({ status: 'accepted' })).toEqual({ action: 'acknowledge' });
  expect(decide({ status: 'unsent', reason: 'R' })).toMatchObject({ action: 'retry' });
  expect(decide({ status: 'unknown', reason: 'R' })).toMatchObject({ action: 'retry' });
  expect(rejected(429, { retryAfterMs: 5 })).toEqual({ action: 'retry', delayMs: 5 });
  expect(rejected(503)).toEqual({ action: 'retry', delayMs: 900_000 });
  expect(rejected(403)).toMatchObject({ action: 'retry' });
  expect(rejected(410)).toEqual({ action: 'dead-letter', reason: 'R' });
});

test('key-rotation.md moves to a new key without losing a notification', async () => {
  const { RotatingPush } = await load('key-rotation/rotating-push.js');
  const { keyId, teamId } = simulator.credentials;
  const next = await createSimulator();
  onTestFinished(() => next.close());
  const key = next.credentials.providerKey;
  const newId = keyId === 'ABC123DEFG' ? 'ABC123DEFH' : 'ABC123DEFG';
  simulator.http2.setProviderKeys([{ key, keyId: newId, teamId }]);
  const outcomes: { status: string }[] = [];
  const errors: Error[] = [];
  const push = new RotatingPush(
    options,
    (outcome: { status: string }) => outcomes.push(outcome),
    (error: Error) => errors.push(error),
  );
  const write = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) if (!push.write({ deviceToken: 'aabb', payload: {} })) await push.drain();
  };
  await write(500);
  await expect(
    push.rotate({ ...options, providerToken: { key: 'no key', keyId, teamId } }),
  ).rejects.toThrow();
  const rotation = push.rotate({ ...options, providerToken: { key, keyId: newId, teamId } });
  await write(500);
  await rotation;
  await push.close();
  expect(errors).toEqual([]);
  expect(outcomes.map(({ status }) => status)).toEqual(Array(1000).fill('accepted'));
});

test('key-rotation.md reads the key again at a signal', async () => {
  const { rotateOnSighup } = await load('key-rotation/rotate-on-signal.js');
  const before = process.listeners('SIGHUP');
  const rotate = vi.fn(async () => {});
  rotateOnSighup({ rotate }, join(project, 'tsconfig.json'), (key: Buffer) => ({ key: key.length }));
  const [added] = process.listeners('SIGHUP').filter((listener) => !before.includes(listener));
  onTestFinished(() => void process.off('SIGHUP', added!));
  added!('SIGHUP');
  await vi.waitFor(() => expect(rotate).toHaveBeenCalledOnce());
});

describe('testing.md', () => {
  test('shows a test for vitest', () => {
    // Without a configuration of its own, it would find that of this repository.
    writeFileSync(join(project, 'src/testing/vitest.config.mjs'), 'export default {};');
    const args = [vitest, 'run', '--root', join(project, 'src/testing'), '--reporter=json'];
    const report = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    expect(report).toMatchObject({ numTotalTests: 3, numPassedTests: 3 });
  });

  test('shows a test for node:test', () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = ['--test-reporter=tap', join(project, 'dist/testing/greet.node.js')];
    expect(execFileSync(process.execPath, args, { encoding: 'utf8', env })).toMatch(/^# pass 1$/m);
  });

  test('shows a test for Jest, with the globals that Jest gives it', async () => {
    const code = readFileSync(join(project, 'src/testing/greet.jest.js'), 'utf8');
    const { greet } = await load('testing/greet.js');
    const { createSimulator } = requireFromHere('apns-streams/simulator');
    const require = (name: string) => (name.startsWith('.') ? { greet } : { createSimulator });
    const steps: Record<string, () => unknown> = {};
    const step = (name: string) => (run: () => unknown) => {
      steps[name] = run;
    };
    const globals = {
      require,
      expect,
      beforeAll: step('before'),
      afterAll: step('after'),
      test: (_name: string, run: () => unknown) => step('test')(run),
    };
    new Function(...Object.keys(globals), code)(...Object.values(globals));
    await steps['before']!();
    try {
      await steps['test']!();
    } finally {
      await steps['after']!();
    }
  });
});
