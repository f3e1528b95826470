import { spawnSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandError } from '../../../src/cli/command-error.js';
import { checkLedgerPaths, resolveLedgerPath } from '../../../src/cli/resume/ledger-paths.js';

let directory: string;

const path = (name: string): string => join(directory, name);

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'apns-streams-test-')));
  writeFileSync(path('in'), 'input');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What a call is refused with: its exit code, message and hint. */
function refusal(call: () => void): string {
  try {
    call();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return `${error.exitCode}: ${error.message}; ${error.hint}`;
  }
  return 'none';
}

describe('resolveLedgerPath', () => {
  const refused = (name: string): string => refusal(() => resolveLedgerPath(path(name)));

  it('returns a file, and a file that does not exist yet, by its own path', () => {
    expect(resolveLedgerPath(path('in'))).toBe(path('in'));
    expect(resolveLedgerPath(path('new'))).toBe(path('new'));
    expect(resolveLedgerPath(path('missing/new'))).toBe(path('missing/new'));
  });

  it.skipIf(process.platform === 'win32')('resolves links of the file and of its directory', () => {
    mkdirSync(path('far'));
    symlinkSync(path('far'), path('by'));
    symlinkSync(path('in'), path('link'));
    expect(resolveLedgerPath(path('link'))).toBe(path('in'));
    expect(resolveLedgerPath(path('by/new'))).toBe(path('far/new'));
  });

  it('refuses a directory, and names it', () => {
    expect(refused('.')).toMatch(/^78: the ledger .* is a directory; .*regular file/);
  });

  it.skipIf(process.platform === 'win32')('refuses a FIFO', () => {
    expect(spawnSync('mkfifo', [path('fifo')]).status).toBe(0);
    expect(refused('fifo')).toMatch(/^78: the ledger .* is not a regular file; /);
  });

  it('refuses a file with several hard links, and shows how to make a copy', () => {
    linkSync(path('in'), path('other'));
    expect(refused('in')).toMatch(/^78: .* has 2 hard links.*; .*cp /);
  });

  it('refuses a path whose directory is a file', () => {
    expect(refused('in/ledger')).toMatch(/^78: cannot resolve the path of the ledger .*; ./);
  });

  it.skipIf(process.platform === 'win32')('refuses a link that leads nowhere, or in a circle', () => {
    symlinkSync(path('missing'), path('dangling'));
    symlinkSync(path('circle'), path('circle'));
    for (const name of ['dangling', 'circle'])
      expect(refused(name), name).toMatch(/^78: cannot resolve .*; .*the path of its target/);
  });
});

describe('checkLedgerPaths', () => {
  const check = (output?: number): void => checkLedgerPaths(path('ledger'), { input: path('in'), output });
  const refused = (output?: number): string => refusal(() => check(output));

  it('accepts names that nothing has, a ledger, and a lock', () => {
    check();
    writeFileSync(path('ledger'), 'anything');
    writeFileSync(path('ledger.lock'), 'anything');
    check();
  });

  it.each(['ledger', 'ledger.next', 'ledger.lock'])('refuses %s that is the input', (name) => {
    linkSync(path('in'), path(name));
    expect(refused()).toBe(
      `64: --resume ${path('ledger')} writes to ${path(name)}, which is also FILE; choose a LEDGER that the run does not use for anything else`,
    );
  });

  it.each(['ledger', 'ledger.next', 'ledger.lock'])('refuses %s that is standard output', (name) => {
    const output = openSync(path(name), 'w');
    try {
      expect(refused(output)).toContain(`64: --resume ${path('ledger')} writes to ${path(name)}, `);
      expect(refused(output)).toContain('standard output');
    } finally {
      closeSync(output);
    }
  });

  it('accepts a standard output that is another file', () => {
    const output = openSync(path('out'), 'w');
    try {
      check(output);
    } finally {
      closeSync(output);
    }
  });

  it('rewrites the ledger only through a file that a killed run left', () => {
    writeFileSync(path('ledger.next'), '0123abcd {"ledger":"apns-');
    check();
    writeFileSync(path('ledger.next'), 'of somebody else');
    expect(refused()).toMatch(/^78: .*ledger\.next, but another file has that name; move that file/);
  });

  it.each([
    ['ledger.next', 'writes the new ledger'],
    ['ledger.lock', 'locks the ledger'],
  ])('refuses %s that is a directory, and says what it is for', (name, purpose) => {
    mkdirSync(path(name));
    expect(refused()).toMatch(/^78: .* is not a regular file, but must be .*; remove that file/);
    expect(refused()).toContain(purpose);
  });

  it.skipIf(process.platform === 'win32').each(['ledger.next', 'ledger.lock'])(
    'refuses %s that is a link',
    (name) => {
      writeFileSync(path('target'), '');
      symlinkSync(path('target'), path(name));
      expect(refused()).toMatch(/^78: .* is a symbolic link, but must be /);
    },
  );
});
