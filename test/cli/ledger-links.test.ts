import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { LedgerLock } from '../../src/cli/resume/ledger-lock.js';
import { CommandProcess } from './command-process.js';

let directory: string;

const path = (name: string): string => join(directory, name);
const line = (n: number): string =>
  `{"deviceToken":"${n.toString(16).padStart(64, '0')}","payload":{"aps":{}}}\n`;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'apns-streams-test-'));
  writeFileSync(path('in'), line(1) + line(2));
});
afterEach(() => rmSync(directory, { recursive: true }));

function send(ledger: string, ...more: string[]): CommandProcess {
  const argv = ['send', path('in'), '--to', 'simulator:http2', '--resume', path(ledger), ...more];
  const command = new CommandProcess(argv);
  onTestFinished(() => command.dispose());
  return command;
}

describe.skipIf(process.platform === 'win32')('a ledger that links lead to', () => {
  it('is locked and written where it lies when it is reached by a symbolic link', async () => {
    mkdirSync(path('far'));
    expect((await send('far/ledger').exit()).code).toBe(0);
    const ledger = readFileSync(path('far/ledger'), 'utf8');
    symlinkSync(path('far/ledger'), path('link'));
    symlinkSync(path('far'), path('by'));
    const lock = new LedgerLock(path('far/ledger'));
    for (const name of ['link', 'by/ledger', 'far/ledger']) {
      const { code, err } = await send(name).exit();
      expect(code, name).toBe(78);
      expect(err).toContain('in use by process');
    }
    lock.release();
    expect((await send('link').exit()).err).toContain('is complete');
    expect((await send('by/new').exit()).code).toBe(0);
    expect(readdirSync(path('far'))).toEqual(['ledger', 'new']);
    expect(readFileSync(path('far/ledger'), 'utf8')).toBe(ledger);
  });

  it('is refused with more than one name', async () => {
    expect((await send('ledger').exit()).code).toBe(0);
    const ledger = readFileSync(path('ledger'), 'utf8');
    linkSync(path('ledger'), path('other'));
    for (const name of ['ledger', 'other']) {
      const { code, err } = await send(name).exit();
      expect(code).toBe(78);
      expect(err).toContain('has 2 hard links');
    }
    expect(readFileSync(path('ledger'), 'utf8')).toBe(ledger);
  });

  it('is refused as a link that leads nowhere, or in a circle', async () => {
    symlinkSync(path('missing'), path('dangling'));
    symlinkSync(path('circle'), path('circle'));
    for (const name of ['dangling', 'circle']) {
      const { code, err, out } = await send(name).exit();
      expect(code, err).toBe(78);
      expect(err).toContain('give the path of its target');
      expect(out).toBe('');
    }
    expect(existsSync(path('missing'))).toBe(false);
  });

  it.each(['lock', 'next'])('is refused when LEDGER.%s is a link that leads nowhere', async (what) => {
    symlinkSync(path('elsewhere'), path(`ledger.${what}`));
    const { code, err, out } = await send('ledger').exit();
    expect(code, err).toBe(78);
    expect(err).toContain(`ledger.${what} is a symbolic link`);
    expect(out).toBe('');
    expect(existsSync(path('elsewhere'))).toBe(false);
  });

  it('is no endless loop for the lock alone', () => {
    symlinkSync(path('elsewhere'), path('ledger.lock'));
    expect(() => new LedgerLock(path('ledger'))).toThrow(expect.objectContaining({ exitCode: 78 }));
    expect(existsSync(path('elsewhere'))).toBe(false);
  });
});
