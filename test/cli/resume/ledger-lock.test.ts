import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ExitCode } from '../../../src/cli/exit-code.js';
import { LedgerLock } from '../../../src/cli/resume/ledger-lock.js';
import { processStart } from '../../../src/cli/resume/process-start.js';

const IN_USE = expect.objectContaining({ exitCode: ExitCode.BadConfiguration, hint: expect.any(String) });

let directory: string;
let ledger: string;
let lockFile: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'apns-streams-test-'));
  ledger = join(directory, 'ledger');
  lockFile = `${ledger}.lock`;
});
afterEach(() => rmSync(directory, { recursive: true }));

/** The lock of somebody. */
function leaveLock(holder: object): void {
  writeFileSync(lockFile, `${JSON.stringify(holder)}\n`);
}

/** A process that is over, and of which its parent knows. */
function endedProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('LedgerLock', () => {
  it('keeps others away until it is released, and leaves nothing behind', () => {
    const lock = new LedgerLock(ledger);
    expect(() => new LedgerLock(ledger)).toThrow(IN_USE);
    expect(() => new LedgerLock(ledger)).toThrow(`process ${process.pid}`);
    lock.check();
    lock.release();
    new LedgerLock(ledger).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes over the lock of a process that was killed', () => {
    leaveLock({ pid: endedProcess(), host: hostname(), start: 'x' });
    const lock = new LedgerLock(ledger);
    expect(JSON.parse(readFileSync(lockFile, 'utf8'))).toMatchObject({ pid: process.pid });
    lock.check();
    lock.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.runIf(existsSync('/proc/self/stat'))('is not deceived by another process with the same number', () => {
    leaveLock({ pid: process.pid, host: hostname(), start: 'of an earlier boot 1' });
    new LedgerLock(ledger).release();
  });

  it('takes a process for running where its start is not known', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child, 'spawn');
    leaveLock({ pid: child.pid, host: hostname() });
    expect(() => new LedgerLock(ledger)).toThrow(IN_USE);
    child.kill('SIGKILL');
    await once(child, 'exit');
    new LedgerLock(ledger).release();
  });

  it('leaves alone what it cannot judge: another machine, and what is no lock', () => {
    for (const text of [`{"pid":1,"host":"not-${hostname()}"}\n`, 'something else', '{"pid":"1"}', '{}']) {
      writeFileSync(lockFile, text);
      expect(() => new LedgerLock(ledger), text).toThrow(IN_USE);
      expect(readFileSync(lockFile, 'utf8')).toBe(text);
    }
  });

  it('waits for an empty lock to be written, but not for ever', () => {
    writeFileSync(lockFile, '');
    expect(() => new LedgerLock(ledger)).toThrow(IN_USE);
    utimesSync(lockFile, 1, 1);
    new LedgerLock(ledger).release();
  });

  it('notices when it was taken away, and then leaves the lock of the other one alone', () => {
    const lock = new LedgerLock(ledger);
    const other = '{"pid":1,"host":"other"}\n';
    writeFileSync(lockFile, other);
    expect(() => lock.check()).toThrow(IN_USE);
    lock.release();
    expect(readFileSync(lockFile, 'utf8')).toBe(other);
    rmSync(lockFile);
    expect(() => lock.check()).toThrow(IN_USE);
  });

  it('says who took it away', () => {
    const lock = new LedgerLock(ledger);
    writeFileSync(lockFile, '{"pid":7,"host":"other"}\n');
    expect(() => lock.check()).toThrow('process 7 on other');
    rmSync(lockFile);
    expect(() => lock.check()).toThrow('another process');
  });

  it('leaves alone what is no file, and what another machine holds, although no such process runs here', () => {
    const elsewhere = `{"pid":${endedProcess()},"host":"not-${hostname()}"}\n`;
    writeFileSync(lockFile, elsewhere);
    expect(() => new LedgerLock(ledger)).toThrow(IN_USE);
    expect(readFileSync(lockFile, 'utf8')).toBe(elsewhere);
    rmSync(lockFile);
    const target = join(directory, 'target');
    writeFileSync(target, `{"pid":${endedProcess()},"host":"${hostname()}","start":"x"}\n`);
    symlinkSync(target, lockFile);
    expect(() => new LedgerLock(ledger)).toThrow(IN_USE);
    rmSync(lockFile);
    mkdirSync(lockFile);
    expect(() => new LedgerLock(ledger)).toThrow(IN_USE);
    expect(existsSync(target)).toBe(true);
  });

  it('lets an empty lock stand for five seconds', () => {
    const now = vi.spyOn(Date, 'now').mockReturnValue(14_999);
    onTestFinished(() => now.mockRestore());
    writeFileSync(lockFile, '');
    utimesSync(lockFile, 10, 10);
    expect(() => new LedgerLock(ledger)).toThrow(IN_USE);
    now.mockReturnValue(15_000);
    new LedgerLock(ledger).release();
  });

  it.runIf(existsSync('/proc/self/stat'))('knows the process that holds it by its start', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child, 'spawn');
    leaveLock({ pid: child.pid, host: hostname(), start: processStart(child.pid!) });
    expect(() => new LedgerLock(ledger)).toThrow(IN_USE);
    leaveLock({ pid: child.pid, host: hostname(), start: 'of an earlier one' });
    new LedgerLock(ledger).release();
  });

  it.runIf(existsSync('/proc/self/fd'))('keeps no file open', () => {
    const openFiles = (): number => readdirSync('/proc/self/fd').length;
    new LedgerLock(ledger).release();
    const before = openFiles();
    for (let i = 0; i < 50; i++) new LedgerLock(ledger).release();
    expect(openFiles()).toBeLessThan(before + 25);
  });

  it('fails with exit code 74 where it cannot be looked at any more', () => {
    const folder = join(directory, 'folder');
    mkdirSync(folder);
    const lock = new LedgerLock(join(folder, 'ledger'));
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'a file');
    expect(() => lock.check()).toThrow(
      expect.objectContaining({ exitCode: ExitCode.InputOutput, cause: expect.any(Error) }),
    );
    lock.release();
  });

  it('fails with exit code 74 where it cannot be written', () => {
    expect(() => new LedgerLock(join(directory, 'missing', 'ledger'))).toThrow(
      expect.objectContaining({ exitCode: ExitCode.InputOutput }),
    );
  });
});

describe.runIf(existsSync('/proc/self/stat'))('processStart', () => {
  it('tells a running process from one that is over, and from what a parent has not looked at yet', async () => {
    const own = processStart(process.pid);
    expect(own).toMatch(/^[0-9a-f-]{36} \d+$/);
    expect(processStart(process.pid)).toBe(own);
    expect(processStart(endedProcess())).toBe('');
    // The shell starts a child that ends at once, becomes another program, and never asks for it.
    const parent = spawn('sh', ['-c', 'sh -c "exit 0" & echo $!; exec tail -f /dev/null']);
    onTestFinished(() => void parent.kill('SIGKILL'));
    const [line] = await once(parent.stdout, 'data');
    await expect.poll(() => processStart(Number(line))).toBe('');
  });
});
