/**
 * Freezes clients of the package at random, blocks their event loops and sets their clocks, while their peer goes on.
 * Each client is a process of its own. See `--help`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { mintCredentials, type SimulatorCredentials } from '../../src/simulator/pki/credentials.js';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.js';
import { checkFreeze, type FreezeResult } from './freeze-check.js';
import { type FreezeEvent, type FreezePlan, freezePlans } from './freeze-plan.js';
import type { FreezeOutcome } from './freezing-client.js';

const HELP = `npm run soak:freezes -- [options]

  --seeds N   so many runs (100), each with a client of its own
  --seed N    the first seed; the others follow it (by default the clock decides)
  --lanes N   runs side by side (8): they mostly wait
  --help      this

Prints one line of JSON. Exit code 0: no violation. 1: a violation; each comes with the command that
replays it.
`;

const CLIENT = fileURLToPath(new URL('./freezing-client.js', import.meta.url));
const PING_TIMEOUT_MS = 1000;

/** From the end of the input until everything must be settled: deadlines, retries and a busy machine. */
const PATIENCE_MS = 60_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    lanes: { type: 'string', default: '8' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else await soak(Number(values.seed), Number(values.seeds), Number(values.lanes));

async function soak(seed: number, seeds: number, lanes: number): Promise<void> {
  const startedAt = performance.now();
  const credentials = mintCredentials('com.example.app');
  const outcomes: Record<string, number> = {};
  const events: Record<string, number> = {};
  const violations: object[] = [];
  let next = seed;
  const lane = async (): Promise<void> => {
    while (next < seed + seeds) {
      const mine = next++;
      const plan = fc.sample(freezePlans, { seed: mine, numRuns: 1 })[0]!;
      for (const { kind } of plan.events) events[kind] = (events[kind] ?? 0) + 1;
      try {
        const result = await run(plan, credentials);
        for (const { status } of result.outcomes) outcomes[status] = (outcomes[status] ?? 0) + 1;
        checkFreeze(plan, PING_TIMEOUT_MS, result);
      } catch (error) {
        const replay = `npm run soak:freezes -- --seeds 1 --seed ${mine}`;
        process.stderr.write(`${(error as Error).message}\n${JSON.stringify(plan)}\n  replay: ${replay}\n`);
        violations.push({ seed: mine, problem: (error as Error).message.split('\n', 1)[0], replay });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, seeds) }, lane));
  const ms = Math.round(performance.now() - startedAt);
  process.stdout.write(`${JSON.stringify({ seed, seeds, outcomes, events, ms, violations })}\n`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}

async function run(plan: FreezePlan, credentials: SimulatorCredentials): Promise<FreezeResult> {
  const { services, latencyMs } = plan;
  const simulator = await createSimulator({
    record: 'tokens',
    credentials,
    gateway: { ...services?.gateway },
    http2: { latencyMs, ...services?.http2 },
  });
  const argument = { wire: plan.wire, options: optionsOf(plan, simulator), skewMs: plan.skewMs };
  const child = spawn(process.execPath, [CLIENT, JSON.stringify(argument)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const printed = readLines(child);
    const closed = once(child, 'close');
    const connected = simulator.waitFor(({ connections }) => connections > 0);
    connected.catch(() => {});
    await Promise.race([connected, closed]);
    for (const event of plan.events)
      await happen(event, child, plan.wire === 'http2' ? simulator.http2 : simulator.gateway);
    child.stdin!.write('end\n');
    const isClosed = await Promise.race([closed, delay(PATIENCE_MS, undefined, { ref: false })]);
    if (isClosed === undefined) throw new Error(`not settled after ${PATIENCE_MS} ms: ${printed.join()}`);
    return resultOf(printed, simulator, isClosed as [number | null, NodeJS.Signals | null]);
  } finally {
    child.kill('SIGKILL');
    await simulator.close();
  }
}

function optionsOf(plan: FreezePlan, { credentials, http2, gateway }: Simulator): object {
  const { ca, cert, key, providerKey, keyId, teamId, topic } = credentials;
  const { connections, timeoutMs } = plan;
  const isHttp2 = plan.wire === 'http2';
  const isToken = isHttp2 && plan.auth === 'token';
  const { host, port } = isHttp2 ? http2 : gateway;
  return {
    host,
    port,
    connections,
    timeoutMs,
    pingTimeoutMs: PING_TIMEOUT_MS,
    backoff: { initialMs: 10, maxMs: 100 },
    tls: isToken ? { ca } : { ca, cert, key },
    ...(isHttp2 ? { topic } : { window: { count: 200, ageMs: 100 } }),
    ...(isToken && { providerToken: { key: providerKey, keyId, teamId } }),
  };
}

async function happen(
  event: FreezeEvent,
  child: ChildProcess,
  service: { disconnect(how?: 'close' | 'reset' | 'goaway'): void },
): Promise<void> {
  await delay(event.afterMs);
  if (event.kind === 'block') {
    child.stdin!.write(`block ${event.ms}\n`);
    await delay(event.ms);
  } else if (event.kind === 'jump') {
    child.stdin!.write(`jump ${event.ms}\n`);
  } else {
    child.kill('SIGSTOP');
    await delay(event.ms / 2);
    if (event.cut !== null) service.disconnect(event.cut);
    await delay(event.ms / 2);
    child.kill('SIGCONT');
  }
}

function readLines(child: ChildProcess): string[] {
  const lines: string[] = [];
  createInterface(child.stdout!).on('line', (line) => lines.push(line));
  return lines;
}

function resultOf(
  lines: readonly string[],
  simulator: Simulator,
  [exitCode, signal]: readonly [number | null, NodeJS.Signals | null],
): FreezeResult {
  const outcomes: FreezeOutcome[] = [];
  let written = 0;
  let failure: string | undefined;
  for (const line of lines) {
    const entry = JSON.parse(line) as Partial<FreezeOutcome> & { written?: number; failure?: string };
    if (entry.id !== undefined) outcomes.push(entry as FreezeOutcome);
    written = entry.written ?? written;
    failure = entry.failure ?? failure;
  }
  const accepted = new Map<number, number>();
  for (const { deviceToken } of simulator.accepted) {
    const id = Number.parseInt(deviceToken, 16);
    accepted.set(id, (accepted.get(id) ?? 0) + 1);
  }
  return { written, outcomes, failure, accepted, exit: signal ?? exitCode };
}
