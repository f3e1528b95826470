import { createPrivateKey } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadCredentials, type TlsCredentialOptions } from '../../src/connection/credentials.js';
import { ApnsError } from '../../src/errors.js';
import { mintClientCertificate } from '../../src/simulator/certificates.js';
import { authority } from '../support/loopback.js';
import { exportPkcs12 } from '../support/pkcs12.js';

const PASSPHRASE = 'correct horse';
const client = mintClientCertificate(authority);
const other = mintClientCertificate(authority);
const encryptedKey = createPrivateKey(client.key)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE })
  .toString();
const pfx = exportPkcs12(client, PASSPHRASE);
const DAY = 86_400_000;

function failure(options: unknown): ApnsError {
  try {
    loadCredentials(options as TlsCredentialOptions);
  } catch (error) {
    if (error instanceof ApnsError) return error;
    throw error;
  }
  throw new Error('the credentials were taken');
}

describe('loadCredentials', () => {
  it.each<[string, TlsCredentialOptions | undefined]>([
    ['nothing', undefined],
    ['an authority', { ca: authority.cert }],
    ['text', client],
    ['bytes', { cert: Buffer.from(client.cert), key: new TextEncoder().encode(client.key) }],
    ['arrays', { cert: [client.cert], key: [client.key], ca: [authority.cert, authority.cert] }],
    ['a chain', { cert: client.cert + authority.cert, key: client.key }],
    ['an encrypted key', { cert: client.cert, key: encryptedKey, passphrase: PASSPHRASE }],
    ['a PKCS#12 file', { pfx, passphrase: PASSPHRASE }],
  ])('takes %s', (_what, options) => {
    expect(() => loadCredentials(options)).not.toThrow();
  });

  it.each<[string, unknown]>([
    ['a certificate without a key', { cert: client.cert }],
    ['a key without a certificate', { key: client.key }],
    ['a PKCS#12 file beside PEM', { pfx, cert: client.cert, key: client.key }],
    ['a PKCS#12 file as text', { pfx: pfx.toString('latin1') }],
    ['a certificate that is a number', { cert: 1, key: client.key }],
    ['an authority that is an object', { ca: {} }],
    ['a passphrase in bytes', { ...client, passphrase: Buffer.from(PASSPHRASE) }],
  ])('refuses %s as an option', (_what, options) => {
    expect(failure(options).code).toBe('APNS_ERR_INVALID_OPTION');
  });

  it.each<[string, RegExp, TlsCredentialOptions]>([
    ['a path for a certificate', /contents of the file/, { cert: './cert.pem', key: client.key }],
    ['a path for a key', /contents of the file/, { cert: client.cert, key: './key.pem' }],
    ['a path for an authority', /contents of the file/, { ca: './ca.pem' }],
    ['a PKCS#12 file for a certificate', /tls\.pfx/, { cert: pfx, key: client.key }],
    ['a damaged certificate', /tls\.cert/, { cert: damaged(client.cert), key: client.key }],
    ['a damaged authority', /tls\.ca/, { ca: damaged(authority.cert) }],
    ['a damaged key', /tls\.key/, { cert: client.cert, key: damaged(client.key) }],
    ['a key for a certificate', /tls\.cert/, { cert: client.key, key: client.key }],
    ['a certificate for a key', /tls\.key/, { cert: client.cert, key: client.cert }],
    ['the key of another certificate', /not the key of tls\.cert/, { cert: client.cert, key: other.key }],
    ['an encrypted key alone', /give its tls\.passphrase/, { cert: client.cert, key: encryptedKey }],
    ['a wrong passphrase', /is wrong/, { cert: client.cert, key: encryptedKey, passphrase: 'guess' }],
    ['a PKCS#12 file without its passphrase', /give its tls\.passphrase/, { pfx }],
    ['a PKCS#12 file with a wrong one', /is wrong/, { pfx, passphrase: 'guess' }],
    ['PEM for a PKCS#12 file', /PKCS#12/, { pfx: Buffer.from(client.cert) }],
    ['a PKCS#12 file cut short', /PKCS#12/, { pfx: pfx.subarray(0, 300), passphrase: PASSPHRASE }],
    ['nothing for a PKCS#12 file', /PKCS#12/, { pfx: Buffer.alloc(0) }],
    [
      'a PKCS#12 file of old',
      /openssl pkcs12 -legacy/,
      { pfx: exportPkcs12(client, PASSPHRASE, 'legacy'), passphrase: PASSPHRASE },
    ],
    [
      'an expired certificate',
      /expired/,
      mintClientCertificate(authority, { validFrom: new Date(0), validTo: new Date(Date.now() - DAY) }),
    ],
    [
      'a certificate of tomorrow',
      /not valid before/,
      mintClientCertificate(authority, { validFrom: new Date(Date.now() + DAY) }),
    ],
  ])('refuses %s and says so', (_what, message, options) => {
    const error = failure(options);
    expect(error.code).toBe('APNS_ERR_BAD_CREDENTIALS');
    expect(error.message).toMatch(message);
    const shown = inspect(error, { depth: 9, showHidden: true });
    expect(shown).not.toMatch(new RegExp(`${PASSPHRASE}|guess`));
    expect(shown).not.toContain(client.key.split('\n')[1]);
  });

  it('shows nothing of the key in its result', () => {
    const context = loadCredentials({ cert: client.cert, key: encryptedKey, passphrase: PASSPHRASE });
    expect(inspect(context, { depth: 9, showHidden: true })).not.toMatch(/BEGIN|correct horse/);
  });
});

/** PEM whose second line is not what it was. */
function damaged(pem: string): string {
  const lines = pem.split('\n');
  return [lines[0], 'AAAA', ...lines.slice(2)].join('\n');
}
