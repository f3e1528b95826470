/** `send --resume` up to the moment at which something is sent. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseArguments } from '../../../src/cli/args/arguments.js';
import { CONNECTION_OPTIONS } from '../../../src/cli/args/connection-options.js';
import { CommandError } from '../../../src/cli/command-error.js';
import { findInputs } from '../../../src/cli/input/input.js';
import { LineRanges } from '../../../src/cli/input/line-ranges.js';
import { readLedger } from '../../../src/cli/resume/ledger.js';
import { encodeLedger, encodeLedgerEntry, type LedgerEntry } from '../../../src/cli/resume/ledger-format.js';
import { LedgerLock } from '../../../src/cli/resume/ledger-lock.js';
import { openResumption, type Resumption } from '../../../src/cli/resume/resume.js';
import { SEND_OPTIONS } from '../../../src/cli/send/send-options.js';
import { FakeIo } from '../fake-io.js';

/** The descriptors that were synced. Installed before the sources, or the built chunks, take the function from node:fs. */
const synced = vi.hoisted(() => {
  const fs = process.getBuiltinModule('node:fs') as { fdatasyncSync(fd: number): void };
  const fds: number[] = [];
  const { fdatasyncSync } = fs;
  fs.fdatasyncSync = (fd) => {
    fds.push(fd);
    fdatasyncSync(fd);
  };
  process.getBuiltinModule('node:module').syncBuiltinESMExports();
  return fds;
});

const INPUT = 'six\nlines\nof\nan\ninput\n.\n';
const START_OVER = /to send every line again, give a LEDGER that does not exist yet$/;

let directory: string;

const path = (name: string): string => join(directory, name);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  await writeFile(path('in'), INPUT);
});
afterEach(() => rm(directory, { recursive: true }));

interface Given {
  readonly argv?: readonly string[];
  readonly to?: string;
  readonly files?: readonly string[];
  readonly stdout?: Writable;
  readonly stop?: AbortSignal;
}

async function open({
  argv = [],
  to = 'sandbox',
  files = ['in'],
  stdout,
  stop,
}: Given = {}): Promise<Resumption | undefined> {
  const io = new FakeIo(stdout === undefined ? {} : { stdout });
  const all = ['--resume', path('ledger'), '--to', to, ...argv];
  const { values } = parseArguments(all, { ...SEND_OPTIONS, ...CONNECTION_OPTIONS });
  const inputs = await findInputs(
    files.map((name) => (name === '-' ? name : path(name))),
    io,
  );
  return openResumption(values, inputs, io, stop);
}

/** Opens and closes at once, as a run that sends nothing. */
async function openAndClose(given?: Given): Promise<Resumption> {
  const resumption = await open(given);
  resumption!.log?.close(false);
  return resumption!;
}

/** A standard output that appends to a file. */
async function appending(name: string): Promise<Writable> {
  const stdout = createWriteStream(path(name), { flags: 'a' });
  await once(stdout, 'open');
  onTestFinished(async () => {
    stdout.end();
    await finished(stdout);
  });
  return stdout;
}

/** What an earlier run left behind: settled lines, and further entries. */
async function leaveLedger(settled: [number, number][], entries: Partial<LedgerEntry>[] = []): Promise<void> {
  const ranges = new LineRanges();
  for (const [first, last] of settled) ranges.add(first, last);
  const sha256 = createHash('sha256').update(INPUT).digest('hex');
  const header = { input: { path: 'before', bytes: INPUT.length, sha256 }, to: 'sandbox', window: 1200 };
  const more = entries.map((entry) => encodeLedgerEntry({ through: 0, beyond: [], ...entry }));
  await writeFile(path('ledger'), encodeLedger(header, ranges) + more.join(''));
}

/** Exit code, message and hint of the error that opening fails with. */
async function refusal(given?: Given): Promise<readonly [code: number, message: string, hint: string]> {
  try {
    await openAndClose(given);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [error.exitCode, error.message, error.hint ?? ''];
  }
  throw new Error('It was opened.');
}

describe('openResumption', () => {
  it('does nothing without --resume, and refuses --resume-sync then', async () => {
    const io = new FakeIo();
    const without = async (...argv: string[]): Promise<unknown> => {
      const { values } = parseArguments(argv, { ...SEND_OPTIONS, ...CONNECTION_OPTIONS });
      return openResumption(values, await findInputs([path('in')], io), io);
    };
    expect(await without()).toBeUndefined();
    await expect(without('--resume-sync')).rejects.toMatchObject({
      exitCode: 64,
      message: expect.stringContaining('--resume-sync'),
    });
  });

  it('begins a ledger of the input, with the window', async () => {
    const { note, warning, figures, input } = await openAndClose({ argv: ['--window-count', '7'] });
    expect(note).toBe(`remembering settled lines in ${path('ledger')}`);
    expect(warning).toBeUndefined();
    expect(figures).toMatchObject({ ledger: path('ledger'), settledBefore: 0, duplicatesAtMost: 0 });
    expect(figures.earlier.count).toBe(0);
    expect(input).toMatchObject({ name: path('in'), size: INPUT.length });
    const { header, ended } = readLedger(path('ledger'))!;
    expect(header).toMatchObject({
      input: { path: path('in'), bytes: INPUT.length, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      to: 'sandbox',
      window: 7,
    });
    expect(ended).toBe('idle');
    expect((await readdir(directory)).sort()).toEqual(['in', 'ledger']);
  });

  it('has a window of 65,536 unless it is told another one', async () => {
    await openAndClose();
    expect(readLedger(path('ledger'))!.header.window).toBe(65_536);
  });

  it('advises to append where outcomes go to a file', async () => {
    const { note } = await openAndClose({ stdout: await appending('out') });
    expect(note).toMatch(/^remembering settled lines in \S+; to resume, .* append \(>>\)/);
  });

  it('goes on after a killed run, whose notifications may be sent a second time', async () => {
    await leaveLedger(
      [
        [1, 2],
        [4, 4],
      ],
      [{ through: 2, refused: [[3, 4]] }],
    );
    const { note, warning, figures, log } = (await open({ argv: ['--window-count', '7'] }))!;
    expect(note).toBe(
      'resuming after line 2; 1 later line is settled; up to 3 notifications may be sent a second time; 1 line refused before because of credentials or options will be sent again',
    );
    expect(warning).toBeUndefined();
    expect(figures).toMatchObject({ settledBefore: 3, duplicatesAtMost: 3 });
    expect(figures.earlier.count).toBe(1);
    expect([1, 2, 3, 4, 5, 6].map((line) => log!.admit(line))).toEqual([
      false,
      false,
      true,
      false,
      true,
      true,
    ]);
    expect(readLedger(path('ledger'))!.header.window).toBe(1200);
    // The lines refused before are remembered until they are settled.
    expect([...readLedger(path('ledger'))!.refused]).toEqual([[3, 3]]);
    log!.onOutcome({ status: 'accepted', line: 3 }, false);
    expect(figures.earlier.outcomes).toEqual({ accepted: 1 });
    log!.close(false);
    expect(readLedger(path('ledger'))!.ended).toBeUndefined();
  });

  it('goes on after a run that stopped with nothing under way', async () => {
    await leaveLedger([[1, 2]], [{ through: 2, ended: 'idle' }]);
    const { note, figures } = await openAndClose({ argv: ['--window-count', '7'] });
    expect(note).toBe('resuming after line 2; no notification can arrive twice');
    expect(figures.duplicatesAtMost).toBe(0);
    expect(readLedger(path('ledger'))!.header.window).toBe(7);
  });

  it('has nothing to do for a complete ledger, and lets go of it', async () => {
    await leaveLedger([[1, 6]], [{ through: 6, ended: 'complete' }]);
    const before = await readFile(path('ledger'), 'utf8');
    const { note, log, figures } = (await open())!;
    expect(note).toBe(`${path('ledger')} is complete: every line of before is settled, so nothing is sent`);
    expect(log).toBeUndefined();
    expect(figures).toMatchObject({ settledBefore: 6, duplicatesAtMost: 0 });
    new LedgerLock(path('ledger')).release();
    expect(await readFile(path('ledger'), 'utf8')).toBe(before);
  });

  it('keeps the ledger until the log is closed', async () => {
    const { log } = (await open())!;
    expect(() => new LedgerLock(path('ledger'))).toThrow('in use');
    expect(await refusal()).toEqual([78, expect.stringContaining('in use'), expect.any(String)]);
    log!.close(false);
    new LedgerLock(path('ledger')).release();
  });

  it('fails when another process took its lock while the input was read, and writes no ledger', async () => {
    const opening = refusal({
      stop: {
        throwIfAborted: () => writeFileSync(path('ledger.lock'), '{"pid":7,"host":"other"}\n'),
      } as AbortSignal,
    });
    expect(await opening).toEqual([78, expect.stringContaining('in use by process 7'), expect.any(String)]);
    expect((await readdir(directory)).sort()).toEqual(['in', 'ledger.lock']);
  });

  it('stops reading the input when it is told to, and lets go of the ledger', async () => {
    const reason = new Error('stop');
    await expect(open({ stop: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(await readdir(directory)).toEqual(['in']);
  });

  it('warns when the output that had the earlier outcomes is empty', async () => {
    await leaveLedger([[1, 2]]);
    const stdout = await appending('out');
    const warningOf = async (...argv: string[]): Promise<string | undefined> =>
      (await openAndClose({ argv, stdout })).warning;
    expect(await warningOf()).toContain('append (>>)');
    expect(await warningOf('--outcomes', 'problems')).toContain('append (>>)');
    expect(await warningOf('--outcomes', 'none')).toBeUndefined();
    await writeFile(path('out'), '\n');
    expect(await warningOf()).toBeUndefined();
    await leaveLedger([]);
    await writeFile(path('out'), '');
    expect(await warningOf()).toBeUndefined();
  });

  it('repairs the last line of the output after an earlier run, unless outcomes are not printed', async () => {
    const stdout = await appending('out');
    const outputAfter = async (...argv: string[]): Promise<string> => {
      await writeFile(path('out'), '{"status":"acc');
      await openAndClose({ argv, stdout });
      return readFile(path('out'), 'utf8');
    };
    expect(await outputAfter()).toBe('{"status":"acc');
    expect(await outputAfter('--outcomes', 'none')).toBe('{"status":"acc');
    expect(await outputAfter('--outcomes', 'problems')).toBe('');
    await leaveLedger([[1, 6]], [{ through: 6, ended: 'complete' }]);
    expect(await outputAfter()).toBe('{"status":"acc');
  });

  it.each([true, false])('syncs the output before the ledger only with --resume-sync: %s', async (sync) => {
    const stdout = await appending('out');
    const { log } = (await open({ stdout, argv: sync ? ['--resume-sync'] : [] }))!;
    log!.admit(1);
    synced.length = 0;
    log!.onOutcome({ status: 'accepted', line: 1 }, true);
    log!.onWritten(1);
    const { fd } = stdout as unknown as { readonly fd: number };
    expect(synced).toEqual(sync ? [fd, expect.any(Number)] : []);
    log!.close(false);
  });

  it.each([
    [[], 'idle'],
    [['--on-unknown', 'report'], 'idle'],
    [['--on-unknown', 'resend'], undefined],
  ])('leaves unknown lines open where they are to be sent again: %s', async (argv, ended) => {
    const { log } = (await open({ argv }))!;
    log!.admit(1);
    log!.onOutcome({ status: 'accepted', line: 1 }, false);
    log!.admit(2);
    log!.onOutcome({ status: 'unknown', line: 2, reason: 'Any' }, false);
    log!.close(false);
    expect(readLedger(path('ledger'))).toMatchObject({ ended });
    expect(readLedger(path('ledger'))!.settled.has(2)).toBe(ended === 'idle');
  });

  it('waits as long as as many as the window are under way', async () => {
    const { log } = (await open({ argv: ['--window-count', '2'] }))!;
    log!.admit(1);
    expect(log!.hold(() => {})).toBe(false);
    log!.admit(2);
    expect(log!.hold(() => {})).toBe(true);
    log!.close(false);
  });

  it('refuses what cannot be read a second time, naming it', async () => {
    expect(await refusal({ files: ['-'] })).toEqual([
      64,
      expect.stringContaining('standard input cannot be read a second time'),
      expect.stringContaining('file'),
    ]);
    for (const files of [['in', 'in'], []])
      expect(await refusal({ files })).toEqual([
        64,
        files.length === 0 ? expect.any(String) : '--resume takes one FILE',
        expect.any(String),
      ]);
    expect((await refusal({ argv: ['--dry-run'] }))[1]).toContain('--dry-run');
    const { values } = parseArguments(['--resume', path('ledger')], {
      ...SEND_OPTIONS,
      ...CONNECTION_OPTIONS,
    });
    const io = new FakeIo();
    await expect(openResumption(values, [], io)).rejects.toThrow('--resume takes one FILE');
    const fifo = { name: 'a FIFO', size: undefined, open: () => io.stdin };
    await expect(openResumption(values, [fifo], io)).rejects.toThrow(': a FIFO cannot be read a second time');
  });

  it('refuses an input that has grown, and says how to send the rest', async () => {
    await leaveLedger([[1, 1]]);
    await appendFile(path('in'), 'x'.repeat(2000));
    const [code, message, hint] = await refusal();
    expect(code).toBe(78);
    expect(message).toBe(
      `the ledger ${path('ledger')} belongs to an earlier version of ${path('in')}: the file was ${INPUT.length} bytes then and has grown by 2,000`,
    );
    expect(hint).toContain(`head -c ${INPUT.length})`);
    expect(hint).toContain(`tail -c +${INPUT.length + 1})`);
  });

  it('refuses another input, and says how to start over', async () => {
    await leaveLedger([[1, 1]]);
    await writeFile(path('in'), 'another');
    const [code, message, hint] = await refusal();
    expect(code).toBe(78);
    expect(message).toContain(
      `belongs to another version of before: ${path('in')} is a different file or has changed`,
    );
    expect(message).toContain(`(${INPUT.length} bytes then, 7 now)`);
    expect(hint).toMatch(START_OVER);
    expect((await readdir(directory)).sort()).toEqual(['in', 'ledger']);
  });

  it('refuses another target', async () => {
    await leaveLedger([[1, 1]]);
    const [code, message, hint] = await refusal({ to: 'production' });
    expect(code).toBe(78);
    expect(message).toBe(
      `the ledger ${path('ledger')} records a run that sent to sandbox, not to production`,
    );
    expect(hint).toMatch(START_OVER);
  });
});
