/** Planted secrets in place of paths, words and input files: no message of the command repeats one. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { run } from '../../src/cli/run.js';
import { FakeIo } from '../cli/fake-io.js';
import { Secrets } from '../support/secrets.js';

const secrets = new Secrets();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

/** Writes a file that only its owner can read, and returns its path. */
function file(name: string, contents: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, contents, { mode: 0o600 });
  return path;
}

describe('a secret where a path belongs', () => {
  const base64 = secrets.providerKey.split('\n').slice(1, -2).join('');
  const KEYS: [string, string][] = [
    ['PEM', secrets.providerKey],
    ['PEM in one line', secrets.providerKey.replaceAll('\n', ' ')],
    ['PEM with escaped newlines', secrets.providerKey.replaceAll('\n', '\\n')],
    ['encrypted PEM', secrets.encryptedKey],
    ['base64', base64],
  ];
  const OPTIONS = [
    ...['--provider-key', '--key', '--cert', '--p12', '--passphrase-file', '--ca'],
    ...['--proxy-credentials-file', '--credentials', '--resume'],
  ];
  const ADVICE = /this looks like .* itself: write it to a file and give its path/;
  const TO = ['--to', 'https://127.0.0.1:1', '--topic', 'com.example.app'];

  /** What has to stand beside an option for its file to be read. */
  function beside(option: string): string[] {
    const certificate = ['--cert', file('cert', secrets.certificate.cert)];
    const key = ['--key', file('key', secrets.certificate.key)];
    if (option === '--provider-key') return ['--key-id', 'ABC123DEFG', '--team-id', 'DEF123GHIJ'];
    if (option === '--cert') return key;
    if (option === '--key') return certificate;
    return option === '--proxy-credentials-file' ? ['--proxy', 'http://127.0.0.1:1'] : [];
  }

  async function sendWith(value: string, ...argv: string[]): Promise<{ code: number; io: FakeIo }> {
    const io = new FakeIo({ stdin: `${JSON.stringify(secrets.notification)}\n` });
    const code = await run(['send', ...TO, '--json-summary', '--connect-attempts', '1', ...argv], io);
    secrets.expectNoneIn(io.err, 'standard error');
    expect(io.err).not.toContain(value);
    expect(io.err).not.toContain(JSON.stringify(value).slice(1, -1));
    return { code, io };
  }

  it.each(OPTIONS.flatMap((option) => KEYS.map(([what, value]) => [option, what, value] as const)))(
    'is not repeated by %s given %s, which is named for what it is',
    async (option, _what, value) => {
      for (const given of [[`${option}=${value}`], [option, value]]) {
        const { code, io } = await sendWith(value, ...beside(option), ...given);
        expect(code).toBe(64);
        expect(io.err).toMatch(ADVICE);
      }
    },
  );

  it.each(KEYS)('is not repeated where the shell has cut it into words: %s', async (_what, value) => {
    const words = value.split(/\s+/).filter((word) => word !== '');
    expect((await sendWith(value, '--provider-key', ...words)).io.err).toMatch(ADVICE);
  });

  it.each([
    ['--passphrase-file', secrets.passphrase],
    ['--passphrase-file', `${secrets.passphrase}/&%`],
    ['--passphrase-file', secrets.passphrase.repeat(20)],
    ['--proxy-credentials-file', `alice:${secrets.proxyPassword}`],
    ['--proxy-credentials-file', `alice:${secrets.proxyPassword}/x.y`],
  ])('is not repeated by %s given the word itself: %s', async (option, value) => {
    for (const given of [[`${option}=${value}`], [option, value]]) {
      const { code, io } = await sendWith(value, ...beside(option), ...given);
      expect(code).toBe(78);
      expect(io.err).toMatch(ADVICE);
    }
  });

  it.each(['--key', '--p12', '--provider-key', '--passphrase-file', '--proxy-credentials-file'])(
    'is not repeated by %s given a word that may be a path',
    async (option) => {
      const value = `./${secrets.passphrase}.txt`;
      const { code, io } = await sendWith(value, ...beside(option), option, value);
      expect(code).toBe(78);
      expect(io.err).toContain(`cannot read ${option}: no such file or directory`);
      expect(io.err).not.toMatch(ADVICE);
    },
  );

  it('is not repeated in the warning about a file that others can read', async () => {
    const path = file('pass', secrets.passphrase);
    chmodSync(path, 0o644);
    const { io } = await sendWith(path, '--passphrase-file', path);
    expect(io.err).toContain('warning: the file of --passphrase-file can be read by other users');
  });

  it.each([
    ['a notification', JSON.stringify(secrets.notification), 'notification itself'],
    ['a device token', secrets.deviceToken, 'device token'],
    ['a key', secrets.providerKey, 'the key itself'],
    ['base64', base64, 'the key itself'],
  ])('is not repeated for a FILE that is %s, nor for a command or option', async (_what, value, said) => {
    const argvs = ['send', 'lint', 'encode', 'decode'].map((command) => [command, value]);
    for (const argv of [...argvs, [value], [`--${value}`], ['simulate', '--unregistered', value]]) {
      const io = new FakeIo();
      expect(await run(argv[0] === 'send' ? [...argv, ...TO] : argv, io)).toBeGreaterThan(1);
      secrets.expectNoneIn(io.err, argv[0]!);
      expect(io.err).not.toContain(value.slice(0, 60));
      expect(io.err).toContain(said);
    }
  });

  it.each(['feedback --host', 'feedback --to binary://', 'send --to https://'])(
    'is not repeated where a host belongs: %s',
    async (line) => {
      const words = line.split(' ');
      const last = words.pop()!;
      const io = new FakeIo({ stdin: '' });
      const given = last.endsWith('/') ? [`${last}${secrets.deviceToken}`] : [last, secrets.deviceToken];
      expect(await run([...words, ...given], io)).toBe(64);
      secrets.expectNoneIn(io.err, line);
    },
  );

  it('is not repeated where a number or a word belongs', async () => {
    for (const option of ['--connections', '--outcomes']) {
      const { code } = await sendWith(base64, option, base64);
      expect(code).toBe(64);
    }
  });
});
