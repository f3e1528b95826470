/** Runs the end-to-end model for many seeds. */
import fc from 'fast-check';
import { mintCredentials } from '../../src/simulator/pki/credentials.js';
import { ModelBench } from './model-bench.js';
import { checkModel } from './model-check.js';
import { type ModelPlan, modelPlans } from './model-plan.js';
import { runModel } from './model-run.js';
import { StandstillMeter } from './standstill-meter.js';

export interface SeedsOptions {
  /** The first seed; the others follow it, by ones. */
  readonly seed: number;
  readonly seeds: number;
  /** Runs side by side: they mostly wait. */
  readonly lanes?: number;
  readonly onProgress?: (report: SeedsReport) => void;
}

export interface Violation {
  readonly seed: number;
  readonly problem: string;
  readonly plan: ModelPlan;
}

export interface SeedsReport {
  seeds: number;
  notifications: number;
  connections: number;
  /** Notifications by how they ended. */
  readonly outcomes: Record<string, number>;
  /** Faults of the network by name. */
  readonly faults: Record<string, number>;
  /** Sick connections by what they suffered from. */
  readonly sick: Record<string, number>;
  /** How much longer than its deadline a notification took at most, while the process ran. */
  longestOverMs: number;
  readonly violations: Violation[];
}

/** The plan of a seed: always the same. */
export function planOf(seed: number): ModelPlan {
  return fc.sample(modelPlans, { seed, numRuns: 1 })[0]!;
}

export async function runSeeds({ seed, seeds, lanes = 6, onProgress }: SeedsOptions): Promise<SeedsReport> {
  const report: SeedsReport = {
    seeds: 0,
    notifications: 0,
    connections: 0,
    outcomes: {},
    faults: {},
    sick: {},
    longestOverMs: 0,
    violations: [],
  };
  const credentials = mintCredentials('com.example.app');
  const meter = new StandstillMeter();
  let next = seed;
  const lane = async (): Promise<void> => {
    let bench = await ModelBench.start(credentials);
    while (next < seed + seeds) {
      const mine = next++;
      const problem = await runSeed(mine, bench, meter, report);
      if (problem !== undefined) {
        // What hangs in it shall not trouble the next.
        addFaults(report, bench);
        await bench.close();
        bench = await ModelBench.start(credentials);
        report.violations.push({ seed: mine, problem, plan: planOf(mine) });
      }
      report.seeds++;
      onProgress?.(report);
    }
    addFaults(report, bench);
    await bench.close();
  };
  await Promise.all(Array.from({ length: Math.min(lanes, seeds) }, lane));
  meter.stop();
  return report;
}

async function runSeed(
  seed: number,
  bench: ModelBench,
  meter: StandstillMeter,
  report: SeedsReport,
): Promise<string | undefined> {
  const plan = planOf(seed);
  try {
    const result = await runModel(plan, bench, meter);
    const { given, counts } = result.sending;
    report.notifications += given;
    report.connections += result.dials;
    for (const { sick } of result.connections)
      if (sick !== undefined) report.sick[sick] = (report.sick[sick] ?? 0) + 1;
    const overMs = Math.round(result.books.longestMs - result.options.timeoutMs);
    if (plan.reading === 'fast') report.longestOverMs = Math.max(report.longestOverMs, overMs);
    for (const [status, count] of Object.entries(counts))
      report.outcomes[status] = (report.outcomes[status] ?? 0) + count;
    checkModel(plan, result);
    return undefined;
  } catch (error) {
    return (error as Error).stack ?? String(error);
  }
}

function addFaults({ faults }: SeedsReport, { proxies }: ModelBench): void {
  for (const { struck } of [proxies.binary, proxies.http2])
    for (const [name, count] of Object.entries(struck)) faults[name] = (faults[name] ?? 0) + count;
}
