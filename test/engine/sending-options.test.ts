/** The options of both wires: their defaults, their limits, and what is refused. */
import { describe, expect, test } from 'vitest';
import { ApnsError } from '../../src/core/errors.js';
import { type BinaryOptions, resolveBinaryOptions } from '../../src/engine/binary/options.js';
import { authorityOf, type Http2Options, resolveHttp2Options } from '../../src/engine/http2/options.js';
import { authority } from '../support/loopback.js';

const host = { host: '127.0.0.1', port: 2195 };

const WIRES = [
  ['binary', (options: object) => resolveBinaryOptions({ ...host, ...options } as BinaryOptions)],
  ['HTTP/2', (options: object) => resolveHttp2Options({ ...host, ...options } as Http2Options)],
] as const;

const MAX_TIMER_MS = 2 ** 31 - 1;

/** The path that the error names first. */
function pathOf(resolve: () => unknown): string {
  try {
    resolve();
  } catch (error) {
    if (!(error instanceof ApnsError) || error.code !== 'APNS_ERR_INVALID_OPTION') throw error;
    return error.message.split(' ')[0]!;
  }
  return 'none';
}

describe.each(WIRES)('over the %s wire', (_wire, resolve) => {
  test('has the defaults that the documentation names', () => {
    expect(resolve({})).toMatchObject({
      connections: 1,
      windowCount: 65_536,
      windowBytes: 33_554_432,
      resendsUnknown: false,
      timeoutMs: 60_000,
      pingTimeoutMs: 10_000,
      closeTimeoutMs: 10_000,
    });
  });

  test('takes what it is given', () => {
    const options = {
      connections: 1024,
      window: { count: 1, bytes: 2 },
      onUnknown: 'resend',
      timeoutMs: MAX_TIMER_MS,
      pingTimeoutMs: 3,
      closeTimeoutMs: 4,
      backoff: { attempts: 0 },
      signal: new AbortController().signal,
      highWaterMark: 1,
      connectTimeoutMs: 5,
    };
    const resolved = resolve(options);
    expect(resolved).toMatchObject({
      connections: 1024,
      windowCount: 1,
      windowBytes: 2,
      resendsUnknown: true,
      timeoutMs: MAX_TIMER_MS,
      pingTimeoutMs: 3,
      closeTimeoutMs: 4,
    });
    expect(resolved.backoff.next()).toBeUndefined();
    expect(resolved.target.connectTimeoutMs).toBe(5);
    expect(resolve({ onUnknown: 'report' })).toMatchObject({ resendsUnknown: false });
  });

  test.each([
    ['connections', { connections: 1025 }],
    ['connections', { connections: 0 }],
    ['window', { window: null }],
    ['window.seconds', { window: { seconds: 1 } }],
    ['window.count', { window: { count: 0 } }],
    ['window.bytes', { window: { bytes: 0 } }],
    ['onUnknown', { onUnknown: 'retry' }],
    ['timeoutMs', { timeoutMs: MAX_TIMER_MS + 1 }],
    ['pingTimeoutMs', { pingTimeoutMs: 0 }],
    ['closeTimeoutMs', { closeTimeoutMs: 0 }],
    ['backoff.tries', { backoff: { tries: 1 } }],
    ['options.deadline', { deadline: 1 }],
  ])('names %s where it is wrong (%j)', (path, options) => {
    expect(pathOf(() => resolve(options))).toBe(path);
  });
});

test('is complete without options but for the target', () => {
  for (const resolve of [resolveBinaryOptions, resolveHttp2Options])
    expect(() => resolve()).toThrow(expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }));
});

describe('over the binary wire', () => {
  const resolve = (options: Partial<BinaryOptions>) => resolveBinaryOptions({ ...host, ...options });

  test.each(['auto', 'end', 'never'] as const)('writes checkpoints as asked: %s', (checkpoint) => {
    expect(resolve({ checkpoint }).checkpoint).toBe(checkpoint);
    expect(resolve({}).checkpoint).toBe('auto');
    expect(pathOf(() => resolve({ checkpoint: 'always' as never }))).toBe('checkpoint');
  });

  test('has an age of a minute for its window, and any other that a timer can hold', () => {
    expect(resolve({}).windowAgeMs).toBe(60_000);
    expect(resolve({ window: { ageMs: 7 } }).windowAgeMs).toBe(7);
    expect(pathOf(() => resolve({ window: { ageMs: MAX_TIMER_MS + 1 } }))).toBe('window.ageMs');
    expect(pathOf(() => resolve({ window: { seconds: 1 } as never }))).toBe('window.seconds');
  });

  test('uses the port of binary gateways', () => {
    expect(resolveBinaryOptions({ host: '127.0.0.1' }).target.port).toBe(2195);
  });
});

describe('over HTTP/2', () => {
  const resolve = (options: Http2Options) => resolveHttp2Options({ host: '127.0.0.1', ...options });

  test('refuses what only the binary wire has', () => {
    expect(pathOf(() => resolve({ window: { ageMs: 3 } as never }))).toBe('window.ageMs');
    expect(pathOf(() => resolve({ checkpoint: 'end' } as never))).toBe('options.checkpoint');
  });

  test('uses the port of HTTP/2, and names it only where it is another', () => {
    expect([resolve({}).target.port, resolve({}).authority]).toEqual([443, '127.0.0.1']);
    expect(resolve({ port: 2197 }).authority).toBe('127.0.0.1:2197');
    expect(resolve({ host: '::1' }).authority).toBe('[::1]');
    expect(resolve({ host: '::1', port: 2197 }).authority).toBe('[::1]:2197');
    expect(resolve({ tls: { servername: 'api.example' } }).authority).toBe('api.example');
    expect(authorityOf({ servername: 'api.example', host: '::1', port: 1 } as never)).toBe('api.example:1');
  });

  test('has a topic where one is given, as text that fits a header', () => {
    expect([resolve({}).topic, resolve({ topic: 'com.example.app' }).topic]).toEqual([
      undefined,
      'com.example.app',
    ]);
    for (const topic of ['', 'a\nb', 7 as never]) expect(pathOf(() => resolve({ topic }))).toBe('topic');
  });

  test('has a provider token where a key is given', () => {
    expect(resolve({}).providerToken).toBeUndefined();
    expect(pathOf(() => resolve({ providerToken: { id: 1 } as never }))).toBe('providerToken.id');
    expect(() => resolve({ providerToken: null as never })).toThrow(ApnsError);
  });

  test("does not go to Apple's gateways without credentials", () => {
    const bad = expect.objectContaining({ code: 'APNS_ERR_BAD_CREDENTIALS' });
    expect(() => resolveHttp2Options({ environment: 'sandbox' })).toThrow(bad);
    expect(() => resolveHttp2Options({ environment: 'sandbox', tls: { ca: authority.cert } })).toThrow(bad);
    const { cert, key } = authority;
    expect(resolveHttp2Options({ environment: 'sandbox', tls: { cert, key } }).authority).toBe(
      'api.sandbox.push.apple.com',
    );
  });
});
