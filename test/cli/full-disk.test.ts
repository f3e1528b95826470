import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { readLedger } from '../../src/cli/resume/ledger.js';
import { CommandProcess } from './command-process.js';
import { runLimited } from './limited-process.js';

let directory: string;

const path = (name: string): string => join(directory, name);
const token = (n: number): string => n.toString(16).padStart(64, '0');
const line = (n: number): string => `{"deviceToken":"${token(n)}","payload":{"aps":{"badge":${n}}}}\n`;
const lines = (count: number): string => Array.from({ length: count }, (_, i) => line(i + 1)).join('');
const text = (name: string): Promise<string> => readFile(path(name), 'utf8');

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** The line numbers of a file of outcomes, every one of which must be whole. */
async function linesOf(name: string): Promise<number[]> {
  const all = await text(name);
  expect(all === '' || all.endsWith('\n'), 'ends with a whole line').toBe(true);
  return all
    .split('\n')
    .slice(0, -1)
    .map((each) => JSON.parse(each).line as number);
}

function* range(count: number): Generator<number> {
  for (let n = 1; n <= count; n++) yield n;
}

const summaryOf = (err: string): Record<string, unknown> => JSON.parse(err.trimEnd().split('\n').at(-1)!);

describe.skipIf(process.platform === 'win32')('a disk with less room than the last chunk', () => {
  it.each([512, 1024])('leaves no credentials of simulate that end after %i bytes', async (maxFileBytes) => {
    const { code, err } = runLimited(['simulate', '--credentials', path('credentials')], { maxFileBytes });
    expect(code, err).toBe(78);
    expect(err).toMatch(/\.pem cannot be written \(EFBIG\)/);
    await expect(stat(path('credentials'))).rejects.toThrow('ENOENT');
    await mkdir(path('there'));
    await writeFile(path('there/mine'), 'x');
    expect(runLimited(['simulate', '--credentials', path('there')], { maxFileBytes }).code).toBe(78);
    expect(await readdir(path('there'))).toEqual(['mine']);
  });

  it.each(['simulator:http2', 'simulator:binary'])(
    'ends send to %s with 74, every outcome whole or reported as not written',
    async (to) => {
      await writeFile(path('in'), lines(100));
      const { code, err } = runLimited(['send', path('in'), '--to', to, '--json-summary'], {
        maxFileBytes: 8192,
        out: path('out'),
      });
      expect(code, err).toBe(74);
      const written = await linesOf('out');
      expect(written.length).toBeGreaterThan(0);
      expect(err).toContain(`this run has written ${written.length} lines completely; free some space`);
      expect(summaryOf(err)).toMatchObject({ unwritten: 100 - written.length, exitCode: 74 });
      expect(err).toContain(`${100 - written.length} outcomes could not be written`);
    },
  );

  it.each([
    ['simulator:http2', 100, 8192],
    ['simulator:binary', 100, 8192],
    ['simulator:http2', 5000, 65_536],
    ['simulator:binary', 5000, 262_144],
  ] as const)(
    'leaves lines without a whole outcome open in the ledger (%s, %i lines)',
    async (to, count, maxFileBytes) => {
      await writeFile(path('in'), lines(count));
      const argv = ['send', path('in'), '--to', to, '--resume', path('ledger'), '--json-summary'];
      const full = runLimited(argv, { maxFileBytes, out: path('out') });
      expect(full.code, full.err).toBe(74);
      const written = await linesOf('out');
      expect(summaryOf(full.err)).toMatchObject({ exitCode: 74 });
      const { settled, ended } = readLedger(path('ledger'))!;
      expect([...settled].flatMap(([first, last]) => [...range(last)].slice(first - 1))).toEqual(
        [...written].sort((a, b) => a - b),
      );
      expect(ended).toBeUndefined();

      const rest = runLimited(argv, { out: path('out') });
      expect(rest.code, rest.err).toBe(0);
      expect((await linesOf('out')).sort((a, b) => a - b)).toEqual([...range(count)]);
      expect(readLedger(path('ledger'))!.ended).toBe('complete');
    },
  );

  it('counts what a dry run could not write, and not what it has nothing to write about', async () => {
    await writeFile(path('in'), lines(100) + 'nonsense\n'.repeat(100));
    const argv = ['send', path('in'), '--to', 'simulator:http2', '--topic', 'com.example.app', '--dry-run'];
    const { code, err } = runLimited([...argv, '--json-summary'], { maxFileBytes: 4096, out: path('out') });
    expect(code, err).toBe(74);
    const written = await linesOf('out');
    expect(summaryOf(err)).toMatchObject({ unwritten: 100 - written.length, valid: 100 });
  });

  it.each(['problems', 'none'])('counts what --outcomes %s leaves out as written', async (outcomes) => {
    await writeFile(path('in'), lines(100) + 'nonsense\n'.repeat(100));
    const argv = ['send', path('in'), '--to', 'simulator:http2', '--outcomes', outcomes, '--json-summary'];
    const { code, err } = runLimited(argv, { maxFileBytes: 4096, out: path('out') });
    expect(code, err).toBe(outcomes === 'none' ? 1 : 74);
    const written = await linesOf('out');
    const problems = outcomes === 'none' ? 0 : 100;
    const { unwritten, unsent, unknown, rejected } = summaryOf(err) as Record<string, number>;
    // Those that a full disk makes unsent or unknown are problems, too.
    expect(unwritten).toBe(problems + unsent! + unknown! + rejected! - written.length);
  });

  it('ends encode with 74 and the file with a whole frame', async () => {
    await writeFile(path('in'), lines(200));
    const { code, err } = runLimited(['encode', path('in')], { maxFileBytes: 4096, out: path('frames') });
    expect(code, err).toBe(74);
    const decoded = runLimited(['decode', path('frames')]);
    expect(decoded.code, decoded.err).toBe(0);
    const frames = decoded.out.trimEnd().split('\n').length;
    expect(err).toContain(`this run has written ${frames} frames completely`);
    expect(err).toContain('free some space, then run the command again');
  });

  it.each([
    ['encode --hex', ['encode', '--hex']],
    ['decode', ['decode']],
    ['lint', ['lint', '--quiet']],
  ])('ends %s with 74 and the file with a whole line', async (_, argv) => {
    await writeFile(path('in'), lines(200));
    if (argv[0] === 'decode')
      expect(runLimited(['encode', path('in')], { out: path('frames') }).code).toBe(0);
    const input = argv[0] === 'decode' ? 'frames' : 'in';
    const { code, err } = runLimited([...argv, path(input)], { maxFileBytes: 4096, out: path('out') });
    expect(code, err).toBe(74);
    const out = await text('out');
    expect(out.endsWith('\n')).toBe(true);
    expect(err).toContain(`this run has written ${out.split('\n').length - 1} lines completely`);
  });

  it('ends help with 74, too', async () => {
    await writeFile(path('out'), ' '.repeat(8000));
    expect(runLimited(['send', '--help'], { maxFileBytes: 8192, out: path('out') }).code).toBe(74);
  });

  it('keeps what the file held before', async () => {
    await writeFile(path('out'), `${'x'.repeat(4000)}\n`);
    await writeFile(path('in'), lines(100));
    const { code } = runLimited(['send', path('in'), '--to', 'simulator:http2'], {
      maxFileBytes: 8192,
      out: path('out'),
    });
    expect(code).toBe(74);
    const [first, ...outcomes] = (await text('out')).trimEnd().split('\n');
    expect(first).toBe('x'.repeat(4000));
    for (const each of outcomes) expect(JSON.parse(each)).toMatchObject({ status: 'accepted' });
  });

  it('takes nothing back once another process has written to the file, and says what to remove', async () => {
    const out = openSync(path('out'), 'a');
    const command = new CommandProcess(['encode', '--hex'], out, 'pipe', 8192);
    onTestFinished(() => command.dispose());
    command.stdin.write(line(1));
    await expect.poll(() => text('out')).toMatch(/\n$/);
    writeSync(out, 'of another process\n');
    closeSync(out);
    command.stdin.end(lines(100));
    const { code, err } = await command.exit();
    expect(code).toBe(74);
    expect(err).toMatch(/lines completely, and a partial one at the end of the file: remove it;/);
    expect((await text('out')).length).toBe(8192);
    expect(await text('out')).toContain('\nof another process\n');
  });
});

describe.skipIf(process.platform === 'win32')('a full disk under outcomes and ledger', () => {
  it('loses no outcome, whichever of the two is hit first', async () => {
    await writeFile(path('in'), lines(2000));
    const argv = ['send', path('in'), '--to', 'simulator:http2', '--window-count', '40'];
    argv.push('--resume', path('ledger'));
    let code: number | null = 74;
    let runs = 0;
    // Each run has a little more room, and every one but the last finds too little.
    for (let room = 2048; code === 74; room *= 2) {
      const run = runLimited(argv, { maxFileBytes: room, out: path('out') });
      ({ code } = run);
      expect([0, 74], run.err).toContain(code);
      runs++;
    }
    expect(runs).toBeGreaterThan(4);
    expect(new Set(await linesOf('out'))).toEqual(new Set(range(2000)));
    expect((await stat(path('ledger'))).isFile()).toBe(true);
  });
});

describe('an input that is the output', () => {
  it.each([
    ['send', ['send', '--to', 'simulator:http2']],
    ['lint', ['lint']],
    ['encode', ['encode', '--hex']],
    ['decode', ['decode', '--hex']],
  ])('is wrong use of %s, by name and as standard input', async (_, argv) => {
    await writeFile(path('x'), lines(1));
    const named = runLimited([...argv, path('x')], { out: path('x') });
    expect(named).toMatchObject({ code: 64 });
    expect(named.err).toContain('is the same file as standard output');
    const stdin = openSync(path('x'), 'r');
    const stdout = openSync(path('x'), 'a');
    const command = new CommandProcess([...argv, '-'], stdout, stdin);
    closeSync(stdin);
    closeSync(stdout);
    expect((await command.exit()).code).toBe(64);
    expect(await text('x')).toBe(lines(1));
  });
});
