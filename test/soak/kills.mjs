/**
 * Ends `apns-streams send --resume` at random moments, resumes it until it is complete, and compares its outcomes, its
 * ledger and the simulator's own record. Most runs are killed with SIGKILL; in others the disk gets full, under the
 * outcomes or under the ledger. Prints one JSON line per wire; exits with 1 when a promise was broken.
 *
 *     node test/soak/kills.mjs [--kills 20] [--wire binary|http2|both] [--seed N]
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createSimulator, writeCredentials } from '../../dist/simulator/index.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const WINDOW = 1000;
const LINES = { binary: 20_000, http2: 6_000 };
/** A file is done with after so many kills, so that each kill finds a lot left to do. */
const KILLS_PER_FILE = 10;
/** A token that begins so asks the simulator to refuse it, with status code 8: see docs/simulator.md. */
const REJECT = 'fa170108';
const EXPECTED = { good: 'accepted', bad: 'rejected', nonsense: 'invalid' };
const OUTCOMES = ['all', 'all', 'problems'];
/** A limit for files stands in for a full disk: writing past it fails. Its unit depends on the shell. */
const LIMITED = `
  unit=512; [ -z "$BASH_VERSION" ] || unit=1024
  ulimit -f $(($1 / unit))
  shift
  exec "$@"`;
const FULL_DISK = 74;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    wire: { type: 'string', default: 'both' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});

const wires = values.wire === 'both' ? ['binary', 'http2'] : [values.wire];
const reports = await Promise.all(wires.map((wire) => soak(wire, Number(values.kills), Number(values.seed))));
for (const report of reports) process.stdout.write(`${JSON.stringify(report)}\n`);
process.exitCode = reports.some(({ violations }) => violations.length > 0) ? 1 : 0;

async function soak(wire, kills, seed) {
  const directory = mkdtempSync(join(tmpdir(), 'apns-streams-kills-'));
  const random = createRandom(seed);
  const report = {
    wire,
    seed,
    kills: 0,
    /** Of those, the ones by a full disk. */
    fullUnderOutcomes: 0,
    fullUnderLedger: 0,
    killsUnderWay: 0,
    files: 0,
    lines: 0,
    runs: 0,
    duplicates: 0,
    mostUnderWay: 0,
    outcomesTwice: 0,
    cutOffOutcomes: 0,
    lost: 0,
    falseAccepted: 0,
    settledSentAgain: 0,
    violations: [],
  };
  try {
    while (report.kills < kills) await soakFile(wire, kills - report.kills, random, directory, report);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return report;
}

/** One input, killed a few times and completed. */
async function soakFile(wire, killsLeft, random, directory, report) {
  const nth = ++report.files;
  const path = (name) => join(directory, `${nth}-${name}`);
  const input = createInput(LINES[wire], random);
  writeFileSync(path('in'), input.text);
  const simulator = await createSimulator({ record: 'tokens' });
  await writeCredentials(simulator, path('credentials'));
  const to =
    wire === 'binary'
      ? `binary://127.0.0.1:${simulator.gateway.port}`
      : `https://127.0.0.1:${simulator.http2.port}`;
  const outcomes = OUTCOMES[nth % OUTCOMES.length];
  const args = [
    MAIN,
    'send',
    path('in'),
    '--to',
    to,
    '--credentials',
    path('credentials'),
    '--resume',
    path('ledger'),
    '--window-count',
    String(WINDOW),
    '--outcomes',
    outcomes,
  ];
  /** For every kill what was settled and printed, and the last connection that was made before it. */
  const killed = [];
  const wrong = (what) => report.violations.push(`file ${nth} (${outcomes}): ${what}`);
  try {
    const kills = Math.min(killsLeft, KILLS_PER_FILE);
    for (let done = false; !done; report.runs++) {
      const isLast = killed.length >= kills;
      const interruption = isLast ? {} : chooseInterruption(random, path, outcomes);
      const { code, err } = await run(args, path('out'), interruption);
      const isFull = code === FULL_DISK && interruption.limit !== undefined;
      done = code !== null && !isFull;
      // 0 when no line with a problem was left for the last run.
      if (done && code !== 0 && code !== 1) wrong(`exit code ${code}: ${err}`);
      if (done) continue;
      report.kills++;
      if (isFull) {
        if (interruption.limit.isUnderLedger) report.fullUnderLedger++;
        else report.fullUnderOutcomes++;
        if (!endsWhole(path('out'))) wrong(`a full disk has cut an outcome off: ${err}`);
      }
      // What the killed process had connected is accepted by now; its data may still be on the way.
      await delay(30);
      const kill = {
        ...readLedger(path('ledger')),
        outcomes: readOutcomes(path('out')).byLine,
        lastConnection: simulator.counts.connections,
        underWay: 0,
      };
      killed.push(kill);
      if (kill.settled.size > 0 && kill.settled.size < input.lines.size) report.killsUnderWay++;
      // Killed on its way out, with everything done.
      if (kill.ended === 'complete') done = true;
      else if (kill.ended !== undefined && !isFull) wrong(`the ledger of a killed run says ${kill.ended}`);
    }
    checkComplete(args, path, input, wrong);
    const { byLine, cutOff, blank } = readOutcomes(path('out'));
    report.cutOffOutcomes += cutOff;
    // Each run repairs what the one before it left, and the last one left nothing.
    if (cutOff > 0) wrong(`${cutOff} outcomes are cut off`);
    if (blank > 0) wrong(`${blank} lines between the outcomes are blank`);
    const arrivals = arrivalsOf(simulator, killed);
    for (const [line, { token, kind }] of input.lines) {
      const isSilent = outcomes === 'problems' && kind === 'good';
      const facts = {
        line,
        kind,
        isSilent,
        statuses: byLine.get(line) ?? [],
        runs: arrivals.get(token) ?? [],
      };
      const problem = problemOf(facts, killed, report);
      if (problem !== undefined) wrong(`line ${line} (${kind}) ${problem}`);
    }
    for (const [nth, { underWay }] of killed.entries()) {
      report.mostUnderWay = Math.max(report.mostUnderWay, underWay);
      if (underWay > WINDOW) wrong(`${underWay} notifications were under way at kill ${nth}`);
    }
  } finally {
    await simulator.close();
  }
}

/** What is wrong with a line, given its outcomes and the runs that it came in; `undefined` when nothing is. */
function problemOf({ line, kind, isSilent, statuses, runs }, killed, report) {
  report.lines++;
  report.duplicates += Math.max(0, runs.length - 1);
  if (statuses.length > 1) report.outcomesTwice++;
  if (!isSilent && statuses.length === 0) {
    report.lost++;
    return 'was lost';
  }
  if (statuses.some((status) => status !== EXPECTED[kind])) return `is ${statuses}`;
  if (kind === 'good' && runs.length === 0) {
    report.falseAccepted++;
    return 'is settled and never came';
  }
  for (const [nth, kill] of killed.entries()) {
    if (!kill.settled.has(line)) {
      if (runs.some((run) => run <= nth)) kill.underWay++;
      continue;
    }
    const before = kill.outcomes.get(line) ?? [];
    if (!isSilent && before.length === 0) return `was settled at kill ${nth} without an outcome`;
    if (before.length < statuses.length || runs.some((run) => run > nth)) {
      report.settledSentAgain++;
      return `was settled at kill ${nth} and sent again`;
    }
  }
  return undefined;
}

/** For every token, the runs (0, 1, …) that it came in, as often as it came. */
function arrivalsOf(simulator, killed) {
  const arrivals = new Map();
  for (const { deviceToken, connection } of simulator.accepted) {
    const run = killed.filter(({ lastConnection }) => connection > lastConnection).length;
    const runs = arrivals.get(deviceToken);
    if (runs === undefined) arrivals.set(deviceToken, [run]);
    else runs.push(run);
  }
  return arrivals;
}

/** Once more, on a ledger that says complete: nothing may happen. */
function checkComplete(args, path, input, wrong) {
  const { settled, ended } = readLedger(path('ledger'));
  if (ended !== 'complete') wrong(`the ledger ends with ${ended}, not complete`);
  if ([...input.lines.keys()].some((line) => !settled.has(line))) wrong('a complete ledger with lines left');
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0 || stdout !== '')
    wrong(`a complete ledger resumed: exit code ${status}, ${stdout.length} characters`);
}

/** What ends a run: a moment to kill it at, or a limit for files in bytes. */
function chooseInterruption(random, path, outcomes) {
  const dice = random();
  if (dice < 0.2) return { limit: limitBehind(path('ledger'), random() * 3000, true) };
  // Where only problems are printed, the outcomes do not grow.
  if (dice < 0.4 && outcomes === 'all') return { limit: limitBehind(path('out'), random() * 400_000, false) };
  return { moment: () => killMoment(random, path('ledger')) };
}

function limitBehind(file, bytes, isUnderLedger) {
  const { size } = statSync(file, { throwIfNoEntry: false }) ?? { size: 0 };
  return { bytes: 1024 * Math.ceil((size + bytes) / 1024), isUnderLedger };
}

/** Runs the command once, appending to `out`. The code is null after a kill. */
async function run(args, out, { moment, limit }) {
  const command =
    limit === undefined
      ? [process.execPath, ...args]
      : ['sh', '-c', LIMITED, 'sh', String(limit.bytes), process.execPath, ...args];
  // A pipe has no limit: what gets full is the ledger.
  const isPiped = limit?.isUnderLedger === true;
  const stdout = isPiped ? 'pipe' : openSync(out, 'a');
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', stdout, 'pipe'] });
  if (isPiped) child.stdout.on('data', (chunk) => appendFileSync(out, chunk));
  else closeSync(stdout);
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  const closed = once(child, 'close');
  if (moment !== undefined) await Promise.race([moment().then(() => child.kill('SIGKILL')), closed]);
  const [code] = await closed;
  return { code, err };
}

function endsWhole(path) {
  const text = readFileSync(path, 'utf8');
  return text === '' || text.endsWith('\n');
}

/** Some kills come before anything is settled, most from the moment on when the ledger begins to grow. */
async function killMoment(random, ledger) {
  if (random() < 0.1) return delay(random() * 250);
  await changeOf(() => statSync(ledger, { throwIfNoEntry: false })?.ino);
  await changeOf(() => statSync(ledger).size);
  await delay(random() ** 2 * 300);
}

async function changeOf(read) {
  const before = read();
  while (read() === before) await delay(1);
}

/** Notifications, every two-hundredth or so refused, with nonsense and empty lines in between. */
function createInput(count, random) {
  const lines = new Map();
  let text = '';
  for (let line = 1; line <= count; line++) {
    const dice = random();
    const kind = dice < 0.02 ? 'empty' : dice < 0.03 ? 'nonsense' : dice < 0.031 ? 'bad' : 'good';
    if (kind === 'empty') text += '\n';
    else if (kind === 'nonsense') text += `nonsense ${line}\n`;
    else text += `{"deviceToken":"${token(line, kind)}","payload":{"aps":{"badge":${line}}}}\n`;
    if (kind !== 'empty')
      lines.set(line, { kind, token: kind === 'nonsense' ? undefined : token(line, kind) });
  }
  return { text, lines };
}

function token(line, kind) {
  const head = kind === 'bad' ? REJECT : '';
  return head + line.toString(16).padStart(64 - head.length, '0');
}

/** Read by hand, not by the code under test: see src/cli/resume/ledger-format.ts for the form. */
function readLedger(path) {
  const settled = new Set();
  let through = 0;
  let ended;
  if (!existsSync(path)) return { settled, ended };
  for (const line of readFileSync(path, 'utf8').split('\n').slice(1, -1)) {
    const entry = JSON.parse(line.slice(9));
    while (through < entry.through) settled.add(++through);
    for (const [first, last] of entry.beyond) for (let n = first; n <= last; n++) settled.add(n);
    ended = entry.ended;
  }
  return { settled, ended };
}

/** Statuses by line; outcomes that a kill has cut off are counted. */
function readOutcomes(path) {
  const byLine = new Map();
  let cutOff = 0;
  let blank = 0;
  // Behind the last newline is nothing, or what a kill has cut off.
  const lines = readFileSync(path, 'utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const text of lines) {
    if (text === '') {
      blank++;
      continue;
    }
    try {
      const { line, status } = JSON.parse(text);
      byLine.set(line, [...(byLine.get(line) ?? []), status]);
    } catch {
      cutOff++;
    }
  }
  return { byLine, cutOff, blank };
}

/** Mulberry32: the same numbers for the same seed. */
function createRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
