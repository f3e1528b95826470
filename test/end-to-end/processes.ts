/** Both ends as processes of their own, joined by nothing but what a shell would join them with. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Outcome, OutcomeCounts } from '../../src/core/outcome.js';
import type { Http2ServiceOptions } from '../../src/simulator/http2/service.js';

const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const FAULTY_SIMULATOR = fileURLToPath(new URL('./faulty-simulator.mjs', import.meta.url));

type Command = ChildProcessByStdio<Writable, Readable, Readable>;

function start(script: string, args: readonly string[]): Command {
  const child = spawn(process.execPath, [script, ...args], { stdio: 'pipe' });
  onTestFinished(() => ended(child, 'SIGKILL'));
  return child;
}

async function ended(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  if (signal !== undefined) child.kill(signal);
  await exit;
}

/** An accepted notification as `simulate --record` writes it. */
export interface RecordedNotification {
  readonly deviceToken: string;
  readonly apnsId?: string;
  readonly identifier?: number;
  readonly payload?: unknown;
}

/** `apns-streams simulate` in a process of its own. */
export interface SimulatorProcess {
  readonly gateway: { readonly host: string; readonly port: number };
  readonly feedback: { readonly host: string; readonly port: number };
  readonly http2: { readonly host: string; readonly port: number };
  readonly credentials: string;
  /** What it has accepted so far and written to its record, in order. */
  accepted(): RecordedNotification[];
  /** Stops it and returns everything it has accepted, in order. */
  stop(): Promise<RecordedNotification[]>;
}

export async function startSimulator(...args: string[]): Promise<SimulatorProcess> {
  return runSimulator((credentials, record) =>
    start(COMMAND, ['simulate', '--credentials', credentials, '--record', record, ...args]),
  );
}

/** The same, but its HTTP/2 side has faults that the command has no options for. */
export async function startFaultySimulator(http2: Http2ServiceOptions): Promise<SimulatorProcess> {
  return runSimulator((credentials, record) =>
    start(FAULTY_SIMULATOR, [JSON.stringify({ credentials, http2 }), record]),
  );
}

async function runSimulator(
  startIt: (credentials: string, record: string) => Command,
): Promise<SimulatorProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const record = join(directory, 'accepted.ndjson');
  const child = startIt(join(directory, 'credentials'), record);
  const problem = text(child.stderr);
  const failed = once(child, 'exit').then(async () => {
    throw new Error(`the simulator did not start: ${await problem}`);
  });
  const [line] = await Promise.race([once(child.stdout, 'data'), failed]);
  failed.catch(() => {});
  const accepted = () => parseLines<RecordedNotification>(readFileSync(record, 'utf8'));
  return {
    ...(JSON.parse(String(line)) as Pick<SimulatorProcess, 'gateway' | 'feedback' | 'http2' | 'credentials'>),
    accepted,
    async stop() {
      await ended(child, 'SIGTERM');
      return accepted();
    },
  };
}

/** The line that `--json-summary` ends standard error with. */
export interface Summary extends OutcomeCounts {
  readonly notifications: number;
  readonly exitCode: number;
}

/** What a run of `apns-streams send` came to. */
export interface Sent {
  readonly exitCode: number | null;
  readonly outcomes: Outcome[];
  readonly summary: Summary;
}

/** Pipes `input` into `apns-streams send`, as `cat FILE | apns-streams send` would, over the binary wire. */
export function send(simulator: SimulatorProcess, input: string, ...args: string[]): Promise<Sent> {
  const { gateway, credentials } = simulator;
  const to = `binary://${gateway.host}:${gateway.port}`;
  return runSend(input, ['--to', to, '--credentials', credentials, ...args]);
}

/** The same over HTTP/2, with a client certificate or a provider token. */
export function sendHttp2(
  simulator: SimulatorProcess,
  auth: 'certificate' | 'token',
  input: string,
  ...args: string[]
): Promise<Sent> {
  const { http2, credentials } = simulator;
  const who = auth === 'token' ? providerTokenArguments(credentials) : ['--credentials', credentials];
  return runSend(input, ['--to', `https://${http2.host}:${http2.port}`, ...who, ...args]);
}

function providerTokenArguments(credentials: string): string[] {
  const { keyId, teamId, topic } = JSON.parse(readFileSync(join(credentials, 'credentials.json'), 'utf8'));
  return Object.entries({
    ca: join(credentials, 'ca.pem'),
    'provider-key': join(credentials, `AuthKey_${keyId}.p8`),
    'key-id': keyId,
    'team-id': teamId,
    topic,
  }).map(([name, value]) => `--${name}=${value}`);
}

async function runSend(input: string, args: readonly string[]): Promise<Sent> {
  const child = start(COMMAND, ['send', '--quiet', '--json-summary', ...args]);
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    pipeline(Readable.from([input]), child.stdin),
    ended(child),
  ]);
  return {
    exitCode: child.exitCode,
    outcomes: parseLines<Outcome>(stdout),
    summary: parseLines<Summary>(stderr.slice(stderr.lastIndexOf('\n', stderr.length - 2) + 1))[0]!,
  };
}

function parseLines<T>(ndjson: string): T[] {
  return ndjson
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as T);
}
