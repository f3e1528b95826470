import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  resolveTarget,
  type Service,
  TARGET_OPTION_NAMES,
  type TargetOptions,
} from '../../src/connection/target.js';
import { mintClientCertificate } from '../../src/simulator/pki/certificates.js';
import { authority } from '../support/loopback.js';

describe('resolveTarget', () => {
  it.each<[Service, TargetOptions, string, number]>([
    ['gateway', { host: 'gateway.example' }, 'gateway.example', 2195],
    ['feedback', { host: 'gateway.example' }, 'gateway.example', 2196],
    ['http2', { host: 'gateway.example' }, 'gateway.example', 443],
    ['http2', { environment: 'production' }, 'api.push.apple.com', 443],
    ['http2', { environment: 'sandbox' }, 'api.sandbox.push.apple.com', 443],
    ['http2', { environment: 'sandbox', port: 2197 }, 'api.sandbox.push.apple.com', 2197],
    ['http2', { environment: 'sandbox', host: 'localhost' }, 'localhost', 443],
    ['gateway', { host: '[::1]', port: 1 }, '::1', 1],
  ])('finds a %s for %o', (service, options, host, port) => {
    expect(resolveTarget(options, service)).toMatchObject({ host, port });
  });

  it('expects the host in the certificate, as a name only', () => {
    expect(resolveTarget({ host: 'gateway.example' }, 'gateway').servername).toBe('gateway.example');
    expect(resolveTarget({ host: '127.0.0.1' }, 'gateway').servername).toBeUndefined();
    const tls = { servername: 'gateway.example' };
    expect(resolveTarget({ host: '127.0.0.1', tls }, 'gateway').servername).toBe('gateway.example');
  });

  it('waits ten seconds by default', () => {
    expect(resolveTarget({ host: 'gateway.example' }, 'gateway').connectTimeoutMs).toBe(10_000);
  });

  it.each<[string, Service, unknown]>([
    ['neither host nor environment', 'http2', {}],
    ['no host', 'gateway', {}],
    ['an environment that Apple closed', 'gateway', { environment: 'production' }],
    ['an environment that Apple closed, beside a host', 'feedback', { environment: 'sandbox', host: 'x' }],
    ['an unknown environment', 'http2', { environment: 'development' }],
    ['a URL', 'gateway', { host: 'https://gateway.example' }],
    ['a host with a port', 'gateway', { host: 'gateway.example:2195' }],
    ['an empty host', 'gateway', { host: '' }],
    ['a host with a line break', 'gateway', { host: 'gateway.example\n' }],
    ['a device token for a host', 'gateway', { host: 'ab'.repeat(32) }],
    ['a host with an empty part', 'gateway', { host: 'gateway..example' }],
    ['an endless host', 'gateway', { host: 'x'.repeat(254) }],
    ['port 0', 'gateway', { host: 'x', port: 0 }],
    ['port 65536', 'gateway', { host: 'x', port: 65_536 }],
    ['a port as text', 'gateway', { host: 'x', port: '2195' }],
    ['no time', 'gateway', { host: 'x', connectTimeoutMs: 0 }],
    ['more time than a timer holds', 'gateway', { host: 'x', connectTimeoutMs: 2 ** 31 }],
    ['an address as server name', 'gateway', { host: 'x', tls: { servername: '127.0.0.1' } }],
    ['switched-off checks', 'gateway', { host: 'x', tls: { rejectUnauthorized: false } }],
    ['checks of its own', 'gateway', { host: 'x', tls: { checkServerIdentity: () => undefined } }],
    ['an unknown tls option', 'gateway', { host: 'x', tls: { ciphers: 'ALL' } }],
    ['tls that is no object', 'gateway', { host: 'x', tls: 'cert.pem' }],
    ['tls that is null', 'gateway', { host: 'x', tls: null }],
    ['a proxy that is null', 'gateway', { host: 'x', proxy: null }],
  ])('refuses %s', (_what, service, options) => {
    expect(() => resolveTarget(options as TargetOptions, service)).toThrow(
      expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }),
    );
  });

  it.each<[string, Service, object]>([
    ['environment', 'http2', { environment: 'development' }],
    ['host', 'http2', { host: 'https://gateway.example' }],
    ['port', 'http2', { host: 'x', port: 0 }],
    ['connectTimeoutMs', 'http2', { host: 'x', connectTimeoutMs: 0 }],
    ['tls.servername', 'http2', { host: 'x', tls: { servername: '127.0.0.1' } }],
    ['tls.servername', 'http2', { host: 'x', tls: { servername: 'a b' } }],
    ['either environment or host', 'http2', {}],
    ['host', 'gateway', {}],
  ])('begins its complaint with %s', (path, service, options) => {
    expect(() => resolveTarget(options, service)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(`^${path} must be `) }),
    );
  });

  it('has a name in the list of its options for each of them', () => {
    const every: Required<TargetOptions> = {
      environment: 'production',
      host: 'gateway.example',
      port: 443,
      tls: {},
      connectTimeoutMs: 1000,
      proxy: 'http://proxy.example',
    };
    expect(TARGET_OPTION_NAMES.toSorted()).toEqual(Object.keys(every).toSorted());
  });

  it('says that Apple has closed its binary gateway, and what to do', () => {
    expect(() => resolveTarget({ environment: 'production' }, 'gateway')).toThrow(/31 March 2021.*host/);
  });

  it('says what to do instead of switching checks off', () => {
    const tls = { rejectUnauthorized: false } as TargetOptions['tls'] & object;
    expect(() => resolveTarget({ host: 'x', tls }, 'gateway')).toThrow(/tls\.ca/);
  });

  it('leaves its options alone', () => {
    const { cert, key } = mintClientCertificate(authority);
    const tls = Object.freeze({ cert, key, ca: Object.freeze([authority.cert]) as string[] });
    const options = Object.freeze({ host: 'gateway.example', tls });
    const before = structuredClone(options);
    resolveTarget(options, 'gateway');
    expect(options).toEqual(before);
  });

  it('shows host and port when inspected, and no secret', () => {
    const { cert, key } = mintClientCertificate(authority);
    const target = resolveTarget(
      {
        host: 'gateway.example',
        tls: { cert, key, passphrase: 'passphrase' },
        proxy: { host: 'proxy.example', port: 3128, username: 'user', password: 'password' },
      },
      'gateway',
    );
    expect(inspect(target)).toBe("Target { host: 'gateway.example', port: 2195 }");
    expect(JSON.stringify(target)).toBe('{"host":"gateway.example","port":2195}');
    const everything = inspect(target, { depth: 9, showHidden: true });
    expect(everything).not.toMatch(/passphrase|password|PRIVATE|BEGIN/);
  });
});
