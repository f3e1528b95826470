/** What a ledger asks of the system, and what it does when the system refuses. */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type Mock, onTestFinished, vi } from 'vitest';
import { CommandError } from '../../../src/cli/command-error.js';
import { LineRanges } from '../../../src/cli/input/line-ranges.js';
import { Ledger, type LedgerOptions, readHead, readLedger } from '../../../src/cli/resume/ledger.js';
import { encodeLedgerEntry } from '../../../src/cli/resume/ledger-format.js';

vi.mock('node:fs', { spy: true });

const header = { input: { path: 'in', bytes: 1, sha256: 'ab' }, to: 'sandbox', window: 64 };

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'apns-streams-test-'));
  path = join(directory, 'ledger');
});
afterEach(() => rmSync(directory, { recursive: true }));

const create = (more: Partial<LedgerOptions> = {}): Ledger =>
  new Ledger({ path, header, settled: new LineRanges(), sync: false, ...more });

const WATCHED = { openSync, renameSync, closeSync, fsyncSync, fdatasyncSync };

/** The calls of `work` that open, close, rename and sync files, in order, each with the name of its file. */
function callsOf(work: () => void): string[] {
  vi.clearAllMocks();
  work();
  const { calls: openings, results } = vi.mocked(openSync).mock;
  const nameOf = (file: unknown): string => {
    if (typeof file !== 'number') return basename(String(file));
    const at = results.findLastIndex(({ value }) => value === file);
    return at < 0 ? 'the file of before' : basename(String(openings[at]![0]));
  };
  const calls: [order: number, text: string][] = [];
  for (const [name, call] of Object.entries(WATCHED)) {
    const { calls: all, invocationCallOrder } = (call as Mock).mock;
    for (const [i, [file]] of all.entries()) calls.push([invocationCallOrder[i]!, `${name} ${nameOf(file)}`]);
  }
  return calls.sort(([a], [b]) => a - b).map(([, text]) => text);
}

/** The entries of the file, without their checksums. */
const entries = (): string[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((each) => each.slice(9));

describe('a ledger on the disk', () => {
  it('is synced before it takes its place, with its directory, and with each entry', () => {
    let ledger: Ledger | undefined;
    const begun = callsOf(() => {
      ledger = create({ sync: true });
    });
    const folder = basename(directory);
    expect(begun).toEqual([
      'openSync ledger.next',
      'fsyncSync ledger.next',
      'renameSync ledger.next',
      `openSync ${folder}`,
      `fsyncSync ${folder}`,
      `closeSync ${folder}`,
    ]);
    expect(callsOf(() => ledger!.add([1]))).toEqual(['fdatasyncSync the file of before']);
    expect(callsOf(() => ledger!.close('idle'))).toEqual([
      'fdatasyncSync the file of before',
      'closeSync the file of before',
    ]);
  });

  it('does not sync a directory on Windows, where that is not possible', () => {
    const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
    onTestFinished(() => void Object.defineProperty(process, 'platform', platform));
    Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
    const calls = callsOf(() => create({ sync: true }).close(undefined));
    expect(calls.at(-1)).toBe('closeSync ledger.next');
    expect(calls.filter((call) => call.startsWith('openSync'))).toEqual(['openSync ledger.next']);
  });

  it('is not synced unless that is asked for', () => {
    const calls = callsOf(() => {
      const ledger = create();
      ledger.add([1]);
      ledger.close(undefined);
    });
    expect(calls).toEqual(['openSync ledger.next', 'renameSync ledger.next', 'closeSync ledger.next']);
  });

  it('closes the file that another one replaces', () => {
    const ledger = create({ maxAppendedBytes: 0 });
    const calls = callsOf(() => {
      while (vi.mocked(renameSync).mock.calls.length === 0) ledger.add([1]);
    });
    expect(calls).toEqual(['openSync ledger.next', 'renameSync ledger.next', 'closeSync the file of before']);
    ledger.close(undefined);
  });

  it('closes its file when the last entry cannot be written', () => {
    const onClose = vi.fn();
    const ledger = create({ onClose });
    vi.mocked(writeSync).mockImplementationOnce(() => {
      throw new Error('full');
    });
    const calls = callsOf(() => expect(() => ledger.close('idle')).toThrow(CommandError));
    expect(calls).toEqual(['closeSync the file of before']);
    expect(onClose).toHaveBeenCalledOnce();
  });

  it('leaves no other file behind when it cannot take its place, and says why', () => {
    const cause = new Error('no');
    vi.mocked(renameSync).mockImplementationOnce(() => {
      throw cause;
    });
    const calls = callsOf(() =>
      expect(() => create()).toThrow(
        expect.objectContaining({ exitCode: 74, cause, hint: expect.any(String) }),
      ),
    );
    expect(calls).toEqual(['openSync ledger.next', 'renameSync ledger.next', 'closeSync ledger.next']);
    expect(readdirSync(directory)).toEqual([]);
    vi.mocked(renameSync).mockImplementationOnce((name) => {
      rmSync(name);
      throw cause;
    });
    expect(() => create()).toThrow(expect.objectContaining({ exitCode: 74, cause }));
  });

  it('is rewritten when more was appended than the limit, and than four times the last snapshot', () => {
    const lines = Array.from({ length: 300 }, (_, i) => 2 * i + 2);
    const beyond = lines.map((line) => [line, line] as const);
    const size = encodeLedgerEntry({ through: 0, beyond }).length;
    const rewritings = (maxAppendedBytes: number | undefined, added: readonly number[]): number => {
      const ledger = create(maxAppendedBytes === undefined ? {} : { maxAppendedBytes });
      vi.clearAllMocks();
      ledger.add(added);
      ledger.close(undefined);
      return vi.mocked(renameSync).mock.calls.length;
    };
    expect([rewritings(size, lines), rewritings(size - 1, lines)]).toEqual([0, 1]);
    expect([rewritings(0, [1]), rewritings(0, lines)]).toEqual([0, 1]);
    expect(rewritings(undefined, lines)).toBe(0);
    // Each range is 16 bytes long.
    expect(
      rewritings(
        undefined,
        Array.from({ length: 17_000 }, (_, i) => 100_000 + 2 * i),
      ),
    ).toBe(1);
  });

  it('appends what is new, and nothing where there is nothing', () => {
    const ledger = create();
    ledger.add([1, 2, 3, 9]);
    ledger.raiseWindow(64);
    ledger.close(undefined);
    expect(entries().slice(1)).toEqual(['{"through":0,"beyond":[]}', '{"through":3,"beyond":[[9,9]]}']);
  });

  it('keeps refused lines, those of earlier runs as well, when it is rewritten', () => {
    const refused = new LineRanges();
    refused.add(7, 8);
    const ledger = create({ refused, maxAppendedBytes: 0 });
    expect([...readLedger(path)!.refused]).toEqual([[7, 8]]);
    ledger.add([1], [5]);
    vi.clearAllMocks();
    while (vi.mocked(renameSync).mock.calls.length === 0) ledger.add([1]);
    ledger.close(undefined);
    expect(entries()[1]).toBe('{"through":1,"beyond":[],"refused":[[5,5],[7,8]]}');
  });
});

describe('readLedger', () => {
  it('reads no more than the beginning of what is no ledger, and says that it is none', () => {
    writeFileSync(path, 'x'.repeat(100_000));
    vi.clearAllMocks();
    expect(() => readLedger(path)).toThrow(/^the ledger .* is not a ledger/);
    expect(vi.mocked(readFileSync)).not.toHaveBeenCalled();
    expect(callsOf(() => void readHead(path))).toEqual(['openSync ledger', 'closeSync ledger']);
    expect(readHead(path)).toHaveLength(65_536);
  });

  it('says why a file cannot be read', () => {
    mkdirSync(path);
    expect(() => readLedger(path)).toThrow(
      expect.objectContaining({ exitCode: 78, cause: expect.objectContaining({ code: 'EISDIR' }) }),
    );
  });
});
