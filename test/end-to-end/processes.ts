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
import type { Outcome, OutcomeCounts } from '../../src/outcome.js';

const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

type Command = ChildProcessByStdio<Writable, Readable, Readable>;

function start(args: readonly string[]): Command {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: 'pipe' });
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
  const directory = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const record = join(directory, 'accepted.ndjson');
  const credentials = join(directory, 'credentials');
  const child = start(['simulate', '--credentials', credentials, '--record', record, ...args]);
  child.stderr.resume();
  const [line] = await once(child.stdout, 'data');
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

/** Pipes `input` into `apns-streams send`, as `cat FILE | apns-streams send` would. */
export async function send(simulator: SimulatorProcess, input: string, ...args: string[]): Promise<Sent> {
  const { gateway, credentials } = simulator;
  const to = `binary://${gateway.host}:${gateway.port}`;
  const child = start([
    'send',
    '--to',
    to,
    '--credentials',
    credentials,
    '--quiet',
    '--json-summary',
    ...args,
  ]);
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
