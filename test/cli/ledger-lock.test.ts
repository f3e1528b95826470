import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ExitCode } from '../../src/cli/exit-code.js';
import { LedgerLock } from '../../src/cli/ledger-lock.js';
import { processStart } from '../../src/cli/process-start.js';

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
