import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LineRanges } from '../../../src/cli/input/line-ranges.js';
import { Ledger, readLedger } from '../../../src/cli/resume/ledger.js';
import { SettlementLog, type SettlementLogOptions } from '../../../src/cli/resume/settlement-log.js';
import { EarlierRefusals } from '../../../src/cli/send/earlier-refusals.js';
import type { OutcomeStatus } from '../../../src/core/outcome.js';

const header = { input: { path: 'in', bytes: 1, sha256: 'ab' }, to: 'sandbox', window: 3 };

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'apns-streams-test-'));
  path = join(directory, 'ledger');
});
afterEach(() => rmSync(directory, { recursive: true }));

function begin(before: readonly number[] = [], more: Partial<SettlementLogOptions> = {}): SettlementLog {
  const settled = new LineRanges();
  for (const line of before) settled.add(line, line);
  const ledger = new Ledger({ path, header, settled, sync: false });
  return new SettlementLog({ ledger, settled, window: 3, resendUnknown: false, inDoubt: 0, ...more });
}

const settle = (log: SettlementLog, line: number, status: OutcomeStatus = 'accepted', printed = true): void =>
  log.onOutcome({ status, line, statusCode: 0, reason: 'Any', message: '' }, printed);

const recorded = (): string[] => [...readLedger(path)!.settled].map((range) => range.join('-'));

describe('SettlementLog', () => {
  it('records a line when its outcome is written, not before', async () => {
    const log = begin();
    for (const line of [1, 2, 3]) log.admit(line);
    for (const line of [3, 1, 2]) settle(log, line);
    await turn();
    expect(recorded()).toEqual([]);
    log.onWritten(1);
    expect(recorded()).toEqual(['3-3']);
    log.onWritten(2);
    expect(recorded()).toEqual(['1-3']);
    log.close(true);
  });

  it('records what is not printed at the end of the turn', async () => {
    const log = begin();
    for (const line of [1, 2]) log.admit(line);
    settle(log, 1, 'accepted', false);
    settle(log, 2, 'rejected');
    expect(recorded()).toEqual([]);
    await turn();
    expect(recorded()).toEqual(['1-1']);
    log.close(true);
    expect(readLedger(path)!.ended).toBeUndefined();
  });

  it('leaves out what is settled, invalid lines as well', () => {
    const log = begin([1, 2, 5]);
    expect([1, 2, 3, 5, 6].map((line) => log.admit(line))).toEqual([false, false, true, false, true]);
    expect([5, 7].map((line) => log.admitInvalid(line))).toEqual([false, true]);
    log.close(false);
  });

  it('counts empty lines as settled, but not invalid ones whose outcome is on its way', () => {
    const log = begin();
    log.admitInvalid(4);
    log.admitInvalid(8);
    log.admit(2);
    log.admit(7);
    settle(log, 7);
    log.onWritten(1);
    expect(recorded()).toEqual(['1-1', '7-7']);
    settle(log, 4, 'invalid');
    settle(log, 2);
    log.onWritten(2);
    expect(recorded()).toEqual(['1-7']);
    log.close(true);
    expect(readLedger(path)!.ended).toBe('idle');
  });

  it('holds the reading while as many as the window are neither settled nor recorded', () => {
    const log = begin();
    let released = 0;
    const hold = (): boolean => log.hold(() => released++);
    log.admit(1);
    log.admit(2);
    expect(hold()).toBe(false);
    log.admit(3);
    expect(hold()).toBe(true);
    settle(log, 2);
    expect(released).toBe(0);
    log.onWritten(1);
    expect(released).toBe(1);
    expect(hold()).toBe(false);
    log.close(false);
  });

  it('leaves unsent lines open, and is not complete then', () => {
    const log = begin();
    log.admit(1);
    log.admit(2);
    settle(log, 1, 'unsent');
    settle(log, 2, 'unknown');
    log.onWritten(2);
    log.close(true);
    expect(recorded()).toEqual(['2-2']);
    expect(readLedger(path)!.ended).toBe('idle');
  });

  it('leaves lines open that were refused because of credentials or options, and records them', async () => {
    const lines = new LineRanges();
    lines.add(1, 2);
    const earlier = new EarlierRefusals(lines);
    const log = begin([], { earlier });
    for (const line of [1, 2, 3]) log.admit(line);
    const refuse = (line: number, printed: boolean): void =>
      log.onOutcome({ status: 'rejected', line, statusCode: 403, reason: 'Any' }, printed, true);
    refuse(1, true);
    refuse(3, false);
    settle(log, 2);
    await turn();
    expect([...readLedger(path)!.refused]).toEqual([[3, 3]]);
    log.onWritten(2);
    expect([...readLedger(path)!.refused]).toEqual([
      [1, 1],
      [3, 3],
    ]);
    expect(recorded()).toEqual(['2-2']);
    log.close(true);
    expect(readLedger(path)!.ended).toBe('idle');
    expect(earlier.count).toBe(2);
    expect(earlier.outcomes).toEqual({ rejected: 1, accepted: 1 });
  });

  it('leaves what is unknown open from the moment on that the run was refused, and says that it may arrive twice', () => {
    const log = begin();
    for (const line of [1, 2, 3]) log.admit(line);
    settle(log, 1, 'unknown');
    log.leaveUnknownOpen();
    settle(log, 2, 'unknown');
    settle(log, 3, 'unsent');
    log.onWritten(3);
    log.close(false);
    expect(recorded()).toEqual(['1-1']);
    expect(readLedger(path)!.ended).toBeUndefined();
  });

  describe('unknown before the gateway has answered for anything', () => {
    const unknown = (): SettlementLog => {
      const log = begin();
      for (const line of [1, 2, 3]) log.admit(line);
      settle(log, 1, 'unknown');
      settle(log, 2, 'unknown');
      log.onWritten(2);
      return log;
    };

    it('stays open when the credentials turn out to be refused, and may arrive twice', () => {
      const log = unknown();
      expect(readLedger(path)!.header.window).toBe(3 + 2);
      settle(log, 3, 'unsent');
      log.onWritten(1);
      log.close(true, true);
      expect(recorded()).toEqual([]);
      expect(readLedger(path)!.ended).toBeUndefined();
    });

    it('is settled at the end of a run that was not refused', () => {
      const log = unknown();
      expect(recorded()).toEqual([]);
      settle(log, 3, 'unknown');
      log.onWritten(1);
      log.close(true, false);
      expect(recorded()).toEqual(['1-3']);
      expect(readLedger(path)!.ended).toBe('complete');
    });

    it.each(['accepted', 'presumed', 'rejected'] as const)(
      'is settled as soon as something is %s',
      async (status) => {
        const log = unknown();
        settle(log, 3, status);
        await turn();
        expect(recorded()).toEqual(['1-2']);
        log.onWritten(1);
        log.close(true, true);
        expect(recorded()).toEqual(['1-3']);
        expect(readLedger(path)!.ended).toBe('complete');
      },
    );

    it('is recorded at once after something was accepted', () => {
      const log = unknown();
      settle(log, 3);
      for (const line of [4, 5]) log.admit(line);
      settle(log, 4, 'unknown');
      settle(log, 5);
      log.onWritten(2);
      expect(recorded()).toEqual(['1-4']);
      log.onWritten(1);
      log.close(true);
      expect(recorded()).toEqual(['1-5']);
      expect(readLedger(path)!.ended).toBe('complete');
    });

    it('does not keep other lines from being recorded while its outcome is being written', async () => {
      const log = begin();
      for (const line of [1, 2]) log.admit(line);
      settle(log, 1, 'unknown');
      settle(log, 2, 'accepted', false);
      await turn();
      expect(recorded()).toEqual(['2-2']);
      log.close(false);
    });

    it('does not keep an invalid line from being recorded', () => {
      const log = begin();
      log.admitInvalid(1);
      settle(log, 1, 'invalid');
      log.onWritten(1);
      expect(recorded()).toEqual(['1-1']);
      log.close(true);
    });

    it('holds back nothing', () => {
      const log = unknown();
      log.admit(4);
      expect(log.hold(() => {})).toBe(false);
      log.close(false);
    });
  });

  it('leaves unknown lines open where they are to be sent again, and says that they may arrive twice', () => {
    const log = begin([], { resendUnknown: true });
    log.admit(1);
    log.admit(2);
    settle(log, 1, 'unknown');
    settle(log, 2);
    log.onWritten(2);
    log.close(true);
    expect(recorded()).toEqual(['2-2']);
    expect(readLedger(path)!.ended).toBeUndefined();
  });

  it('tells of more that may arrive twice, at once, when lines that may have arrived are left open', () => {
    const bound = (): number => readLedger(path)!.header.window;
    const unclear = begin([], { resendUnknown: true });
    for (const line of [1, 2, 3, 4]) unclear.admit(line);
    for (const line of [1, 2]) settle(unclear, line, 'unsent');
    expect(bound()).toBe(3);
    for (const line of [3, 4]) settle(unclear, line, 'unknown');
    expect(bound()).toBe(3 + 2);
    unclear.close(false);
    // Of those that a killed run had under way, and now are unsent, nobody knows either.
    const afterKill = begin([], { inDoubt: 2 });
    for (const line of [1, 2, 3, 4]) afterKill.admit(line);
    for (const line of [1, 2, 3]) settle(afterKill, line, 'unsent', false);
    expect(bound()).toBe(3 + 2);
    afterKill.close(false);
  });

  it('is complete when everything is settled and the input was read to its end', () => {
    for (const wasRead of [true, false]) {
      const log = begin();
      log.admit(1);
      settle(log, 1);
      log.onWritten(1);
      log.close(wasRead);
      expect(readLedger(path)!.ended).toBe(wasRead ? 'complete' : 'idle');
    }
  });

  it('is idle after a killed run only when all that was in doubt has been made up for', () => {
    for (const lines of [[], [1], [1, 2]]) {
      const log = begin([], { inDoubt: 2 });
      for (const line of lines) log.admit(line);
      for (const line of lines) settle(log, line);
      log.onWritten(lines.length);
      log.close(false);
      expect(readLedger(path)!.ended).toBe(lines.length === 2 ? 'idle' : undefined);
    }
    const log = begin([], { inDoubt: 1 });
    log.admit(1);
    settle(log, 1, 'unsent', false);
    log.close(true);
    expect(readLedger(path)!.ended).toBeUndefined();
  });

  it('writes nothing once it is closed', async () => {
    const log = begin();
    log.admit(1);
    log.close(false);
    const failures: unknown[] = [];
    log.onFail = (error) => failures.push(error);
    // Takes the ledger's number over; writing to it would fail.
    const reader = openSync(path, 'r');
    settle(log, 1, 'accepted', false);
    await turn();
    closeSync(reader);
    expect(failures).toEqual([]);
    expect(recorded()).toEqual([]);
  });

  it('tells a failure once, records nothing more, and holds nothing back for it', () => {
    const broken = new Error('broken');
    const log = begin([], {
      syncOutput: () => {
        throw broken;
      },
    });
    const failures: unknown[] = [];
    log.onFail = (error) => failures.push(error);
    let released = false;
    for (const line of [1, 2, 3]) log.admit(line);
    log.hold(() => {
      released = true;
    });
    settle(log, 1);
    log.onWritten(1);
    settle(log, 2);
    log.onWritten(1);
    log.close(false);
    expect(failures).toEqual([broken]);
    expect(released).toBe(true);
    expect(recorded()).toEqual([]);
  });

  describe('with a ledger that is watched', () => {
    function watch(more: Partial<SettlementLogOptions> = {}) {
      const settled = new LineRanges();
      const ledger = new Ledger({ path, header, settled, sync: false });
      const log = new SettlementLog({
        ledger,
        settled,
        window: 3,
        resendUnknown: false,
        inDoubt: 0,
        ...more,
      });
      return { log, ledger, settled, add: vi.spyOn(ledger, 'add') };
    }

    it('passes on what is settled and what is refused, once and only where there is any', async () => {
      const { log, add } = watch();
      for (const line of [1, 2, 3, 4, 5]) log.admit(line);
      settle(log, 1);
      log.onWritten(1);
      settle(log, 2, 'unsent');
      log.onWritten(1);
      settle(log, 3, 'unsent', false);
      await turn();
      log.onOutcome({ status: 'rejected', line: 4, statusCode: 403, reason: 'Any' }, false, true);
      await turn();
      settle(log, 5, 'accepted', false);
      await turn();
      log.close(false);
      expect(add.mock.calls).toEqual([
        [[1], []],
        [[], [4]],
        [[5], []],
      ]);
    });

    it('settles lines without a notification, and never the invalid ones between them', () => {
      const { log, settled } = watch();
      for (const line of [3, 4, 6, 9, 10]) log.admitInvalid(line);
      log.admit(2);
      log.admit(8);
      expect([...settled]).toEqual([
        [1, 1],
        [5, 5],
        [7, 7],
      ]);
      log.admit(12);
      expect([...settled]).toEqual([
        [1, 1],
        [5, 5],
        [7, 7],
        [11, 11],
      ]);
      log.close(false);
    });

    it('releases the reading only when there is room again', () => {
      const { log } = watch();
      const release = vi.fn();
      for (const line of [1, 2, 3, 4]) log.admit(line);
      expect(log.hold(release)).toBe(true);
      settle(log, 1);
      log.onWritten(1);
      expect(release).not.toHaveBeenCalled();
      settle(log, 2);
      log.onWritten(1);
      expect(release).toHaveBeenCalledOnce();
      log.close(false);
    });

    it('raises what may arrive twice in steps of a sixteenth of the window', () => {
      const { log } = watch({ window: 32, resendUnknown: true });
      for (const line of [1, 2, 3]) log.admit(line);
      const bounds = [1, 2, 3].map((line) => {
        settle(log, line, 'unknown');
        return readLedger(path)!.header.window;
      });
      expect(bounds).toEqual([34, 34, 36]);
      log.close(false);
    });

    it('counts a line that may arrive twice once, also when a killed run is in doubt', () => {
      const { log } = watch({ inDoubt: 5, resendUnknown: true });
      log.admit(1);
      settle(log, 1, 'unknown');
      expect(readLedger(path)!.header.window).toBe(3 + 1);
      log.close(false);
    });

    it('does not touch the ledger any more after it failed or was closed', () => {
      const syncOutput = vi.fn(() => {
        throw new Error('broken');
      });
      const { log, ledger, add } = watch({ syncOutput, resendUnknown: true });
      const onFail = vi.fn();
      log.onFail = onFail;
      const raiseWindow = vi.spyOn(ledger, 'raiseWindow');
      for (const line of [1, 2, 3]) log.admit(line);
      for (const line of [1, 2]) {
        settle(log, line);
        log.onWritten(1);
      }
      settle(log, 3, 'unknown');
      const close = ledger.close.bind(ledger);
      vi.spyOn(ledger, 'close').mockImplementation((ended) => {
        close(ended);
        throw new Error('closing');
      });
      log.close(false);
      expect(syncOutput).toHaveBeenCalledOnce();
      expect(add).not.toHaveBeenCalled();
      expect(raiseWindow).not.toHaveBeenCalled();
      expect(onFail.mock.calls).toEqual([[expect.objectContaining({ message: 'broken' })]]);
    });
  });
});
