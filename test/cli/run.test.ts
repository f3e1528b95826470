import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.js';
import { FakeIo, type FakeIoOptions } from './fake-io.js';

const LINE =
  '{"deviceToken":"AABB","payload":{"aps":{"alert":"é"}},"identifier":7,"expiration":0,"priority":5}\n';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function runWith(
  argv: readonly string[],
  options: FakeIoOptions = {},
): Promise<{ code: number; io: FakeIo }> {
  const io = new FakeIo(options);
  const code = await run(argv, io);
  expect(io.timers).toBe(0);
  expect(io.listeners).toBe(0);
  return { code, io };
}

describe('the command as a whole', () => {
  it('prints its help, its version, and the help of each command', async () => {
    const { code, io } = await runWith(['--help']);
    expect(code).toBe(0);
    const commands = [...io.out.matchAll(/^ {2}([a-z]+) {2,}\w/gm)].map(([, name]) => name);
    expect(commands).toEqual(['send', 'feedback', 'simulate', 'lint', 'encode', 'decode']);
    for (const command of commands) {
      const help = await runWith([command!, '--help']);
      expect(help.code).toBe(0);
      expect(help.io.out).toMatch(new RegExp(`^Usage: apns-streams ${command} `));
      expect(help.io.out).toContain('Examples:');
      expect(help.io.err).toBe('');
      for (const argv of [
        ['help', command!],
        ['help', command!, '--help'],
      ]) {
        const same = await runWith(argv);
        expect([same.code, same.io.out]).toEqual([0, help.io.out]);
      }
    }
    for (const argv of [['help'], ['help', '--help']]) expect((await runWith(argv)).io.out).toBe(io.out);
    expect((await runWith(['--version'])).io.out).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
    expect((await runWith(['-h'])).code).toBe(0);
  });

  it.each([
    ['no command', [], ''],
    ['an unknown command', ['sned'], 'did you mean send?'],
    ['help for an unknown command', ['help', 'sned'], 'did you mean send?'],
    ['help for two commands', ['help', 'send', 'lint'], 'help takes one COMMAND'],
    ['an unknown option before a command', ['--verson'], 'did you mean --version?'],
    ['an unknown option of a command', ['send', '--dryrun'], 'did you mean --dry-run?'],
    ['no target', ['send'], 'TARGET'],
    ['a target that is none', ['send', '--to', 'gateway.example.com'], 'binary://HOST'],
    ['a target with a password', ['send', '--to', 'binary://u:hunter2@host'], 'binary://HOST'],
    ['a target with a path', ['send', '--to', 'binary://host/x'], 'binary://HOST'],
    ['a target with port 0', ['send', '--to', 'binary://host:0'], 'port'],
    ['an HTTP/2 target with a password', ['send', '--to', 'https://u:hunter2@host'], 'https://HOST'],
    ['a provider key without its id', ['send', '--to', 'sandbox', '--provider-key', 'k'], '--key-id'],
    [
      'a client certificate beside a provider key',
      ['send', '--to', 'sandbox', '--provider-key', 'k', '--key-id', 'i', '--team-id', 't', '--p12', 'p'],
      '--provider-key',
    ],
    ['standard input twice', ['send', '-', '-', '--to', 'simulator:binary'], 'twice'],
    ['a certificate without its key', ['send', '--to', 'binary://h', '--cert', 'c'], '--key'],
    [
      'two kinds of credentials',
      ['send', '--to', 'binary://h', '--cert', 'c', '--key', 'k', '--p12', 'p'],
      '--p12',
    ],
    ['a feedback service left out', ['feedback'], '--host'],
    ['a target without a scheme', ['send', '--to', 'gateway.example.com:2195'], 'mean https://HOST'],
    ['a mistyped target', ['send', '--to', 'simulator'], 'mean simulator:http2?'],
    ['a feedback service of Apple', ['feedback', '--to', 'production'], '31 March 2021'],
    ['an operand of simulate', ['simulate', 'extra'], 'simulate takes options only, got extra'],
    ['an operand of feedback', ['feedback', 'bogus', '--host', 'h'], 'takes options only, got bogus'],
    ['an operand behind options', ['feedback', '--host', 'h', '--', '-x'], 'takes options only, got -x'],
    ['an operand of --version', ['--version', 'extra'], 'takes no operands'],
    ['two kinds of packets', ['decode', '--feedback', '--error-responses'], 'exclude'],
  ])('answers %s with exit code 64', async (_, argv, said) => {
    const { code, io } = await runWith(argv);
    expect(code).toBe(64);
    expect(io.out).toBe('');
    expect(io.err).toContain(said);
    expect(io.err).toMatch(/^apns-streams: .+\n( {2}.+\n)?$/);
    expect(io.err).not.toContain('hunter2');
  });

  it.each(['send --to simulator:binary', 'encode', 'decode'])(
    'answers %s with exit code 64 when standard input is a terminal',
    async (line) => {
      const { code, io } = await runWith(line.split(' '), { terminals: ['stdin'] });
      expect(code).toBe(64);
      expect(io.err).toContain('terminal');
    },
  );

  it('answers a file that is not there, or is a directory, with exit code 64', async () => {
    const missing = join(directory, 'missing.ndjson');
    for (const path of [missing, directory]) {
      const { code, io } = await runWith(['send', path, '--to', 'simulator:binary']);
      expect(code).toBe(64);
      expect(io.err).toContain(path);
    }
  });
});

it.each(['encode', 'lint', 'send --to simulator:http2'])(
  'names the flag for a line that %s finds too long',
  async (line) => {
    const { io } = await runWith([...line.split(' '), '--max-line-bytes', '10'], { stdin: LINE });
    expect(io.out + io.err).toContain('longer than 10 bytes, the limit that --max-line-bytes sets');
  },
);

it('says which faults of simulate are those of the binary gateway', async () => {
  const { io } = await runWith(['simulate', '--help']);
  const entries = io.out.split(/^ {2}(?=--)/m);
  for (const name of ['after-error', 'split-error-response', 'latency-ms', 'close-on-connect', 'stall']) {
    expect(entries.find((entry) => entry.startsWith(`--${name}`))).toMatch(/binary\s+gateway/i);
  }
});

describe('encode and decode', () => {
  it('turn notifications into frames and back', async () => {
    const { code, io } = await runWith(['encode'], { stdin: LINE });
    expect(code).toBe(0);
    const decoded = await runWith(['decode'], { stdin: io.outBytes });
    expect(decoded.code).toBe(0);
    expect(decoded.io.lines).toEqual([
      {
        deviceToken: 'aabb',
        payload: { aps: { alert: 'é' } },
        identifier: 7,
        expiration: 0,
        priority: 5,
      },
    ]);
  });

  it.each(['2', '1', '0'])('write command %s as one line of hex per frame', async (command) => {
    const { io } = await runWith(['encode', '--hex', '--command', command], { stdin: LINE + LINE });
    expect(io.out).toMatch(new RegExp(`^(0${command}[0-9a-f]+\n){2}$`));
    const decoded = await runWith(['decode', '--hex'], { stdin: io.out });
    expect(decoded.io.lines).toHaveLength(2);
  });

  it('read hex with white space anywhere', async () => {
    const stdin = ['08 0', '8 00\n0000', ' 07\r\n'];
    const { code, io } = await runWith(['decode', '--error-responses', '--hex'], { stdin });
    expect(code).toBe(0);
    expect(io.lines).toEqual([{ statusCode: 8, reason: 'InvalidToken', identifier: 7 }]);
  });

  it('read feedback tuples', async () => {
    const { io } = await runWith(['decode', '--feedback', '--hex'], { stdin: '5f5e1000 0002 aabb' });
    expect(io.lines).toEqual([{ timestamp: 0x5f5e1000, deviceToken: 'aabb' }]);
  });

  it.each([
    ['hex that is none', ['--hex'], '02zz'],
    ['half a byte', ['--hex'], '020'],
    ['bytes that are no frame', [], 'GET / HTTP/1.1\r\n\r\n'],
    ['a frame that breaks off', ['--hex'], '0200000100'],
    ['half a tuple', ['--feedback', '--hex'], '5f5e1000 0002 aa'],
    ['half an error response', ['--error-responses', '--hex'], '080800'],
  ])('answer %s with exit code 1', async (_, options, stdin) => {
    const { code, io } = await runWith(['decode', ...options], { stdin });
    expect(code).toBe(1);
    expect(io.err).toMatch(/^apns-streams: .+\n$/);
  });

  it('write what came before the bytes that are no frame', async () => {
    const { io } = await runWith(['encode', '--hex'], { stdin: LINE.repeat(3) });
    const decoded = await runWith(['decode', '--hex'], { stdin: `${io.out}ffff` });
    expect(decoded.code).toBe(1);
    expect(decoded.io.lines).toHaveLength(3);
  });

  it('leave out what is invalid, say so with line and file, and exit with 1', async () => {
    const [a, b] = [join(directory, 'a.ndjson'), join(directory, 'b.ndjson')];
    await writeFile(a, LINE);
    await writeFile(
      b,
      `${LINE}{"deviceToken":"xyz","payload":{}}\n{"deviceToken":"aa","payload":{"p":"${'x'.repeat(2048)}"}}`,
    );
    const { code, io } = await runWith(['encode', '--hex', a, b]);
    expect(code).toBe(1);
    expect(io.out.trim().split('\n')).toHaveLength(2);
    expect(io.err.trim().split('\n')).toEqual([
      expect.stringMatching(/b\.ndjson: line 2: deviceToken /),
      expect.stringMatching(/b\.ndjson: line 3: payload /),
    ]);
  });

  it('leave out a payload that no JSON can hold', async () => {
    const frame = '02 0000000a 01 0001 aa 02 0003 7bff7d';
    const { code, io } = await runWith(['decode', '--hex'], { stdin: frame });
    expect(code).toBe(1);
    expect(io.out).toBe('');
    expect(io.err).toContain('UTF-8');
  });

  it('write frames to a terminal only when told to', async () => {
    const options: FakeIoOptions = { stdin: LINE, terminals: ['stdout'] };
    expect((await runWith(['encode'], options)).code).toBe(64);
    expect((await runWith(['encode', '--hex'], options)).code).toBe(0);
    expect((await runWith(['encode', '--force'], options)).io.outBytes[0]).toBe(2);
  });

  it('accept an input without anything in it', async () => {
    for (const command of ['encode', 'decode']) {
      const { code, io } = await runWith([command]);
      expect([code, io.out, io.err]).toEqual([0, '', '']);
    }
  });
});

describe('credential files', () => {
  it.each([
    ['a certificate that is not there', ['--cert', 'missing.pem', '--key', 'missing.pem']],
    ['a key that is a directory', ['--cert', 'text.pem', '--key', 'directory']],
    ['a certificate that is none', ['--cert', 'text.pem', '--key', 'text.pem']],
    ['a PKCS#12 file that is none', ['--p12', 'text.pem']],
    ['a passphrase file that is not there', ['--p12', 'text.pem', '--passphrase-file', 'missing']],
    ['an authority that is none', ['--ca', 'text.pem']],
    ['a directory without credentials', ['--credentials', 'directory']],
  ])('answers %s with exit code 78', async (_, options) => {
    await writeFile(join(directory, 'text.pem'), 'hello', { mode: 0o600 });
    await mkdir(join(directory, 'directory'), { recursive: true });
    const argv = options.map((each) => (each.startsWith('--') ? each : join(directory, each)));
    for (const mode of [[], ['--dry-run']]) {
      const { code, io } = await runWith(['send', '--to', 'binary://127.0.0.1:1', ...argv, ...mode], {
        stdin: LINE,
      });
      expect(code).toBe(78);
      expect(io.out).toBe('');
      expect(io.err).toMatch(/^apns-streams: .*--(cert|key|p12|ca|passphrase-file).*\n( {2}.+\n)?$/);
      expect(io.err.includes('  apns-streams simulate --credentials DIR')).toBe(
        options[0] === '--credentials',
      );
    }
  });
});
