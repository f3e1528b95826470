/**
 * Runs the end-to-end model for long, or one set of sinks through an hour of faults. See `--help`.
 *
 *     npm run soak -- [--minutes 60 | --seeds N] [--seed N] [--lanes 6]
 */
import { parseArgs } from 'node:util';
import { runSeeds, type SeedsReport } from '../model/model-seeds.js';
import { type EnduranceReport, runEndurance } from './endurance.js';
import { HEAP_LIMIT_MB, handleCount } from './resources.js';

const HELP = `npm run soak -- [options]

  --minutes N   one long-lived set of sinks and deliveries (four routes, with onUnknown report and
                resend) against one simulator, with continuous faults of the network and of the
                simulator, for so long (60; fractions are possible). Reports every minute; at the end
                all accounts must be balanced, and handles and memory back to the start.
  --seeds N     instead: so many independent runs of the end-to-end model
  --seed N      where chance begins; printed in every summary (by default the clock decides)
  --lanes N     with --seeds: runs side by side (6)
  --help        this

The heap is fixed: npm run soak gives --max-old-space-size=128 (MiB) to Node.
Progress goes to standard error, one line of JSON with the summary to standard output.
Exit code 0: no violation. 1: a violation; each is named, those of --seeds with the command that
replays it. 64: wrong options.
`;

const unhandled: string[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(`unhandled rejection: ${inspectError(reason)}`));
process.on('uncaughtException', (error) => unhandled.push(`uncaught exception: ${inspectError(error)}`));

const options = readOptions();
if (options === 'help') process.stdout.write(HELP);
else if (options === undefined) process.exitCode = 64;
else if (options.seeds !== undefined) await soakSeeds(options.seed, options.seeds, options.lanes);
else await soakMinutes(options.seed, options.minutes);

interface SoakOptions {
  readonly seed: number;
  readonly seeds: number | undefined;
  readonly lanes: number;
  readonly minutes: number;
}

function readOptions(): SoakOptions | 'help' | undefined {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string' },
        seeds: { type: 'string' },
        seed: { type: 'string' },
        lanes: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    if (values.help) return 'help';
    const read = (name: 'minutes' | 'seeds' | 'seed' | 'lanes', fallback: number): number => {
      const value = Number(values[name] ?? fallback);
      if (!(value > 0)) throw new Error(`--${name} must be a number above 0, got ${values[name]}`);
      return value;
    };
    return {
      seed: read('seed', (Date.now() % 1_000_000_000) + 1),
      seeds: values.seeds === undefined ? undefined : read('seeds', 1),
      lanes: read('lanes', 6),
      minutes: read('minutes', 60),
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${HELP}`);
    return undefined;
  }
}

async function soakSeeds(seed: number, seeds: number, lanes: number): Promise<void> {
  const startedAt = performance.now();
  const every = Math.max(1, Math.min(500, Math.floor(seeds / 10)));
  let told = 0;
  const onProgress = (report: SeedsReport): void => {
    for (const { seed: its, problem } of report.violations.slice(told))
      process.stderr.write(`${problem}\n  replay: npm run soak -- --seeds 1 --seed ${its}\n`);
    told = report.violations.length;
    if (report.seeds % every !== 0) return;
    const { notifications, connections } = report;
    process.stderr.write(
      `${report.seeds} of ${seeds} seeds, ${notifications} notifications, ${connections} connections, ${told} violations\n`,
    );
  };
  const { violations, ...report } = await runSeeds({ seed, seeds, lanes, onProgress });
  const replays = violations.map(({ seed: its, problem }) => ({
    seed: its,
    problem: problem.split('\n', 1)[0],
    replay: `npm run soak -- --seeds 1 --seed ${its}`,
  }));
  conclude({ mode: 'seeds', seed, ...report, ms: Math.round(performance.now() - startedAt) }, replays);
}

async function soakMinutes(seed: number, minutes: number): Promise<void> {
  const ms = minutes * 60_000;
  const reportEveryMs = Math.min(60_000, ms / 3);
  let told = 0;
  const onReport = (report: EnduranceReport): void => {
    for (const problem of report.violations.slice(told)) process.stderr.write(`${problem}\n`);
    told = report.violations.length;
    process.stderr.write(`${line(report)}\n`);
  };
  const { violations, resources, ...report } = await runEndurance({ seed, ms, reportEveryMs, onReport });
  conclude({ mode: 'minutes', seed, minutes, ...report }, violations);
}

function line({ elapsedMs, notifications, outcomes, faults, ...report }: EnduranceReport): string {
  const { connections, open, restarts, resources, remembered, violations } = report;
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  const { rssMb, heapMb, externalMb } = resources;
  return [
    `${Math.round(elapsedMs / 1000)} s: ${notifications} notifications (${list(outcomes)})`,
    `${connections} connections (open: ${open.join(' at the simulator, ')} at proxies), faults: ${list(faults)}`,
    ...(Object.keys(restarts).length === 0 ? [] : [`restarts: ${list(restarts)}`]),
    `${remembered} remembered, rss ${rssMb} MB, heap ${heapMb}, external ${externalMb}, ${handleCount(resources)} handles`,
    `${violations.length} violations`,
  ].join('; ');
}

function conclude(summary: object, found: readonly unknown[]): void {
  const violations = [...found, ...unhandled];
  process.stdout.write(`${JSON.stringify({ ...summary, heapLimitMb: HEAP_LIMIT_MB, violations })}\n`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}

function inspectError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
