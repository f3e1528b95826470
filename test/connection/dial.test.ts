import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners, once } from 'node:events';
import { createServer, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { dial } from '../../src/connection/dial.js';
import { resolveTarget, type Target, type TargetOptions } from '../../src/connection/target.js';
import type { ApnsErrorCode } from '../../src/core/errors.js';
import {
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
} from '../../src/simulator/pki/certificates.js';
import { CONNECTION_CHANNEL, type ConnectionEvent } from '../../src/telemetry/connection-event.js';
import { authority, listen, listenTls } from '../support/loopback.js';

function targetAt(port: number, options: TargetOptions = {}): Target {
  return resolveTarget({ host: '127.0.0.1', port, tls: { ca: authority.cert }, ...options }, 'gateway');
}

async function dialled(...parameters: Parameters<typeof dial>): Promise<Awaited<ReturnType<typeof dial>>> {
  const socket = await dial(...parameters);
  onTestFinished(() => void socket.destroy());
  return socket;
}

const BOTH_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

afterEach(() => vi.unstubAllEnvs());

/** What is published while a test runs. */
function published(): ConnectionEvent[] {
  const events: ConnectionEvent[] = [];
  const onEvent = (message: unknown): void => void events.push(message as ConnectionEvent);
  subscribe(CONNECTION_CHANNEL, onEvent);
  onTestFinished(() => void unsubscribe(CONNECTION_CHANNEL, onEvent));
  return events;
}

describe('publishing', () => {
  it('happens on the channel that the documentation names', () => {
    expect(CONNECTION_CHANNEL).toBe('apns-streams:connection');
  });

  it('announces a connection that is made', async () => {
    const port = await listenTls(() => {});
    const events = published();
    await dialled(targetAt(port));
    const peer = { host: '127.0.0.1', port };
    expect(events).toEqual([
      { event: 'connecting', ...peer },
      { event: 'connected', ...peer },
    ]);
  });

  it('announces a failure with its error, and an abort not at all', async () => {
    const events = published();
    const error = await dial(targetAt(1)).catch((thrown: unknown) => thrown);
    const peer = { host: '127.0.0.1', port: 1 };
    expect(events).toEqual([
      { event: 'connecting', ...peer },
      { event: 'failed', ...peer, error },
    ]);
    await expect(dial(targetAt(1), { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(events).toHaveLength(3);
  });
});

describe('connecting', () => {
  it.each(BOTH_VERSIONS)('completes the handshake with a client certificate under %s', async (version) => {
    const port = await listenTls((socket) => socket.end(String(socket.getPeerX509Certificate()?.subject)), {
      requestCert: true,
      maxVersion: version,
    });
    const { cert, key } = mintClientCertificate(authority, { topic: 'com.example.app' });
    const socket = await dialled(targetAt(port, { tls: { ca: authority.cert, cert, key } }));
    expect(socket.getProtocol()).toBe(version);
    const [chunk] = await once(socket, 'data');
    expect(String(chunk)).toContain('UID=com.example.app');
  });

  it('sends small writes at once, and probes a connection that is idle for a minute', async () => {
    const port = await listenTls(() => {});
    const noDelay = vi.spyOn(Socket.prototype, 'setNoDelay');
    const keepAlive = vi.spyOn(Socket.prototype, 'setKeepAlive');
    onTestFinished(() => {
      noDelay.mockRestore();
      keepAlive.mockRestore();
    });
    const socket = await dialled(targetAt(port));
    expect(noDelay.mock.calls[noDelay.mock.contexts.lastIndexOf(socket)]).toEqual([true]);
    expect(keepAlive.mock.calls[keepAlive.mock.contexts.lastIndexOf(socket)]).toEqual([true, 60_000]);
  });

  it('accepts a certificate for the name in tls.servername', async () => {
    const port = await listenTls(() => {}, mintServerCertificate(authority, { hosts: ['gateway.example'] }));
    const target = targetAt(port, { tls: { ca: authority.cert, servername: 'gateway.example' } });
    const socket = await dialled(target);
    expect(socket.authorized).toBe(true);
  });

  it('agrees on the protocol it asks for', async () => {
    const port = await listenTls(() => {}, { ALPNProtocols: ['h2'] });
    const socket = await dialled(targetAt(port), { alpn: 'h2' });
    expect(socket.alpnProtocol).toBe('h2');
  });

  it('resolves a name', async () => {
    const port = await listenTls(() => {});
    const socket = await dialled(targetAt(port, { host: 'localhost' }));
    expect(socket.authorized).toBe(true);
  });

  it('survives a peer that resets before anybody reads', async () => {
    const port = await listenTls((_socket, raw) => raw.resetAndDestroy());
    await dialled(targetAt(port)).then(
      (socket) => new Promise((resolve) => socket.on('close', resolve)),
      (error) => expect(error.code).toBe('APNS_ERR_CONNECTION_LOST'),
    );
  });
});

describe('refusing a gateway', () => {
  const stranger = mintAuthority({ commonName: 'somebody else' });
  const yesterday = new Date(Date.now() - 86_400_000);
  const tomorrow = new Date(Date.now() + 86_400_000);

  it('asks for tls.ca where none was given, and says that it is another one where it was', async () => {
    const port = await listenTls(() => {}, mintServerCertificate(stranger));
    const code = 'APNS_ERR_UNKNOWN_AUTHORITY';
    await expect(dial(targetAt(port, { tls: {} }))).rejects.toMatchObject({
      code,
      message: expect.stringContaining('give its authority as tls.ca'),
    });
    await expect(dial(targetAt(port))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(
        /: no authority in tls\.ca issued the gateway's certificate: .*\(\w+\)$/,
      ),
    });
  });

  it.each<[string, ApnsErrorCode, TlsOptions]>([
    [
      'an expired certificate',
      'APNS_ERR_CERTIFICATE_EXPIRED',
      mintServerCertificate(authority, { validFrom: new Date(0), validTo: yesterday }),
    ],
    [
      'a certificate of tomorrow',
      'APNS_ERR_CERTIFICATE_EXPIRED',
      mintServerCertificate(authority, { validFrom: tomorrow }),
    ],
    [
      'a certificate for another host',
      'APNS_ERR_WRONG_HOST',
      mintServerCertificate(authority, { hosts: ['gateway.example'] }),
    ],
    ['an unknown authority', 'APNS_ERR_UNKNOWN_AUTHORITY', mintServerCertificate(stranger)],
    ['a self-signed certificate', 'APNS_ERR_UNKNOWN_AUTHORITY', stranger],
    // The alert is the one that refuses a client certificate.
    [
      'no cipher in common under TLS 1.2',
      'APNS_ERR_TLS_VERSION',
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' },
    ],
    [
      'no cipher in common under TLS 1.3',
      'APNS_ERR_TLS_VERSION',
      { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_CCM_SHA256' },
    ],
    [
      'nothing above TLS 1.0',
      'APNS_ERR_TLS_VERSION',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' },
    ],
  ])('fails on %s with %s', async (_what, code, options) => {
    const port = await listenTls(() => {}, options);
    const cause = expect.any(Error);
    await expect(dial(targetAt(port))).rejects.toMatchObject({ name: 'ApnsError', code, cause });
  });

  it.each([
    ['another protocol', { ALPNProtocols: ['http/1.1'] }],
    ['none', {}],
  ])('fails on a peer that agrees on %s with APNS_ERR_NOT_HTTP2', async (_what, options) => {
    const port = await listenTls(() => {}, options);
    await expect(dial(targetAt(port), { alpn: 'h2' })).rejects.toMatchObject({ code: 'APNS_ERR_NOT_HTTP2' });
  });

  it.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['SMTP', '220 mail.example ESMTP\r\n'],
    ['zeros', '\0'.repeat(100)],
  ])('fails on a peer that speaks %s with APNS_ERR_NOT_TLS', async (_what, text) => {
    const port = await listen((socket) => socket.write(text));
    await expect(dial(targetAt(port))).rejects.toMatchObject({ code: 'APNS_ERR_NOT_TLS' });
  });

  it.each([
    ['closes', (socket: Socket) => socket.end()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ])('fails on a peer that %s in the handshake with APNS_ERR_CONNECTION_LOST', async (_what, act) => {
    const port = await listen((socket) => socket.once('data', () => act(socket)));
    await expect(dial(targetAt(port))).rejects.toMatchObject({ code: 'APNS_ERR_CONNECTION_LOST' });
  });

  it('fails on a silent peer with APNS_ERR_CONNECT_TIMEOUT and leaves nothing open', async () => {
    let closed: Promise<unknown> | undefined;
    const port = await listen((socket) => {
      closed = once(socket.resume(), 'close');
    });
    const target = targetAt(port, { connectTimeoutMs: 50 });
    await expect(dial(target)).rejects.toMatchObject({ code: 'APNS_ERR_CONNECT_TIMEOUT' });
    await closed;
  });

  it('fails with APNS_ERR_CONNECTION_REFUSED where nobody listens', async () => {
    const unused = createServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address() as { port: number };
    await once(unused.close(), 'close');
    await expect(dial(targetAt(port))).rejects.toMatchObject({ code: 'APNS_ERR_CONNECTION_REFUSED' });
  });

  it('fails with APNS_ERR_HOST_NOT_FOUND on a name that does not resolve', async () => {
    const target = targetAt(2195, { host: 'gateway.invalid' });
    await expect(dial(target)).rejects.toMatchObject({ code: 'APNS_ERR_HOST_NOT_FOUND' });
  });
});

describe('being refused', () => {
  const unwanted = mintClientCertificate(mintAuthority({ commonName: 'somebody else' }));

  it('fails with APNS_ERR_CREDENTIALS_REFUSED under TLS 1.2 without a certificate', async () => {
    const port = await listenTls(() => {}, { requestCert: true, maxVersion: 'TLSv1.2' });
    await expect(dial(targetAt(port))).rejects.toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
  });

  it('fails with APNS_ERR_CREDENTIALS_REFUSED under TLS 1.2 with an unwanted one', async () => {
    const port = await listenTls(() => {}, { requestCert: true, maxVersion: 'TLSv1.2' });
    const target = targetAt(port, { tls: { ca: authority.cert, ...unwanted } });
    await expect(dial(target)).rejects.toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
  });

  it('leaves the socket as Node made it', async () => {
    const port = await listenTls(() => {});
    const socket = await dialled(targetAt(port));
    expect(Object.hasOwn(socket, 'destroy')).toBe(false);
  });

  it('looks like success under TLS 1.3, as the gateway decides later', async () => {
    const port = await listenTls(() => {}, { requestCert: true, minVersion: 'TLSv1.3' });
    const socket = await dialled(targetAt(port, { tls: { ca: authority.cert, ...unwanted } }));
    expect(socket.authorized).toBe(true);
    socket.resume();
    await once(socket, 'close');
  });
});

describe('giving up', () => {
  it('dials nothing while NODE_TLS_REJECT_UNAUTHORIZED is 0', async () => {
    const connections = vi.fn();
    const port = await listen(connections);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    await expect(dial(targetAt(port))).rejects.toMatchObject({ code: 'APNS_ERR_VERIFICATION_DISABLED' });
    expect(connections).not.toHaveBeenCalled();
  });

  it('leaves no listener on the signal, whether it fails or succeeds', async () => {
    const { signal } = new AbortController();
    const port = await listenTls(() => {});
    await dialled(targetAt(port), { signal });
    await expect(dial(targetAt(port, { tls: {} }), { signal })).rejects.toThrow();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('dials no proxy when aborted before', async () => {
    const connections = vi.fn();
    const port = await listen(connections);
    const target = targetAt(443, { proxy: { host: '127.0.0.1', port } });
    const attempt = dial(target, { signal: AbortSignal.abort() });
    await expect(attempt).rejects.toMatchObject({ code: 'APNS_ERR_CLOSED' });
    expect(connections).not.toHaveBeenCalled();
  });

  it('dials nothing when aborted before', async () => {
    const connections = vi.fn();
    const port = await listen(connections);
    const signal = AbortSignal.abort('enough');
    const attempt = dial(targetAt(port), { signal });
    await expect(attempt).rejects.toMatchObject({ code: 'APNS_ERR_CLOSED', cause: 'enough' });
    expect(connections).not.toHaveBeenCalled();
  });

  it('closes the socket when aborted in the handshake', async () => {
    const controller = new AbortController();
    let closed: Promise<unknown> | undefined;
    const port = await listen((socket) => {
      closed = once(socket.resume(), 'close');
      controller.abort();
    });
    const attempt = dial(targetAt(port), { signal: controller.signal });
    await expect(attempt).rejects.toMatchObject({ code: 'APNS_ERR_CLOSED' });
    await closed;
  });

  it('leaves a connection alone that is made when the signal comes', async () => {
    const controller = new AbortController();
    const port = await listenTls((socket) => socket.on('data', (chunk) => socket.write(chunk)));
    const socket = await dialled(targetAt(port), { signal: controller.signal });
    controller.abort();
    socket.write('still here');
    expect(String((await once(socket, 'data'))[0])).toBe('still here');
  });
});
