import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ExitCode } from '../../../src/cli/exit-code.js';
import { LineRanges } from '../../../src/cli/input/line-ranges.js';
import { Ledger, readLedger } from '../../../src/cli/resume/ledger.js';

const header = { input: { path: 'in', bytes: 1, sha256: 'ab' }, to: 'sandbox', window: 64 };
const REFUSED = expect.objectContaining({ exitCode: ExitCode.BadConfiguration });

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'apns-streams-test-'));
  path = join(directory, 'ledger');
});
afterEach(() => rmSync(directory, { recursive: true }));

const create = (more: { maxAppendedBytes?: number; sync?: boolean } = {}): Ledger =>
  new Ledger({ path, header, settled: new LineRanges(), sync: false, ...more });

describe('Ledger', () => {
  it.each([false, true])('is on file when add() returns (synchronized: %s)', (sync) => {
    const ledger = create({ sync });
    ledger.add([3, 1, 2, 9]);
    expect([...readLedger(path)!.settled]).toEqual([
      [1, 3],
      [9, 9],
    ]);
    ledger.addBlank(4, 8);
    ledger.add([10]);
    expect([...readLedger(path)!.settled]).toEqual([[1, 10]]);
    ledger.close('idle');
    expect(readLedger(path)!.ended).toBe('idle');
  });

  it('begins with what earlier runs have settled, and no longer says that they ended', () => {
    const first = create();
    first.add([5]);
    first.close('idle');
    const { settled } = readLedger(path)!;
    const second = new Ledger({ path, header, settled, sync: false });
    expect(readLedger(path)).toMatchObject({ ended: undefined });
    expect([...readLedger(path)!.settled]).toEqual([[5, 5]]);
    second.close(undefined);
    expect(readLedger(path)!.ended).toBeUndefined();
  });

  it('rewrites itself before it grows, leaving nothing behind', () => {
    const ledger = create({ maxAppendedBytes: 1000 });
    let largest = 0;
    for (let line = 1; line <= 4000; line += 2) {
      ledger.add([line + 1]);
      ledger.add([line]);
      largest = Math.max(largest, statSync(path).size);
    }
    expect(largest).toBeLessThan(2000);
    expect([...readLedger(path)!.settled]).toEqual([[1, 4000]]);
    ledger.close('complete');
    expect(readdirSync(directory)).toEqual(['ledger']);
  });

  it('holds a few bytes for each line that is open, whatever their number', () => {
    const ledger = create({ maxAppendedBytes: 1000 });
    // Every tenth line stays open.
    for (let line = 1; line < 20_000; line += 10) ledger.add(Array.from({ length: 9 }, (_, i) => line + i));
    expect(statSync(path).size).toBeLessThan(6 * 2000 * '[19991,19999],'.length);
    expect(readLedger(path)!.settled.beyond).toHaveLength(1999);
    ledger.close(undefined);
  });

  it('remembers that more may be under way, through a rewriting as well, and never less', () => {
    const ledger = create({ maxAppendedBytes: 300 });
    ledger.raiseWindow(100);
    ledger.raiseWindow(70);
    expect(readLedger(path)!.header.window).toBe(100);
    for (let line = 1; line < 400; line++) ledger.add([line]);
    // By now what was appended at first is gone.
    expect(readFileSync(path, 'utf8').match(/"window"/g)).toHaveLength(1);
    expect(readLedger(path)!.header.window).toBe(100);
    ledger.close(undefined);
  });

  it('says when it is closed', () => {
    let closed = 0;
    const ledger = new Ledger({
      path,
      header,
      settled: new LineRanges(),
      sync: false,
      onClose: () => {
        closed++;
      },
    });
    expect(closed).toBe(0);
    ledger.close('idle');
    expect(closed).toBe(1);
  });

  it('fails with exit code 74 where it cannot be written', () => {
    path = join(directory, 'missing', 'ledger');
    expect(() => create()).toThrow(expect.objectContaining({ exitCode: ExitCode.InputOutput }));
  });
});

describe('readLedger', () => {
  it('finds none where there is none', () => {
    expect(readLedger(path)).toBeUndefined();
  });

  it('refuses what is no ledger, and leaves it as it is', () => {
    for (const text of ['', 'x', '{"deviceToken":"aa","payload":{}}\n', '\n'.repeat(200_000)]) {
      writeFileSync(path, text);
      expect(() => readLedger(path)).toThrow(REFUSED);
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
  });

  it('refuses a directory', () => {
    mkdirSync(path);
    expect(() => readLedger(path)).toThrow(REFUSED);
  });
});
