/** One long-lived set of sinks and deliveries against one simulator, through continuous random faults. */
import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { mintCredentials, type SimulatorCredentials } from '../../src/simulator/pki/credentials.js';
import { ModelBench, setServiceFaults } from '../model/model-bench.js';
import { connectionScripts, type Route, servicePlans } from '../model/model-plan.js';
import type { ConnectionScript } from '../support/fault-proxy.js';
import { within } from '../support/sending.js';
import { handleCount, type Resources, readResources, readSettledResources } from './resources.js';
import { SoakLedger } from './soak-ledger.js';
import { runSoakStream } from './soak-stream.js';

export interface EnduranceOptions {
  readonly seed: number;
  readonly ms: number;
  readonly reportEveryMs: number;
  readonly onReport: (report: EnduranceReport) => void;
}

export interface EnduranceReport {
  readonly elapsedMs: number;
  readonly notifications: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Faults of the network, by name. */
  readonly faults: Readonly<Record<string, number>>;
  /** Times the simulator was given other faults, or has cut off everybody. */
  readonly troubles: number;
  readonly connections: number;
  /** Streams that had failed, as they must where trying again cannot help, and were replaced. */
  /** Those of the simulator, and of the proxies before it. */
  readonly open: readonly [simulator: number, proxies: number];
  readonly restarts: Readonly<Record<string, number>>;
  /** Notifications in the books: under way, or settled not long ago. */
  readonly remembered: number;
  /** Accepted again, where that was asked for. */
  readonly duplicates: number;
  readonly resources: Resources;
  readonly violations: readonly string[];
}

export interface EnduranceSummary extends EnduranceReport {
  /** With everything closed, before and after. */
  readonly before: Resources;
  readonly after: Resources;
}

const ROUTES: readonly Route[] = ['encoder and sink', 'binary delivery', 'http2 sink', 'http2 delivery'];

/** A stream's share of the serials. */
const SERIALS = 2 ** 28;

/** How much more memory may be in use afterwards, with everything closed and collected. */
const TOLERANCE_MB = 8;

const PATIENCE_MS = 30_000;

export async function runEndurance(options: EnduranceOptions): Promise<EnduranceSummary> {
  const credentials = mintCredentials('com.example.app');
  // What is compiled and cached on the way is there before the measuring begins.
  const warmUpMs = Math.min(20_000, options.ms / 3);
  await runPhase(credentials, { ...options, ms: warmUpMs, reportEveryMs: Infinity });
  const before = await readSettledResources();
  const report = await runPhase(credentials, options);
  const violations = [...report.violations];
  let after = await readSettledResources();
  for (let i = 0; i < 100 && handleCount(after) > handleCount(before); i++)
    after = await readSettledResources();
  if (handleCount(after) > handleCount(before))
    violations.push(`handles: ${JSON.stringify(before.handles)}, then ${JSON.stringify(after.handles)}`);
  for (const kind of ['heapMb', 'externalMb'] as const)
    if (after[kind] > before[kind] + TOLERANCE_MB)
      violations.push(`${kind}: ${before[kind]}, then ${after[kind]}`);
  return { ...report, before, after, violations };
}

async function runPhase(
  credentials: SimulatorCredentials,
  options: EnduranceOptions,
): Promise<EnduranceReport> {
  const { seed, ms, reportEveryMs, onReport } = options;
  const bench = await ModelBench.start(credentials);
  const { simulator, proxies } = bench;
  const ledger = new SoakLedger(simulator.accepted);
  const over = new AbortController();
  // As many listeners as there are streams, and their readers.
  setMaxListeners(0, over.signal);
  const startedAt = performance.now();
  const restarts: Record<string, number> = {};
  let troubles = 0;
  /** Of each stream, for the case that one hangs. */
  const states: object[] = [];

  const keepSending = async (index: number): Promise<void> => {
    const route = ROUTES[index % ROUTES.length]!;
    const onState = (state: object): void => {
      states[index] = state;
    };
    const onUnknown = index < ROUTES.length ? 'report' : 'resend';
    let firstSerial = index * SERIALS;
    for (let life = 0; !over.signal.aborted; life++) {
      const own = { route, onUnknown, seed: seed + index * 1_000_003 + life * 7919, firstSerial } as const;
      const { serials, error } = await runSoakStream({ bench, ledger, ...own, onState, over: over.signal });
      firstSerial += serials;
      if (error === undefined) continue;
      const { code = String(error) } = error as { code?: string };
      restarts[code] = (restarts[code] ?? 0) + 1;
      if (!code.startsWith('APNS_ERR_')) ledger.complain(`${route} failed with ${code}`);
    }
  };

  const makeTrouble = (): void => {
    const dice = fc.sample(fc.record({ services: servicePlans, kind: fc.nat(9) }), {
      seed: seed + ++troubles,
      numRuns: 1,
    })[0]!;
    setServiceFaults(simulator, dice.kind < 3 ? null : dice.services);
    if (dice.kind === 9) simulator.gateway.disconnect('reset');
    if (dice.kind === 8) simulator.http2.disconnect('goaway');
    // Those that stall for ever do not see that their clients have gone.
    if (troubles % 10 === 0)
      for (const service of [simulator.gateway, simulator.http2]) service.disconnect('reset');
  };

  const report = (): EnduranceReport => ({
    elapsedMs: Math.round(performance.now() - startedAt),
    notifications: ledger.notifications,
    outcomes: { ...ledger.outcomes },
    faults: addUp(proxies.binary.struck, proxies.http2.struck),
    troubles,
    connections: proxies.binary.made + proxies.http2.made,
    open: [simulator.counts.openConnections, proxies.binary.open + proxies.http2.open],
    restarts,
    remembered: ledger.size,
    duplicates: ledger.duplicates,
    resources: readResources(),
    violations: ledger.violations,
  });

  proxies.binary.scriptOf = (nth) => scriptOf(seed + nth);
  proxies.http2.scriptOf = (nth) => scriptOf(seed - nth);
  const timers = [
    setInterval(makeTrouble, 700),
    setInterval(() => ledger.readRecord(), 100),
    ...(reportEveryMs === Infinity ? [] : [setInterval(() => onReport(report()), reportEveryMs)]),
  ];
  const sending = Promise.all(Array.from({ length: 2 * ROUTES.length }, (_, index) => keepSending(index)));
  await Promise.race([new Promise((resolve) => timers.push(setTimeout(resolve, ms))), sending]);
  over.abort();
  for (const timer of timers) clearInterval(timer);
  // From here on nothing is wrong any more: what is under way shall come to its end.
  setServiceFaults(simulator, null);
  for (const proxy of [proxies.binary, proxies.http2]) proxy.scriptOf = () => ({});
  try {
    await within(PATIENCE_MS, sending, () => ({ states, counts: simulator.counts }));
  } catch (error) {
    ledger.complain((error as Error).message);
  }
  await bench.close();
  ledger.readRecord();
  return report();
}

/** Every second connection is a good one; and what is corrupted is never the handshake, which no sink survives. */
function scriptOf(seed: number): ConnectionScript {
  const { toServer, toClient, ...script } = fc.sample(connectionScripts, { seed, numRuns: 1 })[0]!;
  if (seed % 2 === 0) return {};
  return { ...script, ...sparing('toServer', toServer), ...sparing('toClient', toClient) };
}

const HANDSHAKE_BYTES = 4000;

function sparing(
  direction: 'toServer' | 'toClient',
  faults: ConnectionScript['toServer'],
): Pick<ConnectionScript, 'toServer' | 'toClient'> {
  if (faults === undefined) return {};
  const { corruptAt } = faults;
  return {
    [direction]: corruptAt === undefined ? faults : { ...faults, corruptAt: HANDSHAKE_BYTES + corruptAt },
  };
}

function addUp(...counts: readonly Readonly<Record<string, number | undefined>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const count of counts)
    for (const [name, value = 0] of Object.entries(count)) sums[name] = (sums[name] ?? 0) + value;
  return sums;
}
