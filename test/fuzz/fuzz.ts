/**
 * Feeds every decoder with golden packets that something is wrong with, for some seconds each. The last line
 * of standard output is one JSON object; exit code 1 when a promise was broken, 64 for wrong usage.
 *
 *     npm run fuzz -- [DECODER…] [--seconds 10] [--seed N] [--case N | --replay BASE64]
 */
import { parseArgs } from 'node:util';
import { MAX_CALL_MS, runTarget, type TargetReport } from './run-target.js';
import { FUZZ_TARGETS } from './targets.js';
import { Watchdog } from './watchdog.js';

const OPTIONS = {
  seconds: { type: 'string', default: '10' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  case: { type: 'string' },
  replay: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const HELP = `npm run fuzz -- [DECODER…] [OPTION…]

Decodes mutants of golden packets and checks that nothing is thrown but the typed errors of the contract, that
no call takes over ${MAX_CALL_MS} ms, that memory stays within its limits, that what was decoded is encoded to the same,
and that the result does not depend on how an input is cut.

  --seconds N       for each decoder (10)
  --seed N          the same seed gives the same cases (from the clock)
  --case N          only this case of a seed
  --replay BASE64   only this input
  --help            this text

Decoders (all of them unless named):
${FUZZ_TARGETS.map(({ name, about }) => `  ${name.padEnd(19)} ${about}\n`).join('')}`;

process.exitCode = await main();

async function main(): Promise<number> {
  let given: ReturnType<typeof readArguments>;
  try {
    given = readArguments();
  } catch (error) {
    process.stderr.write(`fuzz: ${(error as Error).message}; --help lists decoders and options\n`);
    return 64;
  }
  if (given.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { targets, ...options } = given;
  const watchdog = new Watchdog(
    targets.map(({ name }) => name),
    options.seed,
  );
  const decoders: Record<string, Omit<TargetReport, 'violations'>> = {};
  const violations: TargetReport['violations'][number][] = [];
  for (const target of targets) {
    process.stderr.write(`fuzz: ${target.name} … `);
    const { violations: found, ...figures } = runTarget(target, {
      ...options,
      onCase: (nth) => watchdog.begin(target.name, nth),
    });
    decoders[target.name] = { ...figures, longestCallMs: Math.round(figures.longestCallMs * 10) / 10 };
    violations.push(...found);
    process.stderr.write(`${figures.cases} cases, ${found.length} violations\n`);
    for (const { what, case: nth } of found) process.stderr.write(`  case ${nth}: ${what}\n`);
  }
  await watchdog.close();
  process.stdout.write(`${JSON.stringify({ seed: options.seed, decoders, violations })}\n`);
  return violations.length > 0 ? 1 : 0;
}

function readArguments() {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const number = (name: 'seconds' | 'seed' | 'case'): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text !== '' && value >= 0 && (name === 'seconds' || Number.isSafeInteger(value))) return value;
    throw new Error(`--${name} is a number, got ${text}`);
  };
  const targets = FUZZ_TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const unknown = positionals.find((name) => !FUZZ_TARGETS.some((target) => target.name === name));
  if (unknown !== undefined) throw new Error(`there is no decoder ${unknown}`);
  const [nth, input] = [number('case'), values.replay];
  if ((nth !== undefined || input !== undefined) && targets.length !== 1) {
    throw new Error('--case and --replay want one DECODER');
  }
  return {
    help: values.help,
    targets,
    seconds: number('seconds')!,
    seed: number('seed')!,
    nth,
    input: input === undefined ? undefined : Buffer.from(input, 'base64'),
  };
}
