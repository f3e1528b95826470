import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, createWriteStream, writeFileSync } from 'node:fs';
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { LineRanges } from '../../../src/cli/input/line-ranges.js';
import { readLedger } from '../../../src/cli/resume/ledger.js';
import { decodeLedger, encodeLedger, encodeLedgerEntry } from '../../../src/cli/resume/ledger-format.js';
import { LedgerLock } from '../../../src/cli/resume/ledger-lock.js';
import { run } from '../../../src/cli/run.js';
import {
  createSimulator,
  encodeTokenFault,
  type Simulator,
  writeCredentials,
} from '../../../src/simulator/index.js';
import { CommandProcess } from '../command-process.js';
import { FakeIo, type FakeIoOptions } from '../fake-io.js';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

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

/** The same with standard output appended to a file. */
async function sendInto(name: string, argv: readonly string[]): ReturnType<typeof send> {
  const stdout = createWriteStream(path(name), { flags: 'a' });
  await once(stdout, 'open');
  const result = await send(argv, { stdout });
  stdout.end();
  await finished(stdout);
  return result;
}

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
      'resuming after line 2; 2 later lines are settled; up to 2 notifications may be sent a second time',
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
    expect(again.io.err).toMatch(/remembering settled lines|no notification can arrive twice|is complete/);
    expect(tokens().sort()).toEqual(['a1', 'a2']);
  });

  it('is refused for another file, a changed file and another target, and nothing is sent', async () => {
    await leaveLedger([1, 1]);
    const ledger = await readFile(path('ledger'), 'utf8');
    await writeFile(path('other'), MIXED.replace('a5', 'a7'));
    expect((await send([path('other'), '--resume', path('ledger')])).code).toBe(78);
    await writeFile(path('in'), MIXED.replace('a1', 'a0'));
    const { code, io } = await resume();
    expect(code).toBe(78);
    expect(io.err).toMatch(/a different file or has changed[\s\S]*\n {2}\S/);
    expect(tokens()).toEqual([]);
    await writeFile(path('in'), MIXED);
    target = 'simulator:binary';
    expect((await resume()).code).toBe(78);
    expect(await readFile(path('ledger'), 'utf8')).toBe(ledger);
  });

  it('is refused for a file that has grown, and tells how to go on', async () => {
    await leaveLedger([1, 1]);
    await appendFile(path('in'), line('a8'));
    const { code, io } = await resume();
    expect(code).toBe(78);
    const { length } = MIXED;
    expect(io.err).toContain(
      `an earlier version of ${path('in')}: the file was ${length} bytes then and has grown by ${line('a8').length}`,
    );
    expect(io.err).toContain(`head -c ${length}`);
    expect(io.err).toContain(`tail -c +${length + 1}`);
    expect(tokens()).toEqual([]);
    // What is longer and begins otherwise is another file.
    await writeFile(path('in'), line('a9') + MIXED);
    expect((await resume()).io.err).toContain('a different file or has changed');
  });

  it('is refused while another process uses the ledger, and leaves it as it is', async () => {
    await leaveLedger([1, 1]);
    const ledger = await readFile(path('ledger'), 'utf8');
    const lock = new LedgerLock(path('ledger'));
    expect((await resume()).code).toBe(78);
    lock.release();
    expect(await readFile(path('ledger'), 'utf8')).toBe(ledger);
    expect(tokens()).toEqual([]);
    expect((await resume()).code).toBe(1);
    expect(await readdir(directory)).not.toContain('ledger.lock');
  });

  it('is refused beside a process that is at it, and goes on at once when that is killed', async () => {
    simulator.gateway.setFaults({ stall: true });
    const argv = ['send', path('in'), '--to', target, '--credentials', directory, '--resume', path('ledger')];
    const command = new CommandProcess(argv);
    onTestFinished(() => command.dispose());
    await command.said('stderr', /remembering/);
    const beside = await resume();
    expect(beside.code).toBe(78);
    expect(beside.io.err).toMatch(/in use by process \d+ on /);
    command.kill('SIGKILL');
    const { out } = await command.exit();
    simulator.gateway.setFaults({ stall: false });
    const after = await resume();
    expect(after.code).toBe(1);
    // Whether line 4, which is no notification, was settled before the kill is a matter of a moment.
    const lines = `${out}${after.io.out}`
      .split('\n')
      .filter((each) => each !== '')
      .map((each) => JSON.parse(each).line);
    expect([...new Set(lines)].sort()).toEqual([1, 3, 4, 5, 6]);
    expect(after.io.err).toContain('may be sent a second time');
  });

  it('lets go of the ledger however it ends', async () => {
    await resume('--to', 'nowhere');
    await resume();
    await resume();
    await writeFile(path('in'), 'changed');
    expect((await resume()).code).toBe(78);
    await writeFile(path('damaged'), 'damaged');
    expect((await send([path('in'), '--resume', path('damaged')])).code).toBe(78);
    expect((await readdir(directory)).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });

  it('is wrong use for a ledger that is the input or the output, by any of its names', async () => {
    await writeFile(path('x.next'), MIXED);
    await writeFile(path('x.lock'), MIXED);
    for (const [input, ledger] of [
      ['in', 'in'],
      ['x.next', 'x'],
      ['x.lock', 'x'],
    ] as const) {
      expect((await send([path(input), '--resume', path(ledger)])).code, input).toBe(64);
      expect(await readFile(path(input), 'utf8'), input).toBe(MIXED);
    }
    for (const name of ['out', 'out.next', 'out.lock']) {
      const { code } = await sendInto(name, [path('in'), '--resume', path('out')]);
      expect(code, name).toBe(64);
      await rm(path(name));
    }
    expect(tokens()).toEqual([]);
  });

  it('overwrites nothing but what a killed run has left', async () => {
    await writeFile(path('ledger.next'), 'of somebody else');
    expect((await resume()).code).toBe(78);
    expect(await readFile(path('ledger.next'), 'utf8')).toBe('of somebody else');
    await writeFile(path('ledger.next'), '0123abcd {"ledger":"apns-');
    expect((await resume()).code).toBe(1);
    expect(await readdir(directory)).not.toContain('ledger.next');
  });

  it('warns, quiet or not, when the outcomes of the runs before were overwritten', async () => {
    await leaveLedger([1, 2], [4, 5]);
    const { io } = await sendInto('out', [path('in'), '--resume', path('ledger'), '--quiet']);
    expect(io.err).toContain('warning: standard output is an empty file');
    await leaveLedger([1, 2]);
    const appended = await sendInto('out', [path('in'), '--resume', path('ledger')]);
    expect(appended.io.err).not.toContain('warning');
    const outcomes = (await readFile(path('out'), 'utf8')).split('\n').filter((each) => each !== '');
    expect(outcomes).toHaveLength(2 + 4);
  });

  it('warns so when nothing was left to send, too', async () => {
    const argv = [path('in'), '--resume', path('ledger'), '--quiet'];
    expect((await sendInto('out', argv)).io.err).toBe('');
    expect((await sendInto('out', argv)).io.err).toBe('');
    await writeFile(path('out'), '');
    expect((await sendInto('out', argv)).io.err).toContain('warning: standard output is an empty file');
    expect((await sendInto('out', [...argv, '--outcomes', 'none'])).io.err).toBe('');
  });

  it('advises to append where outcomes go to a file', async () => {
    expect((await sendInto('out', [path('in'), '--resume', path('ledger')])).io.err).toContain('append (>>)');
    expect((await send([path('in'), '--resume', path('other')])).io.err).not.toContain('append');
  });

  it('tells programs how many may arrive twice', async () => {
    const summary = async (...more: string[]): Promise<unknown> => {
      const { io } = await resume('--json-summary', '--quiet', ...more);
      return JSON.parse(io.err.trimEnd().split('\n').at(-1)!).resume;
    };
    const ledger = path('ledger');
    const NOT_REFUSED = { refusedBefore: 0, refusedBeforeNow: {} };
    expect(await summary()).toEqual({ ledger, settledBefore: 0, duplicatesAtMost: 0, ...NOT_REFUSED });
    expect(await summary()).toEqual({ ledger, settledBefore: 6, duplicatesAtMost: 0, ...NOT_REFUSED });
    await leaveLedger([1, 2], [4, 5]);
    expect(await summary('--window-count', '9')).toEqual({
      ledger,
      settledBefore: 4,
      duplicatesAtMost: 2,
      ...NOT_REFUSED,
    });
  });

  it('says that it starts from the first line when that line is not settled', async () => {
    await leaveLedger([3, 3]);
    expect((await resume('--window-count', '1')).io.err).toContain(
      'starting from the first line; 1 later line is settled; up to 5 notifications may be sent a second time',
    );
  });

  it.each(['', '\n'])('counts a last line that ends in %j among those that are left', async (ending) => {
    await leaveLedger([1, 5]);
    await writeFile(path('in'), MIXED.trimEnd() + ending);
    const { header, settled } = decodeLedger(await readFile(path('ledger')), 'ledger');
    const { length } = MIXED.trimEnd() + ending;
    const sha256 = createHash('sha256')
      .update(MIXED.trimEnd() + ending)
      .digest('hex');
    await writeFile(
      path('ledger'),
      encodeLedger({ ...header, input: { ...header.input, bytes: length, sha256 } }, settled),
    );
    expect((await resume()).io.err).toContain(
      'resuming after line 5; up to 1 notification may be sent a second time',
    );
  });

  describe('after a run that a signal stopped', () => {
    /** What a stopped run prints: the statuses of its lines, and its summary. */
    async function sendAndStop(...more: string[]): Promise<{ statuses: unknown[]; err: string }> {
      simulator.gateway.setFaults({ stall: true });
      const io = new FakeIo();
      const argv = ['send', path('in'), '--to', target, '--credentials', directory];
      const before = simulator.counts.connections;
      const running = run([...argv, '--resume', path('ledger'), ...more], io);
      await simulator.waitFor(({ connections }) => connections > before);
      io.signal('SIGINT');
      io.signal('SIGINT');
      expect(await running).toBe(130);
      simulator.gateway.setFaults({ stall: false });
      return { statuses: io.lines.map(({ status }) => status), err: io.err };
    }

    it('does what the message of that run says about unsent and unknown lines', async () => {
      await writeFile(path('in'), line('a1') + line('a2'));
      for (const how of ['report', 'resend']) {
        const { statuses, err } = await sendAndStop('--on-unknown', how);
        const again = await resume('--on-unknown', how, '--json-summary');
        const sent = JSON.parse(again.io.err.trimEnd().split('\n').at(-1)!).notifications;
        const unknown = statuses.filter((status) => status === 'unknown').length;
        const open = statuses.length - (how === 'report' ? unknown : 0);
        expect(sent, how).toBe(open);
        expect(err.includes('run the command again'), how).toBe(open > 0);
        expect(err.includes('resuming does not send unknown lines'), how).toBe(open < statuses.length);
        expect(err, how).not.toContain('outcome is');
        await rm(path('ledger'));
        simulator.accepted.clear();
      }
    });
  });

  it('leaves out what is added to the input while it is sent', async () => {
    await writeFile(path('in'), line('a1') + line('a2'));
    const stderr = { added: false };
    const io = new FakeIo();
    const write = io.stderr.write.bind(io.stderr);
    io.stderr.write = ((text: string) => {
      // Said when the input is identified and not read yet.
      if (!stderr.added) appendFileSync(path('in'), line('a3'));
      stderr.added = true;
      return write(text);
    }) as typeof io.stderr.write;
    const argv = ['send', path('in'), '--to', target, '--credentials', directory, '--resume', path('ledger')];
    expect(await run(argv, io)).toBe(0);
    expect(tokens()).toEqual(['a1', 'a2']);
    expect((await resume()).io.err).toContain('and has grown by');
  });

  it('still tells what may arrive twice when the run after a kill did not get that far', async () => {
    await leaveLedger([1, 1]);
    const { gateway } = simulator;
    target = `https://127.0.0.1:${gateway.port}`;
    await writeFile(path('ledger'), await retargeted(target));
    expect((await resume('--checkpoint', 'never')).code).toBe(64);
    const { io } = await resume('--connect-attempts', '1', '--window-count', '9');
    expect(io.err).toContain('up to 5 notifications may be sent a second time');
  });

  it('fails when the input is changed in place while it is sent, and is not complete', async () => {
    const before = Array.from({ length: 5000 }, (_, i) =>
      line((i + 0x10000).toString(16).padStart(8, '0')),
    ).join('');
    await writeFile(path('in'), before);
    const io = new FakeIo();
    const write = io.stderr.write.bind(io.stderr);
    io.stderr.write = ((text: string) => {
      // Said when the input is identified and not read yet.
      if (text.includes('remembering')) writeFileSync(path('in'), before.replaceAll('000113', '000fff'));
      return write(text);
    }) as typeof io.stderr.write;
    const argv = ['send', path('in'), '--to', target, '--credentials', directory, '--resume', path('ledger')];
    expect(await run(argv, io)).toBe(74);
    expect(io.err).toContain(`${path('in')} was changed while it was being sent`);
    expect(readLedger(path('ledger'))!.ended).not.toBe('complete');
    expect((await resume()).code).toBe(78);
  });

  it('fails when the input becomes shorter while it is sent', async () => {
    const io = new FakeIo();
    const write = io.stderr.write.bind(io.stderr);
    io.stderr.write = ((text: string) => {
      if (text.includes('remembering')) writeFileSync(path('in'), line('a1'));
      return write(text);
    }) as typeof io.stderr.write;
    const argv = ['send', path('in'), '--to', target, '--credentials', directory, '--resume', path('ledger')];
    expect(await run(argv, io)).toBe(74);
    expect(io.err).toContain('was changed while it was being sent');
  });

  it('sends nothing of what is added to an input that was empty', async () => {
    await writeFile(path('in'), '');
    const io = new FakeIo();
    const write = io.stderr.write.bind(io.stderr);
    io.stderr.write = ((text: string) => {
      if (text.includes('remembering')) appendFileSync(path('in'), line('a1'));
      return write(text);
    }) as typeof io.stderr.write;
    const argv = ['send', path('in'), '--to', target, '--credentials', directory, '--resume', path('ledger')];
    expect(await run(argv, io)).toBe(0);
    expect(tokens()).toEqual([]);
  });

  it('ends with the code of a signal that comes while the input is identified, and sends nothing', async () => {
    const io = new FakeIo();
    const argv = ['send', path('in'), '--to', target, '--credentials', directory, '--resume', path('ledger')];
    const running = run(argv, io);
    io.signal('SIGTERM');
    expect(await running).toBe(143);
    expect(tokens()).toEqual([]);
    expect(await readdir(directory)).not.toContain('ledger.lock');
  });

  describe.each([
    ['a whole line', '{"status":"accepted","line":1}\n', '{"status":"accepted","line":1}\n'],
    ['a part of an outcome', '{"a":1}\n{"status":"accep', '{"a":1}\n'],
    ['a part of the only outcome', '{"sta', ''],
    ['an outcome without its newline', '{"status":"accepted","line":1}', '{"status":"accepted","line":1}\n'],
    ['something else without a newline', 'of somebody else', 'of somebody else\n'],
  ])('goes on behind an output that ends in %s', (_, before, after) => {
    it.each(['killed', 'idle'])('with whole lines only (the run before was %s)', async (how) => {
      await leaveLedger([1, 2], [4, 5]);
      if (how === 'idle')
        await appendFile(path('ledger'), encodeLedgerEntry({ through: 2, beyond: [], ended: 'idle' }));
      await writeFile(path('out'), before);
      await sendInto('out', [path('in'), '--resume', path('ledger')]);
      const out = await readFile(path('out'), 'utf8');
      expect(out.slice(0, after.length)).toBe(after);
      const outcomes = out.slice(after.length).split('\n');
      expect(outcomes.pop()).toBe('');
      expect(outcomes.map((each) => JSON.parse(each).line).sort()).toEqual([3, 6]);
    });
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

  it.skipIf(process.platform === 'win32')(
    'goes on where the disk was full, and sends no settled line again',
    async () => {
      await writeFile(
        path('in'),
        Array.from({ length: 3000 }, (_, i) => line((i + 0x10000).toString(16).padStart(8, '0'))).join(''),
      );
      const argv = [
        MAIN,
        'send',
        path('in'),
        '--to',
        'simulator:http2',
        '--resume',
        path('ledger'),
        '--window-count',
        '20',
      ];
      // A limit for files stands in for a full disk. Outcomes go to a pipe, which has none.
      const full = spawnSync('sh', ['-c', 'ulimit -f 4; exec "$0" "$@"', process.execPath, ...argv], {
        encoding: 'utf8',
        maxBuffer: 1e8,
      });
      expect(full.status, full.stderr).toBe(74);
      expect(full.stderr).toContain('cannot write the ledger');
      const { settled, header } = readLedger(path('ledger'))!;
      const recorded = settled.through;
      expect(recorded).toBeGreaterThan(0);
      const rest = spawnSync(process.execPath, argv, { encoding: 'utf8', maxBuffer: 1e8 });
      expect(rest.status, rest.stderr).toBe(0);
      const [before, after] = [full, rest].map(({ stdout }) =>
        stdout
          .split('\n')
          .filter((each) => each !== '')
          .map((each) => JSON.parse(each).line as number),
      ) as [number[], number[]];
      expect(new Set([...before, ...after]).size).toBe(3000);
      expect(Math.min(...after)).toBe(recorded + 1);
      expect(before.length + after.length - 3000).toBeLessThanOrEqual(header.window);
    },
  );

  it.skipIf(process.platform === 'win32')(
    'sends nothing where the directory of the ledger cannot be written to',
    async () => {
      await mkdir(path('closed'), { mode: 0o555 });
      await chmod(directory, 0o755);
      // Root may write anywhere, so it steps down.
      const other = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
      const argv = [MAIN, 'send', path('in'), '--to', 'simulator:http2', '--resume', path('closed/ledger')];
      const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', ...other });
      expect(status, stderr).toBe(74);
      expect(stderr).toContain('permission denied');
      expect(stdout).toBe('');
    },
  );

  it('leaves a ledger without anything under way when it could not even begin', async () => {
    target = 'https://127.0.0.1:9';
    const { code } = await resume('--checkpoint', 'never');
    expect(code).toBe(64);
    expect(await readFile(path('ledger'), 'utf8')).toContain('"ended":"idle"');
  });
});
