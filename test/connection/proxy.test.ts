import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { dial } from '../../src/connection/dial.js';
import { openTunnel, type ProxyOptions, resolveProxy } from '../../src/connection/proxy.js';
import { resolveTarget, type Target } from '../../src/connection/target.js';
import { authority, listen, listenTls } from '../support/loopback.js';

function targetAt(port: number, proxy: ProxyOptions, connectTimeoutMs?: number): Target {
  return resolveTarget(
    {
      host: 'localhost',
      port,
      tls: { ca: authority.cert },
      proxy,
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    },
    'gateway',
  );
}

/** A proxy that opens every tunnel; `requests` fills with the headers it was sent. */
async function startProxy(requests: string[]): Promise<number> {
  return listen((client) => {
    client.once('data', (chunk) => {
      const request = chunk.toString('latin1');
      requests.push(request);
      const port = Number(/^CONNECT [^ ]*:(\d+) HTTP\/1\.1\r\n/.exec(request)?.[1]);
      const upstream = connect(port, '127.0.0.1');
      onTestFinished(() => void upstream.destroy());
      upstream.on('error', () => client.destroy());
      upstream.on('connect', () => client.write('HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n'));
      client.pipe(upstream).pipe(client);
    });
  });
}

async function tunnelThrough(proxyPort: number): Promise<Socket> {
  const proxy = resolveProxy({ host: '127.0.0.1', port: proxyPort });
  const destination = { host: 'gateway.example', port: 443 };
  const socket = await openTunnel(proxy, destination, new AbortController().signal);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** A proxy that answers every request with the same bytes. */
function startAnswering(answer: string, then: (socket: Socket) => void = () => {}): Promise<number> {
  return listen((socket) => socket.once('data', () => socket.write(answer, 'latin1', () => then(socket))));
}

describe('a tunnel', () => {
  it('carries TLS to the target, whose certificate is checked as ever', async () => {
    const requests: string[] = [];
    const proxyPort = await startProxy(requests);
    const port = await listenTls((socket) => socket.write('through'));
    const socket = await dial(targetAt(port, `http://127.0.0.1:${proxyPort}`));
    onTestFinished(() => void socket.destroy());
    expect(String((await once(socket, 'data'))[0])).toBe('through');
    expect(requests).toEqual([`CONNECT localhost:${port} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`]);
    expect(socket.getPeerX509Certificate()?.checkHost('localhost')).toBe('localhost');
  });

  it('checks the host of the target, not of the proxy', async () => {
    const proxyPort = await startProxy([]);
    const port = await listenTls(() => {});
    const target = resolveTarget(
      { host: '127.0.0.2', port, tls: { ca: authority.cert }, proxy: { host: '127.0.0.1', port: proxyPort } },
      'gateway',
    );
    await expect(dial(target)).rejects.toMatchObject({ code: 'APNS_ERR_WRONG_HOST' });
  });

  it('sends Basic credentials as RFC 7617 has them', async () => {
    const requests: string[] = [];
    const proxyPort = await startProxy(requests);
    const port = await listenTls(() => {});
    const proxy = { host: '127.0.0.1', port: proxyPort, username: 'Aladdin', password: 'open sesame' };
    const socket = await dial(targetAt(port, proxy));
    socket.destroy();
    expect(requests[0]).toContain('\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n');
  });

  it('is taken when the answer arrives byte by byte, and closed when the deadline passes in it', async () => {
    let closed: Promise<unknown> | undefined;
    const port = await listen((socket) => {
      closed = once(socket, 'close');
      socket.once('data', async () => {
        socket.setNoDelay(true);
        for (const byte of 'HTTP/1.0 200\r\n\r\n') {
          socket.write(byte);
          await new Promise(setImmediate);
        }
        socket.resume();
      });
    });
    const target = targetAt(443, `http://127.0.0.1:${port}`, 100);
    await expect(dial(target)).rejects.toMatchObject({ code: 'APNS_ERR_CONNECT_TIMEOUT' });
    await closed;
  });

  it('loses nothing of what follows the answer at once', async () => {
    const chatty = await startAnswering('HTTP/1.1 200 OK\r\n\r\nSSH-2.0-OpenSSH_9.6\r\n');
    await expect(dial(targetAt(22, `http://127.0.0.1:${chatty}`))).rejects.toMatchObject({
      code: 'APNS_ERR_NOT_TLS',
    });
    const socket = await tunnelThrough(chatty);
    expect(String((await once(socket.resume(), 'data'))[0])).toBe('SSH-2.0-OpenSSH_9.6\r\n');
  });

  it('is taken from an answer of 8192 bytes and no longer one', async () => {
    const [head, end] = ['HTTP/1.1 200 OK\r\nX: ', '\r\n\r\n'];
    const startSplitting = (length: number): Promise<number> =>
      listen((socket) =>
        socket.setNoDelay(true).once('data', () => {
          socket.write(head.padEnd(length, 'x'), () => setImmediate(() => socket.write(end)));
        }),
      );
    expect((await tunnelThrough(await startSplitting(8192))).destroyed).toBe(false);
    await expect(tunnelThrough(await startSplitting(8193))).rejects.toMatchObject({ code: 'APNS_ERR_PROXY' });
  });

  it('may end without an error once it is open', async () => {
    const port = await startAnswering('HTTP/1.1 200 OK\r\n\r\n', (client) => client.end());
    const socket = await tunnelThrough(port);
    const onError = vi.fn();
    socket.on('error', onError).resume();
    await once(socket, 'close');
    expect(onError).not.toHaveBeenCalled();
  });
});

describe('no tunnel', () => {
  it.each([
    ['requires credentials', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'APNS_ERR_PROXY'],
    ['forbids it', 'HTTP/1.1 403 Forbidden\r\n\r\nno', 'APNS_ERR_PROXY'],
    ['redirects', 'HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n', 'APNS_ERR_PROXY'],
    ['answers late in a line', 'X HTTP/1.1 200 OK\r\n\r\n', 'APNS_ERR_PROXY'],
    ['speaks another protocol', '220 mail.example ESMTP\r\n\r\n', 'APNS_ERR_PROXY'],
    ['answers without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(9000)}`, 'APNS_ERR_PROXY'],
    ['answers at great length', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(9000)}\r\n\r\n`, 'APNS_ERR_PROXY'],
    ['cannot reach the target', 'HTTP/1.1 504 Gateway Timeout\r\n\r\n', 'APNS_ERR_UNREACHABLE'],
  ])('comes from a proxy that %s', async (_what, answer, code) => {
    const closed = vi.fn();
    const port = await startAnswering(answer, (socket) => socket.resume().once('close', closed));
    const message = expect.stringMatching(/^the proxy \S+ did not open a tunnel to \S+: /);
    await expect(dial(targetAt(2195, `http://127.0.0.1:${port}`))).rejects.toMatchObject({ code, message });
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  });

  it('comes with advice about credentials for status 407 only', async () => {
    const port = await startAnswering('HTTP/1.1 403 Forbidden\r\nProxy-Authenticate: Basic\r\n\r\n');
    const message = expect.stringMatching(/: it responded with status 403$/);
    await expect(tunnelThrough(port)).rejects.toMatchObject({ message });
  });

  describe('because of status 407 says', () => {
    const REQUIRED = 'HTTP/1.1 407 Proxy Authentication Required\r\n';
    it.each<[string, string, object, RegExp]>([
      [
        'that credentials are wanted',
        'Proxy-Authenticate: Basic realm="x"\r\n',
        {},
        /requires credentials: give/,
      ],
      ['so where no scheme is named', '', {}, /requires credentials: give/],
      [
        'so where a scheme is named in another header',
        'Via: NTLM\r\nX-Proxy-Authenticate: NTLM\r\n',
        {},
        /requires credentials: give/,
      ],
      [
        'that those given are not accepted',
        'proxy-authenticate: NTLM\r\nproxy-authenticate: basic realm="a, b"\r\n',
        { username: 'a', password: 'b' },
        /rejected the credentials: check/,
      ],
      [
        'that only NTLM and Negotiate are offered, whether credentials are given',
        'Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM TlRMTVNTUAAC\r\n',
        { username: 'a', password: 'b' },
        /offers NTLM and Negotiate only/,
      ],
      ['or not', 'Proxy-Authenticate: Digest realm="x", NTLM\r\n', {}, /offers Digest and NTLM only/],
      ['nothing that the proxy made up', 'Proxy-Authenticate: \x9b31mEvil, Basic x\r\n', {}, /^[ -~]*$/],
    ])('%s', async (_what, headers, credentials, said) => {
      const port = await startAnswering(`${REQUIRED}${headers}\r\n`);
      const target = targetAt(2195, { host: '127.0.0.1', port, ...credentials });
      const message = expect.stringMatching(said);
      await expect(dial(target)).rejects.toMatchObject({ code: 'APNS_ERR_PROXY', message });
    });
  });

  it('comes from a proxy that closes without an answer', async () => {
    const port = await listen((socket) => socket.once('data', () => socket.end()));
    await expect(dial(targetAt(2195, `http://127.0.0.1:${port}`))).rejects.toMatchObject({
      code: 'APNS_ERR_PROXY',
    });
  });

  it('comes from a silent proxy, within the same deadline', async () => {
    let closed: Promise<unknown> | undefined;
    const port = await listen((socket) => {
      closed = once(socket.resume(), 'close');
    });
    await expect(dial(targetAt(2195, `http://127.0.0.1:${port}`, 50))).rejects.toMatchObject({
      code: 'APNS_ERR_CONNECT_TIMEOUT',
    });
    await closed;
  });

  it('comes from a proxy that is not there', async () => {
    const target = targetAt(2195, 'http://proxy.invalid:3128');
    await expect(dial(target)).rejects.toMatchObject({
      code: 'APNS_ERR_HOST_NOT_FOUND',
      message: expect.stringMatching(/^the proxy proxy\.invalid:3128: /),
      cause: expect.objectContaining({ syscall: 'getaddrinfo' }),
    });
  });

  it('comes from an abort while the proxy thinks', async () => {
    const controller = new AbortController();
    const port = await listen((socket) => socket.once('data', () => controller.abort()));
    const attempt = dial(targetAt(2195, `http://127.0.0.1:${port}`), { signal: controller.signal });
    await expect(attempt).rejects.toMatchObject({ code: 'APNS_ERR_CLOSED' });
  });
});

describe('proxy options', () => {
  const PROXY = { host: 'proxy.example', port: 3128 };

  it.each<[string, string, unknown]>([
    ['a URL with credentials', 'proxy', 'http://user:secret@proxy.example:3128'],
    ['a URL with a user name', 'proxy', 'http://user@proxy.example:3128'],
    ['a URL with a password', 'proxy', 'http://:secret@proxy.example:3128'],
    ['another scheme', 'proxy', 'socks5://proxy.example:1080'],
    ['HTTPS', 'proxy', 'https://proxy.example'],
    ['no URL', 'proxy', 'proxy.example:3128'],
    ['no URL at all', 'proxy', 'proxy.example'],
    ['a URL with a path', 'proxy', 'http://proxy.example:3128/path'],
    ['a URL with a query', 'proxy', 'http://proxy.example:3128?a'],
    ['a URL with a fragment', 'proxy', 'http://proxy.example:3128#a'],
    ['a URL with a token for a host', 'proxy', `http://${'ab'.repeat(32)}/`],
    ['no port', 'proxy.port', { host: 'proxy.example' }],
    ['a port that is none', 'proxy.port', { host: 'proxy.example', port: 65_536 }],
    ['a user name with a colon', 'proxy.username', { ...PROXY, username: 'a:b', password: 'c' }],
    ['a password alone', 'proxy.username', { ...PROXY, password: 'c' }],
    ['a password that is a number', 'proxy.password', { ...PROXY, username: 'a', password: 1 }],
    ['an unknown name', 'proxy.user', { ...PROXY, user: 'a' }],
    ['a line break in the host', 'proxy.host', { host: 'proxy.example\r\nX: y', port: 3128 }],
  ])('refuse %s, and name %s', (_what, path, options) => {
    expect(() => resolveProxy(options as ProxyOptions)).toThrow(
      expect.objectContaining({
        code: 'APNS_ERR_INVALID_OPTION',
        message: expect.stringMatching(`^${path} `),
      }),
    );
  });

  it('take port 80 for a URL without one', () => {
    expect(resolveProxy('http://proxy.example')).toMatchObject({ host: 'proxy.example', port: 80 });
  });

  it('send a user name without a password as one with an empty password', () => {
    const request = resolveProxy({ ...PROXY, username: 'user' }).connectRequest(PROXY);
    expect(request).toContain('\r\nProxy-Authorization: Basic dXNlcjo=\r\n');
  });

  it('keep credentials out of sight', () => {
    const proxy = resolveProxy({ host: 'proxy.example', port: 3128, username: 'user', password: 'secret' });
    expect(inspect(proxy, { depth: 9, showHidden: true })).not.toMatch(/secret|dXNlcjp|Basic/);
    expect(JSON.parse(JSON.stringify(proxy))).toEqual({ host: 'proxy.example', port: 3128 });
    expect(() => resolveProxy('http://user:secret@proxy.example')).toThrow(/^(?!.*secret)/s);
  });

  it('put an IPv6 target into brackets', () => {
    const request = resolveProxy('http://[::1]:3128').connectRequest({ host: '2001:db8::1', port: 443 });
    expect(request).toBe('CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n');
  });
});
