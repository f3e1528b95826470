import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { run } from '../../../src/cli/run.js';
import {
  createSimulator,
  encodeTokenFault,
  type Simulator,
  writeCredentials,
} from '../../../src/simulator/index.js';
import { mintRsaCertificate } from '../../support/rsa-certificate.js';
import { FakeIo, type FakeIoOptions } from '../fake-io.js';

let simulator: Simulator;
let directory: string;
let target: readonly string[];

beforeEach(async () => {
  simulator = await createSimulator();
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  await writeCredentials(simulator, directory);
  target = ['--to', `binary://127.0.0.1:${simulator.gateway.port}`, '--credentials', directory];
});
afterEach(async () => {
  await simulator.close();
  await rm(directory, { recursive: true });
});

const line = (deviceToken: string, more: object = {}): string =>
  `${JSON.stringify({ deviceToken, payload: { aps: {} }, ...more })}\n`;
const BAD = encodeTokenFault('reject', 8);
const MIXED = [line('aa'), line(BAD), 'nonsense\n', line('bb', { context: { user: 1 } })].join('');

async function send(
  argv: readonly string[],
  options: FakeIoOptions = {},
): Promise<{ code: number; io: FakeIo }> {
  const io = new FakeIo(options);
  const code = await run(['send', ...argv], io);
  expect(io.timers).toBe(0);
  expect(io.listeners).toBe(0);
  return { code, io };
}

const path = (name: string): string => join(directory, name);

describe('send', () => {
  it.each([
    ['a bad field', line('aa', { priority: 7, context: { user: 2 } }), { user: 2 }],
    ['an unknown field', line('aa', { context: 'two', token: 1 }), 'two'],
    ['a bad token', line('x', { context: null }), null],
    ['no context', line('x'), undefined],
    ['two contexts', '{"deviceToken":"aa","payload":{},"context":1,"context":2}\n', undefined],
    ['no object', '["context"]\n', undefined],
    ['an object that is cut off', '{"context":1,"deviceToken":"aa"\n{"x":1}\n', undefined],
  ])('gives the outcome of an invalid line its context: %s', async (_, text, context) => {
    const { io } = await send(target, { stdin: line('aa') + text });
    const invalid = io.lines.find(({ status, line: number }) => status === 'invalid' && number === 2)!;
    expect(invalid['context']).toEqual(context);
    expect('context' in invalid).toBe(context !== undefined);
  });

  it.each<[string, string[]]>([
    ['certificate', []],
    ['token', ['--auth', 'token']],
  ])('names the command that makes a missing --credentials directory (%s)', async (_, auth) => {
    const argv = ['--to', 'https://127.0.0.1:1', '--credentials', path('missing'), ...auth];
    const { code, io } = await send(argv, { stdin: line('aa') });
    expect(code).toBe(78);
    expect(io.err).toMatch(
      /missing\S+: no such file or directory\n {2}apns-streams simulate --credentials DIR writes/,
    );
  });

  it('gives every line exactly one outcome', async () => {
    const { code, io } = await send(target, { stdin: MIXED });
    expect(code).toBe(1);
    expect(io.lines.sort((a, b) => Number(a['line']) - Number(b['line']))).toEqual([
      { status: 'accepted', line: 1, identifier: 1, deviceToken: 'aa' },
      { status: 'rejected', line: 2, identifier: 2, deviceToken: BAD, statusCode: 8, reason: 'InvalidToken' },
      { status: 'invalid', line: 3, message: expect.any(String) },
      expect.objectContaining({ status: 'accepted', line: 4, deviceToken: 'bb', context: { user: 1 } }),
    ]);
    expect([...simulator.accepted].map(({ deviceToken }) => deviceToken)).toEqual(['aa', 'bb']);
    expect(io.err).toMatch(/^4 notifications: 2 accepted, 1 rejected, 1 invalid/);
  });

  it('exits with 0 when all are accepted, and when there is nothing to send', async () => {
    expect((await send(target, { stdin: line('aa') })).code).toBe(0);
    const { code, io } = await send(target, { stdin: '\n\n' });
    expect([code, io.out]).toEqual([0, '']);
  });

  it.each([
    ['problems', ['invalid', 'rejected']],
    ['none', []],
  ])('passes on %s only', async (choice, statuses) => {
    const { code, io } = await send([...target, '--outcomes', choice], { stdin: MIXED });
    expect(code).toBe(1);
    expect(io.lines.map(({ status }) => status).sort()).toEqual(statuses);
  });

  it('names the file of each outcome where there are several', async () => {
    await writeFile(path('a.ndjson'), line('aa'));
    await writeFile(path('b.ndjson'), `nonsense\n${line('bb')}`);
    const { io } = await send([path('a.ndjson'), '-', path('b.ndjson'), ...target], { stdin: line('cc') });
    const places = io.lines.map(({ file, line: number, status }) => [file, number, status]);
    expect(places.sort()).toEqual([
      ['-', 1, 'accepted'],
      [path('a.ndjson'), 1, 'accepted'],
      [path('b.ndjson'), 1, 'invalid'],
      [path('b.ndjson'), 2, 'accepted'],
    ]);
    expect([...simulator.accepted].map(({ deviceToken }) => deviceToken)).toEqual(['aa', 'cc', 'bb']);
  });

  it('ends standard error with the figures as JSON', async () => {
    const { io } = await send([...target, '--json-summary'], { stdin: MIXED });
    expect(JSON.parse(io.err.trim().split('\n').at(-1)!)).toMatchObject({
      notifications: 4,
      accepted: 2,
      rejected: 1,
      invalid: 1,
      unsent: 0,
      unknown: 0,
      presumed: 0,
      exitCode: 1,
      errors: [],
    });
  });

  it.each(['binary', 'https'])('counts the rejections that time may mend (%s)', async (wire) => {
    const { port } = wire === 'https' ? simulator.http2 : simulator.gateway;
    const topic = wire === 'https' ? ['--topic', simulator.credentials.topic] : [];
    const to = ['--to', `${wire}://127.0.0.1:${port}`, '--credentials', directory, ...topic];
    const stdin = [line(BAD), line(encodeTokenFault('temporary', 255))].join('');
    const { code, io } = await send([...to, '--timeout-ms', '300', '--json-summary'], { stdin });
    expect(code).toBe(1);
    const summary = JSON.parse(io.err.trim().split('\n').at(-1)!);
    expect(summary).toMatchObject({ rejected: 2, rejectedForNow: 1, exitCode: 1 });
    expect(io.err).toContain('1 was rejected temporarily');
  });

  it('says that outcomes could not be written, and nothing of lines that it read all the same', async () => {
    const stdout = new Writable({
      write: (_chunk, _encoding, callback) => callback(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    });
    await writeFile(path('in.ndjson'), MIXED);
    const { code, io } = await send([...target, path('in.ndjson')], { stdout });
    expect(code).toBe(74);
    expect(io.err).toContain('4 outcomes could not be written');
    expect(io.err).not.toContain('reading stopped');
  });

  it('says nothing of its own with --quiet', async () => {
    expect((await send([...target, '--quiet'], { stdin: MIXED })).io.err).toBe('');
  });

  it('checks without connecting in a dry run', async () => {
    const stdin = `${MIXED}${line('cc', { payload: { long: 'x'.repeat(2048) } })}`;
    const { code, io } = await send([...target, '--dry-run', '--json-summary'], { stdin });
    expect(code).toBe(1);
    expect(io.lines.map(({ line: number, status, field }) => [number, status, field])).toEqual([
      [3, 'invalid', undefined],
      [5, 'invalid', 'payload'],
    ]);
    expect(JSON.parse(io.err.trim().split('\n').at(-1)!)).toMatchObject({
      valid: 3,
      invalid: 2,
      accepted: 0,
    });
    expect(simulator.counts.connections).toBe(0);
    expect((await send([...target, '--dry-run'], { stdin: line('aa') })).code).toBe(0);
  });

  it('starts a simulator of its own for simulator:binary', async () => {
    const { code, io } = await send(['--to', 'simulator:binary'], { stdin: MIXED });
    expect(code).toBe(1);
    expect(io.lines).toHaveLength(4);
    expect(simulator.counts.connections).toBe(0);
  });

  it('takes silence for success only where checkpoints are switched off', async () => {
    const options = ['--checkpoint', 'never', '--window-age-ms', '50'];
    const { code, io } = await send([...target, ...options], { stdin: line('aa') });
    expect(io.lines).toMatchObject([{ status: 'presumed' }]);
    expect(code).toBe(0);
  });

  it('exits with 69 when nobody listens, and gives every line its outcome', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const argv = [
      '--to',
      `binary://127.0.0.1:${port}`,
      '--credentials',
      directory,
      '--connect-attempts',
      '1',
    ];
    const { code, io } = await send(argv, { stdin: MIXED });
    expect(code).toBe(69);
    expect(io.lines.map(({ status }) => status).sort()).toEqual(['invalid', 'unsent', 'unsent', 'unsent']);
    expect(io.err).toContain(`127.0.0.1:${port}`);
  });

  it.each(['binary', 'https'])('exits with 69 where what listens does not speak %s', async (wire) => {
    const { port } = wire === 'binary' ? simulator.http2 : simulator.gateway;
    const to = ['--to', `${wire}://127.0.0.1:${port}`, '--credentials', directory, '--connect-attempts', '1'];
    const { code, io } = await send(to, { stdin: line('aa') });
    expect(code).toBe(69);
    expect(io.err).toContain('check host and port');
  });

  it('exits with 77 when the client certificate is refused', async () => {
    const other = await createSimulator();
    try {
      await writeFile(path('other-cert.pem'), other.credentials.cert);
      await writeFile(path('other-key.pem'), other.credentials.key, { mode: 0o600 });
      const { code, io } = await send(
        [
          ...target.slice(0, 2),
          '--cert',
          path('other-cert.pem'),
          '--key',
          path('other-key.pem'),
          '--ca',
          path('ca.pem'),
        ],
        { stdin: line('aa') },
      );
      expect(code).toBe(77);
      expect(io.lines).toHaveLength(1);
    } finally {
      await other.close();
    }
  });

  it('exits with 69 when nothing vouches for the gateway', async () => {
    const own = ['--cert', path('client-cert.pem'), '--key', path('client-key.pem')];
    const { code, io } = await send([...target.slice(0, 2), ...own], { stdin: line('aa') });
    expect(code).toBe(69);
    expect(io.lines).toMatchObject([{ status: 'unsent' }]);
  });

  it('warns once of a key that others can read', async () => {
    await chmod(path('client-key.pem'), 0o644);
    const { code, io } = await send([...target, '--quiet'], { stdin: line('aa') });
    expect(code).toBe(0);
    expect(io.err).toMatch(/^apns-streams: warning: \S+client-key\.pem .*mode 644.*\n$/);
  });

  it.each([
    ['UTF-8 with a byte order mark', Buffer.from('\uFEFFcorrect horse\r\n')],
    ['UTF-16', Buffer.from('\uFEFFcorrect horse\r\n', 'utf16le')],
    ['UTF-16 without a byte order mark', Buffer.from('correct horse\n', 'utf16le')],
  ])('reads a passphrase file in %s', async (_form, bytes) => {
    const cipher = { cipher: 'aes-256-cbc', passphrase: 'correct horse' };
    const { cert, key } = simulator.credentials;
    const encrypted = createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', ...cipher });
    await writeFile(path('encrypted.pem'), encrypted, { mode: 0o600 });
    await writeFile(path('cert.pem'), cert);
    await writeFile(path('passphrase'), bytes, { mode: 0o600 });
    const credentials = [
      '--cert',
      path('cert.pem'),
      '--key',
      path('encrypted.pem'),
      '--passphrase-file',
      path('passphrase'),
    ];
    const { code, io } = await send([...target, ...credentials, '--dry-run'], { stdin: line('aa') });
    expect([code, io.out]).toEqual([0, '']);
  });

  it.each([[[]], [['--dry-run']]])(
    'refuses credentials of two kinds before it connects, with %j',
    async (more) => {
      const rsa = mintRsaCertificate();
      const { cert, key, providerKey } = simulator.credentials;
      for (const [name, text] of Object.entries({
        rsaCert: rsa.cert,
        rsaKey: rsa.key,
        cert,
        key,
        p8: providerKey,
      }))
        await writeFile(path(name), text, { mode: 0o600 });
      for (const [certFile, keyFile] of [
        ['rsaCert', 'p8'],
        ['cert', 'rsaKey'],
      ] as const) {
        const argv = ['--cert', path(certFile), '--key', path(keyFile), ...more];
        const { code, io } = await send([...target, ...argv], { stdin: line('aa') });
        expect(code).toBe(78);
        expect(io.err).toMatch(/--key is not the key of --cert.*another type/);
        expect(io.err.includes('--provider-key')).toBe(keyFile === 'p8');
      }
      expect(simulator.counts.connections).toBe(0);
    },
  );

  it('takes the certificate that Apple gives out, aps.cer', async () => {
    const { cert, key } = simulator.credentials;
    await writeFile(path('aps.cer'), new X509Certificate(cert).raw);
    await writeFile(path('key'), key, { mode: 0o600 });
    const argv = ['--cert', path('aps.cer'), '--key', path('key')];
    expect((await send([...target, ...argv], { stdin: line('aa') })).code).toBe(0);
  });

  it('takes an encrypted key with its passphrase, and refuses a wrong one with 78', async () => {
    const key = createPrivateKey(simulator.credentials.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'correct horse',
    });
    await writeFile(path('encrypted.pem'), key, { mode: 0o600 });
    await writeFile(path('right'), 'correct horse\r\nsecond line\n', { mode: 0o600 });
    await writeFile(path('wrong'), 'hunter2', { mode: 0o600 });
    const argv = [...target, '--cert', path('client-cert.pem'), '--key', path('encrypted.pem')];
    expect((await send([...argv, '--passphrase-file', path('right')], { stdin: line('aa') })).code).toBe(0);
    for (const more of [[], ['--passphrase-file', path('wrong')]]) {
      const { code, io } = await send([...argv, ...more], { stdin: line('aa') });
      expect(code).toBe(78);
      expect(io.err).toContain('--passphrase-file');
      expect(io.err).not.toContain('hunter2');
    }
  });

  it('refuses an input that is no NDJSON with 1, and sends nothing', async () => {
    const { code, io } = await send(target, { stdin: Buffer.from([0x1f, 0x8b, 8, 0, 0, 0]) });
    expect(code).toBe(1);
    expect(io.err).toContain('gzip');
    expect(simulator.counts.accepted).toBe(0);
  });
});

describe('feedback', () => {
  it('prints each tuple as a line', async () => {
    simulator.devices.unregister('aabb', 1_600_000_000);
    for (const address of [
      ['--to', `binary://127.0.0.1:${simulator.feedback.port}`],
      ['--host', '127.0.0.1', '--port', String(simulator.feedback.port)],
    ]) {
      const io = new FakeIo();
      expect(await run(['feedback', ...address, '--credentials', directory], io)).toBe(0);
      expect(io.lines).toEqual(
        address[0] === '--to' ? [{ timestamp: 1_600_000_000, deviceToken: 'aabb' }] : [],
      );
    }
  });

  it('prints nothing from an HTTP/2 port, and says what answered there', async () => {
    const address = ['--to', `binary://127.0.0.1:${simulator.http2.port}`, '--credentials', directory];
    const io = new FakeIo();
    expect(await run(['feedback', ...address, '--idle-timeout-ms', '5000'], io)).toBe(69);
    expect(io.out).toBe('');
    expect(io.err).toMatch(/responded in HTTP\/2, so it is not a feedback service: give the host and port/);
  });

  it('polls until a signal', async () => {
    const io = new FakeIo();
    const address = ['--to', `binary://127.0.0.1:${simulator.feedback.port}`, '--credentials', directory];
    const code = run(['feedback', ...address, '--interval-ms', '1'], io);
    await simulator.waitFor(({ connections }) => connections >= 3);
    io.signal('SIGTERM');
    expect(await code).toBe(143);
    expect(io.listeners).toBe(0);
  });

  it('says where nothing comes, and gives up after a deadline', async () => {
    const io = new FakeIo();
    const address = ['--to', `binary://127.0.0.1:${simulator.gateway.port}`, '--credentials', directory];
    const code = run(['feedback', ...address, '--idle-timeout-ms', '500'], io);
    await simulator.waitFor(({ connections }) => connections === 1);
    io.pass(10_000);
    expect(io.err).toMatch(/^apns-streams: nothing was received for 10 s: .*\n$/);
    expect(await code).toBe(75);
    expect(io.err).toContain('neither sent a whole feedback tuple nor closed for 500 ms');
    expect(io.timers).toBe(0);
  });

  it('says nothing of the kind while it polls, nor of the wait between tuples', async () => {
    const io = new FakeIo();
    const address = ['--to', `binary://127.0.0.1:${simulator.feedback.port}`, '--credentials', directory];
    const code = run(['feedback', ...address, '--interval-ms', '1'], io);
    await simulator.waitFor(({ connections }) => connections >= 2);
    io.pass(10_000);
    io.signal('SIGTERM');
    expect(await code).toBe(143);
    expect(io.err).toBe('');
  });

  it('exits with 1 when a tuple breaks off', async () => {
    simulator.devices.unregister('aabb');
    simulator.feedback.setFaults({ truncateLast: true });
    const io = new FakeIo();
    const address = ['--to', `binary://127.0.0.1:${simulator.feedback.port}`];
    expect(await run(['feedback', ...address, '--credentials', directory], io)).toBe(1);
  });
});

describe('send over HTTP/2', () => {
  const overHttp2 = (): string[] => {
    const { keyId, teamId, topic } = simulator.credentials;
    return [
      ...['--to', `https://127.0.0.1:${simulator.http2.port}`, '--ca', path('ca.pem'), '--topic', topic],
      ...['--provider-key', path(`AuthKey_${keyId}.p8`), '--key-id', keyId, '--team-id', teamId],
    ];
  };

  it('gives every line exactly one outcome with a provider token', async () => {
    const { code, io } = await send(overHttp2(), { stdin: MIXED });
    expect(code).toBe(1);
    const outcomes = io.out
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(outcomes.sort((a, b) => a.line - b.line)).toMatchObject([
      { line: 1, status: 'accepted' },
      { line: 2, status: 'rejected', reason: 'BadDeviceToken', statusCode: 400 },
      { line: 3, status: 'invalid' },
      { line: 4, status: 'accepted', context: { user: 1 } },
    ]);
    expect(simulator.counts.accepted).toBe(2);
  });

  it('sends with a client certificate as well', async () => {
    const argv = ['--to', `https://127.0.0.1:${simulator.http2.port}`, '--credentials', directory];
    const { code } = await send([...argv, '--topic', simulator.credentials.topic], { stdin: line('aa') });
    expect(code).toBe(0);
  });

  it('ends with exit code 77 when the provider token is refused', async () => {
    const argv = overHttp2();
    argv[argv.indexOf('--team-id') + 1] = 'XXXXXXXXXX';
    const { code, io } = await send(argv, { stdin: line('aa') });
    expect(code).toBe(77);
    expect(io.out).toContain('InvalidProviderToken');
  });

  it('starts the embedded simulator for one run', async () => {
    const { code, io } = await send(['--to', 'simulator:http2'], { stdin: line('aa') });
    expect(code).toBe(0);
    expect(io.out).toContain('"apnsId"');
  });

  it('has that simulator take the topic it is given', async () => {
    const { code } = await send(['--to', 'simulator:http2', '--topic', 'com.example.other'], {
      stdin: line('aa'),
    });
    expect(code).toBe(0);
  });

  it('takes the key id from the name of the key file', async () => {
    const argv = overHttp2();
    argv.splice(argv.indexOf('--key-id'), 2);
    expect((await send(argv, { stdin: line('aa') })).code).toBe(0);
    await copyFile(path(`AuthKey_${simulator.credentials.keyId}.p8`), path('key.p8'));
    argv[argv.indexOf('--provider-key') + 1] = path('key.p8');
    const { code, io } = await send(argv, { stdin: line('aa') });
    expect(code).toBe(64);
    expect(io.err).toContain('--key-id');
    expect(io.err).toContain('AuthKey_ID.p8');
  });

  it.each([[[]], [['--dry-run']]])('refuses ids that cannot be right, with %j', async (more) => {
    const { keyId, teamId } = simulator.credentials;
    const withIds = (key: string, team: string): string[] => {
      const argv = [...overHttp2(), ...more];
      argv[argv.indexOf('--key-id') + 1] = key;
      argv[argv.indexOf('--team-id') + 1] = team;
      return argv;
    };
    const other = await send(withIds('ABCDE12345', teamId), { stdin: line('aa') });
    expect(other.code).toBe(64);
    expect(other.io.err).toMatch(new RegExp(`--key-id differs from the id in the name.*${keyId}`));
    const swapped = await send(withIds(teamId, keyId), { stdin: line('aa') });
    expect(swapped.io.err).toContain('look swapped');
    const same = await send(withIds(keyId, keyId), { stdin: line('aa') });
    expect(same.code).toBe(78);
    expect(same.io.err).toMatch(/--key-id and --team-id are the same/);
  });

  it('takes a provider key as an environment variable holds it', async () => {
    const file = path(`AuthKey_${simulator.credentials.keyId}.p8`);
    await writeFile(file, simulator.credentials.providerKey.replaceAll('\n', '\\n'));
    expect((await send(overHttp2(), { stdin: line('aa') })).code).toBe(0);
  });

  it('takes a provider key in place of the certificate that --credentials holds', async () => {
    const argv = [...overHttp2(), '--credentials', directory];
    await rm(path('client-cert.pem'));
    expect((await send(argv, { stdin: line('aa') })).code).toBe(0);
  });

  it.each([
    ['--auth token', [], 0],
    ['--auth token and a topic of its own', ['--topic', 'com.example.other'], 1],
  ])('takes key, ids and topic from --credentials with %s', async (_, more, expected) => {
    await rm(path('client-cert.pem'));
    const to = ['--to', `https://127.0.0.1:${simulator.http2.port}`, '--credentials', directory];
    const { code, io } = await send([...to, '--auth', 'token', ...more], { stdin: line('aa') });
    expect(code).toBe(expected);
    expect(io.out).toContain(expected === 0 ? 'accepted' : 'TopicDisallowed');
  });

  it('trusts the well-known authorities where --credentials holds none', async () => {
    await rm(path('ca.pem'));
    const to = ['--to', `https://127.0.0.1:${simulator.http2.port}`, '--credentials', directory];
    for (const auth of ['token', 'certificate']) {
      const { code, io } = await send([...to, '--auth', auth], { stdin: line('aa') });
      expect(code).toBe(69);
      expect(io.out).toContain('UnknownAuthority');
    }
  });

  it.each([
    ['no directory', undefined, 64, '--credentials'],
    ['no index', '', 78, 'credentials.json'],
    ['an index that is none', '{"keyId":"../../../x","teamId":"t","topic":"t"}', 78, 'credentials.json'],
  ])('answers --auth token with %s', async (_, index, expected, said) => {
    if (index === '') await rm(path('credentials.json'));
    else if (index !== undefined) await writeFile(path('credentials.json'), index);
    const where = index === undefined ? [] : ['--credentials', directory];
    const { code, io } = await send(['--to', 'sandbox', '--auth', 'token', ...where], { stdin: line('aa') });
    expect(code).toBe(expected);
    expect(io.err).toContain(said);
  });

  it('holds a dry run to the rules of HTTP/2', async () => {
    const stdin = line('aa', { pushType: 'background', priority: 10 });
    const { code, io } = await send(
      ['--to', 'https://gateway.example.com', '--topic', 'com.example.app', '--dry-run'],
      {
        stdin,
      },
    );
    expect(code).toBe(1);
    expect(io.out).toContain('"field":"priority"');
  });

  it('refuses a dry run to Apple without credentials with exit code 78', async () => {
    const { code, io } = await send(['--to', 'sandbox', '--dry-run'], { stdin: line('aa') });
    expect(code).toBe(78);
    expect(io.err).toContain('credentials');
  });

  it.each(['binary', 'https'])(
    'exits with 69 where every connection ends in the handshake (%s)',
    async (scheme) => {
      const server = createServer((socket) => socket.on('error', () => {}).end());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => void server.close());
      const to = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const argv = [
        '--to',
        to,
        '--credentials',
        directory,
        '--topic',
        'com.example.app',
        '--connect-attempts',
        '1',
      ];
      const { code, io } = await send(argv, { stdin: line('aa') });
      expect(code).toBe(69);
      expect(io.out).toContain('"unsent"');
    },
  );

  it('takes what means nothing on a wire and promises nothing', async () => {
    for (const to of ['simulator:http2', 'simulator:binary']) {
      const argv = ['--to', to, '--topic', 'com.example.app', '--window-age-ms', '5000'];
      expect((await send(argv, { stdin: line('aa') })).code).toBe(0);
    }
  });

  it('refuses what belongs to the other wire with exit code 64', async () => {
    const key = overHttp2().slice(4);
    const wrong = [
      ...[overHttp2(), ['--to', 'simulator:http2']].map((to) => [...to, '--checkpoint', 'end']),
      ...[target, ['--to', 'simulator:binary']].map((to) => [...to, ...key.slice(2)]),
    ];
    for (const argv of wrong.flatMap((each) => [each, [...each, '--dry-run']])) {
      const { code, io } = await send(argv, { stdin: line('aa') });
      expect([code, io.out], argv.join(' ')).toEqual([64, '']);
    }
  });
});
