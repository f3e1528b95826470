import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  isTokenRefusal,
  ProviderToken,
  type ProviderTokenOptions,
  type TokenRefresh,
} from '../../src/connection/provider-token.js';
import { ApnsError } from '../../src/core/errors.js';
import { mintAuthority } from '../../src/simulator/pki/certificates.js';

const MINUTE = 60_000;
const START = Date.UTC(2026, 10, 23, 12, 0, 0, 500);
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const options: ProviderTokenOptions = { key, keyId: 'ABC123DEFG', teamId: 'TEAM123456' };

const HOUR = 60 * MINUTE;

/** Clocks that stand still until they are moved. */
class Clock {
  /** UNIX milliseconds, in truth and for the server. */
  now: number;
  /** How far this machine's wall clock is ahead. */
  wallErrorMs = 0;
  /** How long the monotonic clock has stood still. */
  sleptMs = 0;

  constructor(start: number) {
    this.now = start;
  }

  wall(): number {
    return this.now + this.wallErrorMs;
  }

  monotonic(): number {
    return this.now - START - this.sleptMs;
  }

  sleep(ms: number): void {
    this.now += ms;
    this.sleptMs += ms;
  }
}

function tokenAt(start = START): { token: ProviderToken; clock: Clock } {
  const clock = new Clock(start);
  return { token: new ProviderToken(options, clock), clock };
}

/** What the server says of a token, and what comes of it. */
function send(token: ProviderToken, clock: Clock): 'accepted' | TokenRefresh {
  const authorization = token.authorization();
  const age = clock.now / 1000 - partsOf(authorization).claims.iat;
  if (age >= -300 && age <= 3600) return 'accepted';
  token.noteServerDate(Math.floor(clock.now / 1000) * 1000);
  return token.refresh(authorization);
}

function partsOf(authorization: string): { header: unknown; claims: { iss: string; iat: number } } {
  const [header, claims] = authorization
    .replace(/^bearer /, '')
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString());
  return { header: JSON.parse(header!), claims: JSON.parse(claims!) };
}

const issuedAt = (token: ProviderToken): number => partsOf(token.authorization()).claims.iat;

/** As keys are kept in environment variables, in YAML and by PowerShell. */
function asKept(pem: string): (string | Uint8Array)[] {
  return [
    pem.replaceAll('\n', '\\n'),
    `"${pem.trim().replaceAll('\n', '\\n')}"`,
    pem.replaceAll('\n', ' '),
    pem.replaceAll('\n', ''),
    pem.replaceAll(/^/gm, '      '),
    Buffer.from(`\uFEFF${pem}`, 'utf16le'),
  ];
}

function failure(change: object): ApnsError {
  try {
    new ProviderToken({ ...options, ...change } as ProviderTokenOptions);
  } catch (error) {
    if (error instanceof ApnsError) return error;
    throw error;
  }
  throw new Error('the options were taken');
}

describe('ProviderToken', () => {
  it('signs header and claims so that a verifier of its own accepts them', () => {
    const authorization = tokenAt().token.authorization();
    expect(authorization).toMatch(/^bearer [\w-]+\.[\w-]+\.[\w-]+$/);
    expect(partsOf(authorization)).toEqual({
      header: { alg: 'ES256', kid: 'ABC123DEFG' },
      claims: { iss: 'TEAM123456', iat: Math.floor(START / 1000) },
    });
    const [signed, signature] = authorization.slice('bearer '.length).split(/\.(?=[^.]+$)/);
    const bytes = Buffer.from(signature!, 'base64url');
    // RFC 7518, section 3.4: two numbers of 32 bytes each, not DER.
    expect(bytes).toHaveLength(64);
    const verifier = {
      key: createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })),
      dsaEncoding: 'ieee-p1363',
    } as const;
    expect(verify('sha256', Buffer.from(signed!), verifier, bytes)).toBe(true);
    expect(verify('sha256', Buffer.from(`${signed}x`), verifier, bytes)).toBe(false);
  });

  it('takes the key as bytes, as OpenSSL writes it, and as an environment variable holds it', () => {
    const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
    for (const given of [
      Buffer.from(key),
      new TextEncoder().encode(key),
      sec1,
      `\uFEFF${key}`,
      ...asKept(key),
    ]) {
      expect(new ProviderToken({ ...options, key: given }).authorization()).toMatch(/^bearer /);
    }
  });

  it('signs once for any number of requests', () => {
    const { token, clock } = tokenAt();
    // ECDSA is randomized: a second signature would be another one.
    const first = token.authorization();
    for (let i = 0; i < 1000; i++) {
      clock.now += 2 * 1000;
      expect(token.authorization()).toBe(first);
    }
  });

  it('is the same until it is 50 minutes old', () => {
    const { token, clock } = tokenAt();
    const first = token.authorization();
    clock.now += 50 * MINUTE - 1;
    expect(token.authorization()).toBe(first);
    clock.now += 1;
    expect(token.authorization()).not.toBe(first);
    expect(issuedAt(token)).toBe(Math.floor(clock.now / 1000));
  });

  it('goes by the clocks of the machine unless it is given others', () => {
    const wall = vi.spyOn(Date, 'now').mockReturnValue(START);
    const monotonic = vi.spyOn(performance, 'now').mockReturnValue(5);
    onTestFinished(() => {
      wall.mockRestore();
      monotonic.mockRestore();
    });
    const token = new ProviderToken(options);
    const first = token.authorization();
    expect(issuedAt(token)).toBe(Math.floor(START / 1000));
    monotonic.mockReturnValue(5 + 50 * MINUTE);
    expect(token.authorization()).not.toBe(first);
  });

  it('makes nothing while nobody asks', () => {
    const { token, clock } = tokenAt();
    const first = token.authorization();
    clock.now += 30 * 60 * MINUTE;
    expect(token.authorization()).not.toBe(first);
    expect(issuedAt(token)).toBe(Math.floor(clock.now / 1000));
  });

  it.each([
    ['forward', 3 * HOUR],
    ['back', -3 * HOUR],
  ])('keeps its age when the wall clock is set %s', (_direction, change) => {
    const { token, clock } = tokenAt();
    const first = token.authorization();
    clock.wallErrorMs = change;
    clock.now += 50 * MINUTE - 1;
    expect(token.authorization()).toBe(first);
    clock.now += 1;
    expect(token.authorization()).not.toBe(first);
  });

  it('never shows key or token', () => {
    const { token } = tokenAt();
    const authorization = token.authorization();
    token.noteServerDate(START);
    const shown = [
      inspect(token, { showHidden: true, depth: 9, getters: true }),
      JSON.stringify(token),
      String(token),
      JSON.stringify({ ...token }),
    ].join('\n');
    expect(inspect(token)).toBe('ProviderToken {}');
    expect(shown).not.toContain('bearer');
    for (const secret of [...authorization.split('.'), ...key.split('\n').filter(Boolean)]) {
      expect(shown).not.toContain(secret);
    }
  });
});

describe('ProviderToken.refresh', () => {
  it('refuses before the token is 20 minutes old', () => {
    const { token, clock } = tokenAt();
    const first = token.authorization();
    clock.now += 20 * MINUTE - 1;
    expect(token.refresh(first)).toBe('kept');
    expect(token.authorization()).toBe(first);
    clock.now += 1;
    expect(token.refresh(first)).toBe('replaced');
    expect(token.authorization()).not.toBe(first);
  });

  it('makes one token for all requests that were refused with the same', () => {
    const { token, clock } = tokenAt();
    const first = token.authorization();
    clock.now += 25 * MINUTE;
    expect(token.refresh(first)).toBe('replaced');
    const second = token.authorization();
    for (let i = 0; i < 500; i++) expect(token.refresh(first)).toBe('replaced');
    expect(token.authorization()).toBe(second);
    expect(token.refresh(second)).toBe('kept');
  });

  it.each([
    ['ahead', -2 * 60 * MINUTE],
    ['behind', 2 * 60 * MINUTE],
  ])('replaces a first token at once when the clock turns out to be %s', (_what, skewMs) => {
    const { token, clock } = tokenAt();
    const first = token.authorization();
    clock.now += 1000;
    token.noteServerDate(clock.now + skewMs);
    expect(token.clockSkewMs).toBe(skewMs);
    // Not of its own accord: APNs may still take it.
    expect(token.authorization()).toBe(first);
    expect(token.refresh(first)).toBe('reissued');
    // The other requests that were sent with it go out again, on connections of the new one.
    expect(token.refresh(first)).toBe('replaced');
    expect(issuedAt(token)).toBe(Math.floor((clock.now + skewMs) / 1000));
  });

  it('reissues once in 20 minutes, whatever the dates say', () => {
    const { token, clock } = tokenAt();
    const results: TokenRefresh[] = [];
    for (let i = 1; i <= 19; i++) {
      token.noteServerDate(clock.now + (i % 2 === 0 ? -1 : 1) * i * HOUR);
      results.push(token.refresh(token.authorization()));
      clock.now += MINUTE;
    }
    expect(results.filter((result) => result !== 'kept')).toEqual(['reissued']);
  });

  it('reissues again 20 minutes after it did, even where the token was replaced meanwhile', () => {
    const { token, clock } = tokenAt(START + HOUR);
    let sent = token.authorization();
    const refuse = (skewMs: number): TokenRefresh => {
      token.noteServerDate(clock.now + skewMs);
      const result = token.refresh(sent);
      sent = token.authorization();
      return result;
    };
    expect(refuse(HOUR)).toBe('reissued');
    clock.now += 20 * MINUTE - 1;
    expect(refuse(-HOUR)).toBe('kept');
    clock.now += 1;
    expect(refuse(-HOUR)).toBe('replaced');
    expect(refuse(HOUR)).toBe('reissued');
    clock.now += 20 * MINUTE;
    expect(refuse(-HOUR)).toBe('replaced');
    clock.now += MINUTE;
    expect(refuse(HOUR)).toBe('reissued');
  });

  it.each<[TokenRefresh, number]>([
    ['kept', MINUTE],
    ['reissued', MINUTE + 1],
  ])('is %s after a sleep of %i ms', (result, ms) => {
    const { token, clock } = tokenAt();
    const first = token.authorization();
    clock.sleep(ms);
    expect(token.refresh(first)).toBe(result);
  });

  it('keeps a token that was issued at the right time, whatever it is refused for', () => {
    const { token, clock } = tokenAt();
    const first = token.authorization();
    clock.now += 5 * MINUTE;
    token.noteServerDate(clock.now);
    expect(token.refresh(first)).toBe('kept');
  });

  it('never makes two tokens within 20 minutes that one connection may carry', () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 40 * MINUTE }),
      sleepMs: fc.option(fc.integer({ min: 0, max: 3 * HOUR }), { nil: 0 }),
      wallErrorMs: fc.option(fc.integer({ min: -3 * HOUR, max: 3 * HOUR }), { nil: undefined }),
      refused: fc.boolean(),
      skewMs: fc.option(fc.integer({ min: -90 * MINUTE, max: 90 * MINUTE }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { token, clock } = tokenAt();
        let text = token.authorization();
        let madeAt = clock.monotonic();
        for (const { waitMs, sleepMs, wallErrorMs, refused, skewMs } of steps) {
          clock.now += waitMs;
          clock.sleep(sleepMs);
          clock.wallErrorMs = wallErrorMs ?? clock.wallErrorMs;
          if (skewMs !== undefined) token.noteServerDate(clock.now + skewMs);
          const result = refused ? token.refresh(text) : 'kept';
          const next = token.authorization();
          const now = clock.monotonic();
          if (next !== text) {
            if (result !== 'reissued') expect(now - madeAt).toBeGreaterThanOrEqual(20 * MINUTE);
            text = next;
            madeAt = now;
          }
          expect(now - madeAt).toBeLessThan(50 * MINUTE);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a wall clock that is wrong', () => {
  it('costs nothing once it is right again, when it jumped ahead for a minute', () => {
    const { token, clock } = tokenAt();
    expect(send(token, clock)).toBe('accepted');
    clock.wallErrorMs = 3 * HOUR;
    expect(send(token, clock)).toBe('accepted');
    clock.now += MINUTE;
    clock.wallErrorMs = 0;
    for (let minute = 0; minute < 120; minute++) {
      expect(send(token, clock)).toBe('accepted');
      clock.now += MINUTE;
    }
  });

  it('costs two refusals, when a token is made in the minute of the jump', () => {
    const { token, clock } = tokenAt();
    clock.wallErrorMs = 3 * HOUR;
    expect([send(token, clock), send(token, clock)]).toEqual(['reissued', 'accepted']);
    clock.now += MINUTE;
    clock.wallErrorMs = 0;
    // What was measured with the wrong clock would make the next token wrong.
    expect(token.clockSkewMs).toBeUndefined();
    for (let minute = 0; minute < 120; minute++) {
      expect(send(token, clock)).toBe('accepted');
      clock.now += MINUTE;
    }
  });

  it.each([
    ['ahead', 2 * HOUR],
    ['behind', -2 * HOUR],
  ])('costs one refusal, when it stays two hours %s', (_direction, wallErrorMs) => {
    const { token, clock } = tokenAt();
    token.noteServerDate(clock.now);
    expect(send(token, clock)).toBe('accepted');
    clock.now += MINUTE;
    clock.wallErrorMs = wallErrorMs;
    const refusals: string[] = [];
    for (let minute = 0; minute < 300; minute++) {
      const result = send(token, clock);
      if (result !== 'accepted') refusals.push(result);
      clock.now += MINUTE;
    }
    expect(refusals).toEqual(['reissued']);
  });

  it('costs one refusal after a sleep in which the monotonic clock stood still', () => {
    const { token, clock } = tokenAt();
    expect(send(token, clock)).toBe('accepted');
    for (let night = 0; night < 3; night++) {
      clock.now += MINUTE;
      clock.sleep(8 * HOUR);
      expect([send(token, clock), send(token, clock)]).toEqual(['reissued', 'accepted']);
    }
  });
});

describe('ProviderToken.clockSkewMs', () => {
  it('is not known before a response has told', () => {
    expect(tokenAt().token.clockSkewMs).toBeUndefined();
  });

  it('leaves the time of issue alone up to a minute', () => {
    const { token } = tokenAt();
    token.noteServerDate(START + MINUTE);
    expect(issuedAt(token)).toBe(Math.floor(START / 1000));
  });

  it("issues by the server's time beyond that", () => {
    const { token } = tokenAt();
    token.noteServerDate(START - 10 * MINUTE);
    expect(issuedAt(token)).toBe(Math.floor((START - 10 * MINUTE) / 1000));
  });

  it('renews earlier when the server sees an older token than we do', () => {
    const { token, clock } = tokenAt();
    const first = token.authorization();
    clock.now += 30 * MINUTE;
    token.noteServerDate(clock.now + 15 * MINUTE);
    expect(token.authorization()).toBe(first);
    clock.now += 5 * MINUTE;
    expect(token.authorization()).not.toBe(first);
  });

  it('renews earlier when the server sees a token of the future', () => {
    const { token, clock } = tokenAt();
    clock.wallErrorMs = 2 * HOUR;
    const first = token.authorization();
    clock.now += 20 * MINUTE - 1;
    token.noteServerDate(clock.now);
    expect(token.authorization()).toBe(first);
    clock.now += 1;
    expect(issuedAt(token)).toBe(Math.floor(clock.now / 1000));
  });

  it.each([
    [20.5 * MINUTE, false],
    [21 * MINUTE, false],
    [21 * MINUTE + 1, true],
  ])('takes a token for one of the future a minute ahead and not before: %i ms', (wallErrorMs, isRenewed) => {
    const { token, clock } = tokenAt();
    clock.wallErrorMs = wallErrorMs;
    const first = token.authorization();
    clock.now += 20 * MINUTE;
    token.noteServerDate(clock.now);
    expect(token.authorization() !== first).toBe(isRenewed);
  });

  it('is kept while the wall clock is set by a minute at most', () => {
    const { token, clock } = tokenAt();
    token.noteServerDate(clock.now - 10 * MINUTE);
    clock.wallErrorMs = MINUTE;
    expect(token.clockSkewMs).toBe(-10 * MINUTE);
    clock.wallErrorMs = MINUTE + 1;
    expect(token.clockSkewMs).toBeUndefined();
  });

  it('is forgotten when the wall clock is set', () => {
    const { token, clock } = tokenAt();
    token.noteServerDate(clock.now - 10 * MINUTE);
    clock.now += 10 * MINUTE;
    expect(token.clockSkewMs).toBe(-10 * MINUTE);
    clock.wallErrorMs = -10 * MINUTE;
    expect(token.clockSkewMs).toBeUndefined();
  });

  it('ignores a date that is none', () => {
    const { token } = tokenAt();
    token.noteServerDate(Number.NaN);
    expect(token.clockSkewMs).toBeUndefined();
  });
});

describe('options of ProviderToken', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const pem = (of: typeof rsa): string => of.export({ type: 'pkcs8', format: 'pem' }).toString();
  const encrypted = privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
    .toString();

  it.each<[string, RegExp, object]>([
    ['a path for a key', /contents of the \.p8 file/, { key: './AuthKey_ABC123DEFG.p8' }],
    ['an empty key', /is empty/, { key: '' }],
    ['a public key', /no private key/, { key: publicKey.export({ type: 'spki', format: 'pem' }).toString() }],
    ['an RSA key', /P-256, got rsa/, { key: pem(rsa) }],
    ['a key on another curve', /P-256, got secp384r1/, { key: pem(p384) }],
    ['an encrypted key', /is encrypted: give the \.p8 key/, { key: encrypted }],
    ['the key of a certificate', /rsa: give the \.p8 key/, { key: pem(rsa) }],
    ['a certificate', /a certificate but no private key.*tls\.cert/, { key: mintAuthority().cert }],
    ['PEM in base64', /decode it first/, { key: Buffer.from(key).toString('base64') }],
    ['a team id for a key id', /are the same/, { keyId: options.teamId }],
    ['a damaged key', /cannot be read/, { key: key.replace(/\n.{3}/, '\n!!!') }],
    ['a short key id', /^providerToken\.keyId must be 10 letters and digits/, { keyId: 'ABC123' }],
    ['a key id with a space', /10 letters and digits/, { keyId: 'ABC123DEF ' }],
    [
      'a short key id, with its length',
      /letters and digits, got 6 characters: take it from/,
      { keyId: 'ABC123' },
    ],
    ['a key id with a hyphen', /letters and digits, got another character: take/, { keyId: 'ABC123-EFG' }],
    ['a long team id', /^providerToken\.teamId must be 10 letters and digits/, { teamId: 'TEAM1234567' }],
    ['an empty team id', /10 letters and digits/, { teamId: '' }],
  ])('refuses %s as credentials', (_what, message, change) => {
    const error = failure(change);
    expect(error.code).toBe('APNS_ERR_BAD_CREDENTIALS');
    expect(error.message).toMatch(message);
    expect(inspect(error, { depth: 9 })).not.toContain(key.split('\n')[1]);
  });

  it.each<[string, string, object]>([
    ['a key that is missing', 'key', { key: undefined }],
    ['a key id that is a number', 'keyId', { keyId: 1_234_567_890 }],
    ['a team id that is missing', 'teamId', { teamId: undefined }],
    ['an unknown option', 'path', { path: './key.p8' }],
  ])('refuses %s as an option, and names providerToken.%s', (_what, name, change) => {
    const { code, message } = failure(change);
    expect(code).toBe('APNS_ERR_INVALID_OPTION');
    expect(message.split(' ')[0]).toBe(`providerToken.${name}`);
  });

  it('refuses anything that is no options object', () => {
    for (const given of [undefined, null, 'key', []]) {
      expect(() => new ProviderToken(given as unknown as ProviderTokenOptions)).toThrow(ApnsError);
    }
  });
});

describe('isTokenRefusal', () => {
  it.each([
    ['ExpiredProviderToken', true],
    ['InvalidProviderToken', true],
    ['MissingProviderToken', false],
    ['TooManyProviderTokenUpdates', false],
  ])('says of %s: %s', (reason, isRefusal) => {
    expect(isTokenRefusal(reason)).toBe(isRefusal);
  });
});
