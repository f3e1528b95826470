import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProviderToken, type ProviderTokenOptions } from '../../src/connection/provider-token.js';
import { ApnsError } from '../../src/errors.js';

const MINUTE = 60_000;
const START = Date.UTC(2026, 10, 23, 12, 0, 0, 500);
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const options: ProviderTokenOptions = { key, keyId: 'ABC123DEFG', teamId: 'TEAM123456' };

/** A token over a clock that stands still until it is moved. */
function tokenAt(start = START): { token: ProviderToken; clock: { now: number } } {
  const clock = { now: start };
  return { token: new ProviderToken(options, () => clock.now), clock };
}

function partsOf(authorization: string): { header: unknown; claims: { iss: string; iat: number } } {
  const [header, claims] = authorization
    .replace(/^bearer /, '')
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString());
  return { header: JSON.parse(header!), claims: JSON.parse(claims!) };
}

const issuedAt = (token: ProviderToken): number => partsOf(token.authorization).claims.iat;

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
    const { authorization } = tokenAt().token;
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

  it('takes the key as bytes, and as OpenSSL writes it', () => {
    const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
    for (const given of [Buffer.from(key), new TextEncoder().encode(key), sec1, `\uFEFF${key}`]) {
      expect(new ProviderToken({ ...options, key: given }).authorization).toMatch(/^bearer /);
    }
  });

  it('signs once for any number of requests', () => {
    const { token, clock } = tokenAt();
    // ECDSA is randomized: a second signature would be another one.
    const first = token.authorization;
    for (let i = 0; i < 1000; i++) {
      clock.now += 2 * 1000;
      expect(token.authorization).toBe(first);
    }
  });

  it('is the same until it is 50 minutes old', () => {
    const { token, clock } = tokenAt();
    const first = token.authorization;
    clock.now += 50 * MINUTE - 1;
    expect(token.authorization).toBe(first);
    clock.now += 1;
    expect(token.authorization).not.toBe(first);
    expect(issuedAt(token)).toBe(Math.floor(clock.now / 1000));
  });

  it('makes nothing while nobody asks', () => {
    const { token, clock } = tokenAt();
    const first = token.authorization;
    clock.now += 30 * 60 * MINUTE;
    expect(token.authorization).not.toBe(first);
    expect(issuedAt(token)).toBe(Math.floor(clock.now / 1000));
  });

  it.each([
    ['forward', 3 * 60 * MINUTE],
    ['back', -3 * 60 * MINUTE],
  ])('makes another one when the clock is set %s', (_direction, change) => {
    const { token, clock } = tokenAt();
    const first = token.authorization;
    clock.now += change;
    expect(token.authorization).not.toBe(first);
  });

  it('never shows key or token', () => {
    const { token } = tokenAt();
    const { authorization } = token;
    token.noteServerDate(START);
    const shown = [
      inspect(token, { showHidden: true, depth: 9, getters: true }),
      JSON.stringify(token),
      String(token),
      JSON.stringify({ ...token }),
    ].join('\n');
    expect(shown).not.toContain('bearer');
    for (const secret of [...authorization.split('.'), ...key.split('\n').filter(Boolean)]) {
      expect(shown).not.toContain(secret);
    }
  });
});

describe('ProviderToken.refresh', () => {
  it('refuses before the token is 20 minutes old', () => {
    const { token, clock } = tokenAt();
    const first = token.authorization;
    clock.now += 20 * MINUTE - 1;
    expect(token.refresh(first)).toBe(false);
    expect(token.authorization).toBe(first);
    clock.now += 1;
    expect(token.refresh(first)).toBe(true);
    expect(token.authorization).not.toBe(first);
  });

  it('makes one token for all requests that were refused with the same', () => {
    const { token, clock } = tokenAt();
    const first = token.authorization;
    clock.now += 25 * MINUTE;
    expect(token.refresh(first)).toBe(true);
    const second = token.authorization;
    for (let i = 0; i < 500; i++) expect(token.refresh(first)).toBe(true);
    expect(token.authorization).toBe(second);
    expect(token.refresh(second)).toBe(false);
  });

  it.each([
    ['ahead', -2 * 60 * MINUTE],
    ['behind', 2 * 60 * MINUTE],
  ])('replaces a first token at once when the clock turns out to be %s', (_what, skewMs) => {
    const { token, clock } = tokenAt();
    const first = token.authorization;
    clock.now += 1000;
    token.noteServerDate(clock.now + skewMs);
    expect(token.clockSkewMs).toBe(skewMs);
    // Not of its own accord: APNs may still take it.
    expect(token.authorization).toBe(first);
    expect(token.refresh(first)).toBe(true);
    expect(issuedAt(token)).toBe(Math.floor((clock.now + skewMs) / 1000));
  });

  it('does so once, whatever the dates say then', () => {
    const { token, clock } = tokenAt();
    token.noteServerDate(clock.now + 2 * 60 * MINUTE);
    for (let i = 1; i <= 20; i++) {
      const before = token.authorization;
      token.noteServerDate(clock.now + (i % 2 === 0 ? -1 : 1) * i * 60 * MINUTE);
      expect(token.refresh(before)).toBe(false);
      expect(token.authorization).toBe(before);
    }
  });

  it('never makes two tokens within 20 minutes, but for that first one', () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 40 * MINUTE }),
      refused: fc.boolean(),
      skewMs: fc.option(fc.integer({ min: -90 * MINUTE, max: 90 * MINUTE }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { token, clock } = tokenAt();
        const made: { text: string; at: number }[] = [{ text: token.authorization, at: clock.now }];
        for (const { waitMs, refused, skewMs } of steps) {
          clock.now += waitMs;
          if (skewMs !== undefined) token.noteServerDate(clock.now + skewMs);
          if (refused) token.refresh(made.at(-1)!.text);
          const text = token.authorization;
          if (text !== made.at(-1)!.text) made.push({ text, at: clock.now });
          expect(clock.now - made.at(-1)!.at).toBeLessThan(50 * MINUTE);
        }
        const early = made.filter(({ at }, i) => i > 0 && at - made[i - 1]!.at < 20 * MINUTE);
        expect(early.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 50 },
    );
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
    const first = token.authorization;
    clock.now += 30 * MINUTE;
    token.noteServerDate(clock.now + 15 * MINUTE);
    expect(token.authorization).toBe(first);
    clock.now += 5 * MINUTE;
    expect(token.authorization).not.toBe(first);
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
    ['an empty key', /not PEM/, { key: '' }],
    ['a public key', /no private key/, { key: publicKey.export({ type: 'spki', format: 'pem' }).toString() }],
    ['an RSA key', /P-256, got rsa/, { key: pem(rsa) }],
    ['a key on another curve', /P-256, got secp384r1/, { key: pem(p384) }],
    ['an encrypted key', /encrypted/, { key: encrypted }],
    ['a damaged key', /can be read/, { key: key.replace(/\n.{3}/, '\n!!!') }],
    ['a key whose newlines are escaped', /\\n/, { key: key.replaceAll('\n', '\\n') }],
    ['a short key id', /10 letters and digits/, { keyId: 'ABC123' }],
    ['a key id with a space', /10 letters and digits/, { keyId: 'ABC123DEF ' }],
    ['a long team id', /10 letters and digits/, { teamId: 'TEAM1234567' }],
    ['an empty team id', /10 letters and digits/, { teamId: '' }],
  ])('refuses %s as credentials', (_what, message, change) => {
    const error = failure(change);
    expect(error.code).toBe('APNS_ERR_BAD_CREDENTIALS');
    expect(error.message).toMatch(message);
    expect(inspect(error, { depth: 9 })).not.toContain(key.split('\n')[1]);
  });

  it.each<[string, object]>([
    ['a key that is missing', { key: undefined }],
    ['a key id that is a number', { keyId: 1_234_567_890 }],
    ['a team id that is missing', { teamId: undefined }],
    ['an unknown option', { path: './key.p8' }],
  ])('refuses %s as an option', (_what, change) => {
    expect(failure(change).code).toBe('APNS_ERR_INVALID_OPTION');
  });

  it('refuses anything that is no options object', () => {
    for (const given of [undefined, null, 'key', []]) {
      expect(() => new ProviderToken(given as unknown as ProviderTokenOptions)).toThrow(ApnsError);
    }
  });
});
