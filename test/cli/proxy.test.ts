import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.js';
import { createSimulator, type Simulator, writeCredentials } from '../../src/simulator/index.js';
import { FakeIo } from './fake-io.js';

const LINE = '{"deviceToken":"aa","payload":{"aps":{}}}\n';
const AUTHORIZATION = `Basic ${Buffer.from('user:pass:word').toString('base64')}`;

let simulator: Simulator;
let directory: string;
let proxy: Server;
/** What the proxy was asked for, with which credentials. */
let asked: (string | undefined)[][];

beforeEach(async () => {
  simulator = await createSimulator();
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  await writeCredentials(simulator, directory);
  await writeFile(join(directory, 'proxy'), 'user:pass:word\n', { mode: 0o600 });
  asked = [];
  proxy = createServer().on('connect', (request, client) => {
    asked.push([request.url, request.headers['proxy-authorization']]);
    client.on('error', () => {});
    if (request.headers['proxy-authorization'] !== AUTHORIZATION) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const [host, port] = request.url!.split(':');
    const tunnel = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      tunnel.pipe(client).pipe(tunnel);
    });
    tunnel.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await simulator.close();
  await new Promise((resolve) => proxy.close(resolve));
  await rm(directory, { recursive: true });
});

async function send(...argv: string[]): Promise<{ code: number; io: FakeIo }> {
  const io = new FakeIo({ stdin: LINE });
  return { code: await run(['send', '--credentials', directory, ...argv], io), io };
}

const throughProxy = (): string[] => ['--proxy', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`];

describe('send --proxy', () => {
  it.each([
    ['binary', () => `binary://127.0.0.1:${simulator.gateway.port}`],
    ['HTTP/2', () => `https://127.0.0.1:${simulator.http2.port}`],
  ])('goes through a proxy over the %s wire, with credentials from a file', async (_wire, target) => {
    const file = ['--proxy-credentials-file', join(directory, 'proxy')];
    const { code } = await send('--to', target(), ...throughProxy(), ...file);
    expect(code).toBe(0);
    expect(asked.length).toBeGreaterThan(0);
    for (const request of asked) expect(request).toEqual([target().replace(/^\w+:\/\//, ''), AUTHORIZATION]);
  });

  it('ends without showing the credentials when the proxy refuses them', async () => {
    await writeFile(join(directory, 'proxy'), 'user:hunter2\n');
    const file = ['--proxy-credentials-file', join(directory, 'proxy')];
    const target = `binary://127.0.0.1:${simulator.gateway.port}`;
    const { code, io } = await send('--to', target, ...throughProxy(), ...file);
    expect(code).not.toBe(0);
    expect(io.err).toContain('407');
    expect(io.err).not.toContain('hunter2');
  });

  it('says that credentials are not accepted, or are missing, in words of the command', async () => {
    await writeFile(join(directory, 'proxy'), 'user:hunter2\n', { mode: 0o600 });
    const file = ['--proxy-credentials-file', join(directory, 'proxy')];
    const target = ['--to', `binary://127.0.0.1:${simulator.gateway.port}`];
    const given = await send(...target, ...throughProxy(), ...file);
    expect(given.io.err).toContain(
      'rejected the credentials: check USER:PASSWORD in --proxy-credentials-file',
    );
    const missing = await send(...target, ...throughProxy());
    expect(missing.io.err).toContain('requires credentials: give USER:PASSWORD in --proxy-credentials-file');
  });

  it.each(['http://alice:hunter2@127.0.0.1:1', 'alice:hunter2@127.0.0.1:1', 'http://alice@127.0.0.1'])(
    'says where credentials belong that are in the URL: %s',
    async (url) => {
      const { code, io } = await send('--to', 'binary://127.0.0.1', '--proxy', url);
      expect(code).toBe(64);
      expect(io.err).toContain('give its path with --proxy-credentials-file');
      expect(io.err).not.toMatch(/hunter2|alice/);
    },
  );

  it('says that it is the proxy where nothing listens', async () => {
    const { port } = proxy.address() as AddressInfo;
    await new Promise((resolve) => proxy.close(resolve));
    const target = `binary://127.0.0.1:${simulator.gateway.port}`;
    const { code, io } = await send(
      '--to',
      target,
      '--proxy',
      `http://127.0.0.1:${port}`,
      '--connect-attempts',
      '1',
    );
    expect(code).toBe(69);
    expect(io.err).toContain(`the proxy 127.0.0.1:${port}: the connection was refused`);
  });

  it('refuses credentials without a proxy, a proxy that is none, and a file without a colon', async () => {
    await writeFile(join(directory, 'nonsense'), 'hunter2\n', { mode: 0o600 });
    const to = ['--to', 'binary://127.0.0.1'];
    const codes = [
      await send(...to, '--proxy-credentials-file', join(directory, 'proxy')),
      await send(...to, '--proxy', 'http://user:hunter2@127.0.0.1:1'),
      await send(...to, ...throughProxy(), '--proxy-credentials-file', join(directory, 'nonsense')),
    ];
    expect(codes.map(({ code }) => code)).toEqual([64, 64, 78]);
    for (const { io } of codes) expect(io.err).not.toContain('hunter2');
  });
});
