/** The lock of a ledger when others act between two of its calls, and where the system refuses one. */
import {
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { LedgerLock } from '../../../src/cli/resume/ledger-lock.js';

vi.mock('node:fs', { spy: true });

const OTHER = '{"pid":7,"host":"other"}\n';
const UNKNOWN = expect.objectContaining({
  exitCode: 78,
  message: expect.stringContaining('in use by another process'),
});

let directory: string;
let ledger: string;
let lockFile: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'apns-streams-test-'));
  ledger = join(directory, 'ledger');
  lockFile = `${ledger}.lock`;
});
afterEach(() => {
  vi.resetAllMocks();
  rmSync(directory, { recursive: true });
});

const systemError = (code: string): Error => Object.assign(new Error(code), { code });
const lock = (): LedgerLock => new LedgerLock(ledger);

/** The lock of this host's process `pid`. */
const leaveLock = (pid: unknown, more: object = {}): void =>
  writeFileSync(lockFile, `${JSON.stringify({ pid, host: hostname(), ...more })}\n`);

/** A lock that is taken over: process numbers are far below this one. */
const leaveDeadLock = (): void => leaveLock(2 ** 30, { start: 'x' });

describe('LedgerLock', () => {
  it('gives up when others make and remove a lock each time it tries', () => {
    vi.mocked(openSync).mockImplementation(() => {
      throw systemError('EEXIST');
    });
    expect(lock).toThrow(UNKNOWN);
    expect(vi.mocked(openSync)).toHaveBeenCalledTimes(11);
  });

  it('takes a lock that was removed since it was found', () => {
    vi.mocked(openSync).mockImplementationOnce(() => {
      throw systemError('EEXIST');
    });
    lock().release();
    expect(vi.mocked(renameSync)).not.toHaveBeenCalled();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('leaves no lock behind that it cannot write', () => {
    const cause = systemError('ENOSPC');
    vi.mocked(writeSync).mockImplementationOnce(() => {
      throw cause;
    });
    expect(lock).toThrow(expect.objectContaining({ exitCode: 74, cause }));
    expect(readdirSync(directory)).toEqual([]);
  });

  it('fails when it took away the lock of another one, which was made since the dead one was found', () => {
    leaveDeadLock();
    vi.mocked(renameSync).mockImplementationOnce((from, to) => {
      writeFileSync(to, OTHER);
      rmSync(from);
    });
    expect(lock).toThrow(UNKNOWN);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes the lock where another one removed the dead one at the same moment', () => {
    leaveDeadLock();
    vi.mocked(renameSync).mockImplementationOnce((from) => {
      rmSync(from);
      throw systemError('ENOENT');
    });
    const taken = lock();
    taken.check();
    taken.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('fails with exit code 74 where the dead lock cannot be moved', () => {
    leaveDeadLock();
    const cause = systemError('EACCES');
    vi.mocked(renameSync).mockImplementationOnce(() => {
      throw cause;
    });
    expect(lock).toThrow(expect.objectContaining({ exitCode: 74, cause }));
    expect(existsSync(lockFile)).toBe(true);
  });

  it('may be released when it cannot be removed', () => {
    const taken = lock();
    vi.mocked(unlinkSync).mockImplementationOnce(() => {
      throw systemError('EACCES');
    });
    taken.release();
    expect(existsSync(lockFile)).toBe(true);
  });

  it.each([0, -5, 1.5, '7', null])('cannot judge a lock whose process number is %j, and leaves it', (pid) => {
    leaveLock(pid);
    const text = readFileSync(lockFile, 'utf8');
    expect(lock).toThrow(UNKNOWN);
    expect(readFileSync(lockFile, 'utf8')).toBe(text);
  });

  it('cannot judge a lock whose host is no text, and leaves it', () => {
    leaveLock(7, { host: 7 });
    expect(lock).toThrow(UNKNOWN);
  });

  it('does not compare a start that is no text', () => {
    leaveLock(process.pid, { start: 5 });
    expect(lock).toThrow(`in use by process ${process.pid} on ${hostname()}`);
  });

  describe('where the system does not say when a process started', () => {
    beforeEach(async () => {
      const actual = await vi.importActual<typeof import('node:fs')>('node:fs');
      vi.mocked(readFileSync).mockImplementation((path, options) => {
        if (String(path).startsWith('/proc/')) throw systemError('ENOENT');
        return actual.readFileSync(path, options);
      });
    });

    it('is held as long as a process with its number runs, or may run', () => {
      leaveLock(process.pid);
      expect(lock).toThrow(`in use by process ${process.pid}`);
      const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
        throw systemError('EPERM');
      });
      onTestFinished(() => kill.mockRestore());
      expect(lock).toThrow(`in use by process ${process.pid}`);
      kill.mockImplementation(() => {
        throw systemError('ESRCH');
      });
      lock().release();
      expect(kill).toHaveBeenLastCalledWith(process.pid, 0);
      expect(readdirSync(directory)).toEqual([]);
    });
  });
});
