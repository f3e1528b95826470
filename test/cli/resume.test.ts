import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeLedger, encodeLedger } from '../../src/cli/ledger-format.js';
import { LineRanges } from '../../src/cli/line-ranges.js';
import { run } from '../../src/cli/run.js';
import {
  createSimulator,
  encodeTokenFault,
  type Simulator,
  writeCredentials,
} from '../../src/simulator/index.js';
import { FakeIo, type FakeIoOptions } from './fake-io.js';

let simulator: Simulator;
let directory: string;
let target: string;

const path = (name: string): string => join(directory, name);
const line = (deviceToken: string): string => `${JSON.stringify({ deviceToken, payload: { aps: {} } })}\n`;
const BAD = encodeTokenFault('reject', 8);
const MIXED = [line('a1'), '\n', line(BAD), 'nonsense\n', line('a5'), line('a6')].join('');

beforeEach(async () => {
  simulator = await createSimulator();
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  await writeCredentials(simulator, directory);
  target = `binary://127.0.0.1:${simulator.gateway.port}`;
  await writeFile(path('in'), MIXED);
});
afterEach(async () => {
  await simulator.close();
  await rm(directory, { recursive: true });
});

async function send(
  argv: readonly string[],
  options: FakeIoOptions = {},
): Promise<{ code: number; io: FakeIo }> {
  const io = new FakeIo(options);
  const code = await run(['send', '--to', target, '--credentials', directory, ...argv], io);
  return { code, io };
}

const resume = (...more: string[]): ReturnType<typeof send> =>
  send([path('in'), '--resume', path('ledger'), ...more]);
const tokens = (): string[] => [...simulator.accepted].map(({ deviceToken }) => deviceToken);

/** What a killed run has left behind: it settled these lines. */
async function leaveLedger(...settled: [number, number][]): Promise<void> {
  await resume('--quiet');
  const text = await readFile(path('ledger'), 'utf8');
  const ranges = new LineRanges();
  for (const [first, last] of settled) ranges.add(first, last);
  await writeFile(path('ledger'), encodeLedger(JSON.parse(text.slice(9, text.indexOf('\n'))), ranges));
  simulator.accepted.clear();
}

/** The ledger as it would be for another target. */
async function retargeted(to: string): Promise<string> {
  const { header, settled } = decodeLedger(await readFile(path('ledger')), 'ledger');
  return encodeLedger({ ...header, to }, settled);
}

describe('send --resume', () => {
  it('gives every line its outcome, then says that nothing is left', async () => {
    const first = await resume();
    expect(first.code).toBe(1);
    expect(first.io.lines.map(({ line: number }) => number).sort()).toEqual([1, 3, 4, 5, 6]);
    expect(first.io.err).toContain('remembering settled lines');
    const second = await resume('--json-summary');
    expect(second.code).toBe(0);
    expect(second.io.out).toBe('');
    expect(second.io.err).toContain('is complete');
    expect(JSON.parse(second.io.err.split('\n').at(-2)!)).toMatchObject({ notifications: 0, exitCode: 0 });
    expect(tokens()).toEqual(['a1', 'a5', 'a6']);
  });

  it('sends what is not settled, and tells how much may arrive twice', async () => {
    await leaveLedger([1, 2], [4, 5]);
    const { code, io } = await resume('--window-count', '7');
    expect(code).toBe(1);
    expect(io.lines.map(({ line: number, status }) => `${number} ${status}`).sort()).toEqual([
      '3 rejected',
      '6 accepted',
    ]);
    expect(io.err).toContain(
      'resuming after line 2: 2 lines settled beyond it; up to 65,536 notifications may be sent a second time',
    );
    expect(io.err).toContain('2 notifications: 1 accepted, 1 rejected');
    expect(tokens()).toEqual(['a6']);
  });

  it.each(['problems', 'none'] as const)(
    'settles what is not printed with --outcomes %s',
    async (outcomes) => {
      const { io } = await resume('--outcomes', outcomes);
      expect(io.lines).toHaveLength(outcomes === 'none' ? 0 : 2);
      expect((await resume()).io.err).toContain('is complete');
    },
  );

  it('is as good with --resume-sync', async () => {
    expect((await resume('--resume-sync')).code).toBe(1);
    expect((await resume()).io.err).toContain('is complete');
  });

  it('goes on behind the line where reading was stopped, with nothing under way', async () => {
    await writeFile(path('in'), `${line('a1')}${line('a2')}{\n[\n`);
    const io = new FakeIo();
    const running = run(
      ['send', path('in'), '--to', target, '--credentials', directory, '--resume', path('ledger')],
      io,
    );
    io.signal('SIGTERM');
    expect([143, 1]).toContain(await running);
    const again = await resume();
    expect(again.io.err).toMatch(/nothing was under way|is complete/);
    expect(tokens().sort()).toEqual(['a1', 'a2']);
  });

  it('is refused for another file, a changed file and another target, and nothing is sent', async () => {
    await leaveLedger([1, 1]);
    const ledger = await readFile(path('ledger'), 'utf8');
    await writeFile(path('other'), MIXED.replace('a5', 'a7'));
    expect((await send([path('other'), '--resume', path('ledger')])).code).toBe(78);
    await appendFile(path('in'), line('a8'));
    const { code, io } = await resume();
    expect(code).toBe(78);
    expect(io.err).toMatch(/another file or has changed[\s\S]*\n {2}\S/);
    expect(tokens()).toEqual([]);
    await writeFile(path('in'), MIXED);
    target = 'simulator:binary';
    expect((await resume()).code).toBe(78);
    expect(await readFile(path('ledger'), 'utf8')).toBe(ledger);
  });

  it('still tells what may arrive twice when the run after a kill did not get that far', async () => {
    await leaveLedger([1, 1]);
    const { gateway } = simulator;
    target = `https://127.0.0.1:${gateway.port}`;
    await writeFile(path('ledger'), await retargeted(target));
    expect((await resume('--checkpoint', 'never')).code).toBe(64);
    const { io } = await resume('--connect-attempts', '1', '--window-count', '9');
    expect(io.err).toContain('up to 65,536 notifications may be sent a second time');
  });

  it('takes a copy for what it is', async () => {
    await leaveLedger([1, 5]);
    await writeFile(path('copy'), MIXED);
    expect((await send([path('copy'), '--resume', path('ledger')])).code).toBe(0);
    expect(tokens()).toEqual(['a6']);
  });

  it('is refused for a damaged ledger', async () => {
    await leaveLedger([1, 1]);
    const text = await readFile(path('ledger'), 'utf8');
    await writeFile(path('ledger'), text.replace('"through":1', '"through":0'));
    expect((await resume()).code).toBe(78);
    expect(tokens()).toEqual([]);
  });

  it('is wrong use for what cannot be read twice', async () => {
    const ledger = ['--resume', path('ledger')];
    expect((await send(ledger, { stdin: MIXED })).code).toBe(64);
    expect((await send([path('in'), path('in'), ...ledger])).code).toBe(64);
    expect((await send([path('in'), ...ledger, '--dry-run'])).code).toBe(64);
    expect((await send([path('in'), '--resume-sync'])).code).toBe(64);
    expect(tokens()).toEqual([]);
  });

  it('sends nothing when the ledger cannot be written', async () => {
    expect((await send([path('in'), '--resume', path('missing/ledger')])).code).toBe(74);
    expect(tokens()).toEqual([]);
  });

  it('leaves a ledger without anything under way when it could not even begin', async () => {
    target = 'https://127.0.0.1:9';
    const { code } = await resume('--checkpoint', 'never');
    expect(code).toBe(64);
    expect(await readFile(path('ledger'), 'utf8')).toContain('"ended":"idle"');
  });
});
