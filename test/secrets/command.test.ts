/** Planted secrets never come out of the command, but for device tokens in outcomes; those neither, when asked. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { run } from '../../src/cli/run.js';
import { createSimulator } from '../../src/simulator/index.js';
import { mintAuthority, mintServerCertificate } from '../../src/simulator/pki/certificates.js';
import { FakeIo } from '../cli/fake-io.js';
import { startHttp2Gateway } from '../support/http2-gateway.js';
import { startRawGateway } from '../support/http2-raw-gateway.js';
import { authority, listen, listenTls } from '../support/loopback.js';
import { exportPkcs12 } from '../support/pkcs12.js';
import { startScriptedGateway } from '../support/scripted-gateway.js';
import { Secrets } from '../support/secrets.js';

let secrets: Secrets;
let folder: string;

beforeEach(() => {
  secrets = new Secrets();
  folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

/** Writes a file that only its owner can read, and returns its path. */
function file(name: string, contents: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, contents, { mode: 0o600 });
  return path;
}

const asText = (path: string): string[] => ['--passphrase-file', path];

function certificateArguments(): string[] {
  const { cert, key } = secrets.certificate;
  const passphrase = asText(file('passphrase', `${secrets.passphrase}\n`));
  return ['--cert', file('cert', cert), '--key', file('key', key), ...passphrase];
}

function providerArguments(): string[] {
  const { keyId, teamId } = secrets.providerToken;
  const key = file('provider-key', `${secrets.comment}\n${secrets.providerKey}`);
  return ['--provider-key', key, '--key-id', keyId, '--team-id', teamId];
}

const authorityArguments = (): string[] => ['--ca', file('ca', authority.cert)];
const proxyArguments = (port: number): string[] => [
  ...['--proxy', `http://127.0.0.1:${port}`],
  ...['--proxy-credentials-file', file('proxy', `user:${secrets.proxyPassword}\n`)],
];

/** A good line, and every kind of bad one, each with the device token in it. */
function input(): string {
  const { deviceToken, notification } = secrets;
  return [
    JSON.stringify(notification),
    JSON.stringify({ ...notification, [deviceToken]: 1 }),
    JSON.stringify({ ...notification, priority: 3 }),
    JSON.stringify({ ...notification, deviceToken: `<${deviceToken}>` }),
    JSON.stringify({ ...notification, payload: { aps: { [deviceToken]: 1 } }, pushType: 'voip' }),
    `{"deviceToken":"${deviceToken}`,
    deviceToken,
    '',
  ].join('\n');
}

/** Runs a command, and looks at all it says. */
async function look(argv: string[], tokens: 'appear' | 'not appear' = 'appear') {
  const io = new FakeIo({ stdin: input(), terminals: ['stderr'], columns: 400 });
  const running = run(argv, io);
  io.pass(30_000);
  const code = await running;
  secrets.expectNoneIn(io.err, 'standard error');
  secrets.expectNoneIn(io.out, 'standard output', tokens);
  return { code, io };
}

const FAST = ['--json-summary', '--connect-attempts', '1'];

/** Sends with and without whole tokens in outcomes. */
async function send(...argv: string[]): Promise<{ code: number; io: FakeIo }> {
  const topic = argv.some((argument) => /binary/.test(argument)) ? [] : ['--topic', 'com.example.app'];
  await look(['send', ...FAST, ...topic, '--redact-tokens', ...argv], 'not appear');
  return look(['send', ...FAST, ...topic, ...argv]);
}

describe('send', () => {
  it.each(['simulator:http2', 'simulator:binary'])('to %s, where all is well', async (target) => {
    const { code, io } = await send('--to', target);
    expect(code).toBe(1);
    expect(io.lines[0] ?? io.lines.at(-1)).toBeDefined();
    expect(io.out).toContain(secrets.deviceToken);
  });

  it('as a dry run', async () => {
    const { code } = await send('--to', 'https://127.0.0.1:1', '--dry-run', ...providerArguments());
    expect(code).toBe(1);
  });

  it.each<[string, () => string[]]>([
    [
      'a wrong passphrase',
      () => [
        ...['--cert', file('cert', secrets.certificate.cert), '--key', file('key', secrets.encryptedKey)],
        ...asText(file('passphrase', `${secrets.passphrase}x`)),
      ],
    ],
    [
      'another key',
      () => [
        ...['--cert', file('cert', secrets.certificate.cert), '--key', file('key', secrets.encryptedKey)],
        ...asText(file('passphrase', secrets.passphrase)),
      ],
    ],
    [
      'a garbled key',
      () => ['--cert', file('cert', secrets.certificate.cert), '--key', file('key', secrets.garbledKey)],
    ],
    [
      'a PKCS#12 file with a wrong passphrase',
      () => [
        ...['--p12', file('p12', exportPkcs12(secrets.certificate, secrets.passphrase))],
        ...asText(file('passphrase', `${secrets.passphrase}x\n`)),
      ],
    ],
    ['a passphrase in place of PKCS#12', () => ['--p12', file('p12', secrets.passphrase)]],
    [
      'a provider key that is none',
      () => [
        ...['--provider-key', file('p8', secrets.garbledKey)],
        ...['--key-id', 'ABC123DEFG', '--team-id', 'DEF123GHIJ'],
      ],
    ],
  ])('with %s, exit code 78', async (_what, credentials) => {
    const { code } = await send('--to', 'https://127.0.0.1:1', ...credentials());
    expect(code).toBe(78);
  });

  it.each([
    ['--passphrase=SECRET'],
    ['--passphrase', 'SECRET'],
    ['--password=SECRET'],
    ['--to', 'https://user:SECRET@127.0.0.1'],
    ['--to', 'SECRET'],
    ['--proxy', 'http://user:SECRET@127.0.0.1:1'],
  ])('with a secret on the command line: %s %s, exit code 64', async (...argv) => {
    const given = argv.map((argument) => argument.replace('SECRET', secrets.passphrase));
    const to = argv[0] === '--to' ? [] : ['--to', 'binary://127.0.0.1:1'];
    expect((await send(...to, ...given)).code).toBe(64);
  });

  it('through a proxy that answers 407 and repeats the credentials', async () => {
    const port = await listen((socket) =>
      socket.once('data', (head) => socket.end(`HTTP/1.1 407 ${head}\r\n\r\n${head}`)),
    );
    for (const target of ['https://127.0.0.1:1', 'binary://127.0.0.1:1']) {
      const { code, io } = await send('--to', target, ...proxyArguments(port), ...certificateArguments());
      expect(code).toBe(69);
      expect(io.err).toContain('407');
    }
  });

  it.each<[string, number, () => Promise<number>]>([
    [
      'whose certificate is unknown',
      69,
      () => listenTls(() => {}, mintServerCertificate(mintAuthority({ commonName: 'stranger' }))),
    ],
    [
      'that sends back what it gets, without TLS',
      69,
      () => listen((socket) => socket.on('data', () => socket.write(secrets.deviceToken))),
    ],
    [
      'that refuses the certificate',
      77,
      () => listenTls(() => {}, { requestCert: true, ca: mintAuthority().cert, ALPNProtocols: ['h2'] }),
    ],
  ])('to a gateway %s, exit code %i', async (_what, expected, start) => {
    const port = await start();
    for (const scheme of ['https', 'binary']) {
      const target = `${scheme}://127.0.0.1:${port}`;
      const { code } = await send('--to', target, ...certificateArguments(), ...authorityArguments());
      expect(code).toBe(expected);
    }
  });

  it('to a binary gateway that sends back what it gets', async () => {
    const port = await listenTls((socket) => socket.pipe(socket));
    const target = `binary://127.0.0.1:${port}`;
    const { code } = await send('--to', target, ...certificateArguments(), ...authorityArguments());
    expect(code).not.toBe(0);
  });

  it('to a binary gateway that rejects', async () => {
    const gateway = await startScriptedGateway({
      onFrame: (peer, { identifier = 0 }) => peer.answer(8, identifier),
    });
    const target = `binary://127.0.0.1:${gateway.options.port}`;
    const { code, io } = await send('--to', target, ...certificateArguments(), ...authorityArguments());
    expect(code).toBe(1);
    expect(io.err).toContain('InvalidToken');
  });

  it('to an HTTP/2 gateway whose reasons repeat the request, in the tally of the summary too', async () => {
    const gateway = await startHttp2Gateway({
      onRequest({ stream, headers, deviceToken }) {
        secrets.noteAuthorization(headers['authorization']);
        stream.respond({ ':status': 400, 'apns-unique-id': headers['authorization'] });
        stream.end(JSON.stringify({ reason: `${headers['authorization']} ${deviceToken}` }));
      },
    });
    const target = `https://127.0.0.1:${gateway.options.port}`;
    const { code, io } = await send('--to', target, ...providerArguments(), ...authorityArguments());
    expect(code).toBe(1);
    expect(io.err).toContain('an unusual reason');
    expect(secrets.seen.size).toBeGreaterThan(0);
  });

  it('to an HTTP/2 gateway whose GOAWAY repeats the request', async () => {
    const gateway = await startRawGateway({
      onRequest(peer, { headers, deviceToken }) {
        secrets.noteAuthorization(headers['authorization']);
        peer.goaway(0, 11, JSON.stringify({ reason: `${headers['authorization']} ${deviceToken}` }));
      },
    });
    const target = `https://127.0.0.1:${gateway.options.port}`;
    const { code } = await send('--to', target, ...providerArguments(), ...authorityArguments());
    expect(code).toBe(75);
    expect(secrets.seen.size).toBeGreaterThan(0);
  });

  it("with the simulator's credentials to Apple, exit code 78, before anything is dialled", async () => {
    const simulator = await createSimulator({ credentials: folder });
    await simulator.close();
    for (const more of [[], ['--dry-run']]) {
      const argv = ['send', '--to', 'production', '--credentials', folder, ...more];
      const { code, io } = await look(argv);
      expect(code).toBe(78);
      expect(io.err).toContain('--ca contains the authority of the simulator');
      expect(io.out).toBe('');
    }
  });

  it('while NODE_TLS_REJECT_UNAUTHORIZED=0 is set, exit code 78, and nothing is dialled', async () => {
    const connections = vi.fn();
    const port = await listen(connections);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const scheme of ['https', 'binary']) {
      const { code, io } = await send('--to', `${scheme}://127.0.0.1:${port}`, ...certificateArguments());
      expect(code).toBe(78);
      expect(io.err).toContain('NODE_TLS_REJECT_UNAUTHORIZED');
      expect(io.lines.filter(({ status }) => status === 'unsent')).not.toHaveLength(0);
    }
    const feedback = ['feedback', '--to', `binary://127.0.0.1:${port}`, ...certificateArguments()];
    expect((await look(feedback)).code).toBe(78);
    expect(connections).not.toHaveBeenCalled();
  });
});

describe('other commands', () => {
  it('lint', async () => {
    const { code, io } = await look(['lint', '--topic', 'com.example.app'], 'not appear');
    expect(code).toBe(1);
    expect(io.lines.length).toBeGreaterThan(4);
  });

  it('lint for the binary wire', async () => {
    expect((await look(['lint', '--wire', 'binary'], 'not appear')).code).toBe(1);
  });

  it('encode, whose complaints are on standard error', async () => {
    const { code, io } = await look(['encode', '--hex']);
    expect(code).toBe(1);
    expect(io.err).not.toBe('');
  });

  it('feedback, whose service breaks off', async () => {
    const port = await listenTls((socket) => socket.end(Buffer.from('0000000100205ec4e700', 'hex')));
    const argv = ['feedback', '--to', `binary://127.0.0.1:${port}`, ...certificateArguments()];
    expect((await look([...argv, ...authorityArguments()])).code).toBe(1);
  });
});
