import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inFlags } from '../../src/cli/output/format-error.js';
import { loadCredentials, type TlsCredentialOptions } from '../../src/connection/credentials.js';
import { dial } from '../../src/connection/dial.js';
import { certificateOf } from '../../src/connection/pkcs12.js';
import { resolveTarget } from '../../src/connection/target.js';
import { ApnsError } from '../../src/core/errors.js';
import {
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
} from '../../src/simulator/pki/certificates.js';
import { authority, listenTls } from '../support/loopback.js';
import { exportPkcs12 } from '../support/pkcs12.js';
import { mintRsaCertificate } from '../support/rsa-certificate.js';

const PASSPHRASE = 'correct horse';
const client = mintClientCertificate(authority);
const other = mintClientCertificate(authority);
const encryptedKey = createPrivateKey(client.key)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE })
  .toString();
const pfx = exportPkcs12(client, PASSPHRASE);
const oldEncryptedKey = createPrivateKey(client.key)
  .export({ type: 'sec1', format: 'pem', cipher: 'aes-128-cbc', passphrase: PASSPHRASE })
  .toString();
/** The cipher decides before the contents do. */
const desKey = oldEncryptedKey.replace(/AES-128-CBC,.{16}.*/, 'DES-CBC,0123456789ABCDEF');
const keyInDer = createPrivateKey(client.key).export({ type: 'pkcs8', format: 'der' });
const rsa = mintRsaCertificate();
const der = new X509Certificate(client.cert).raw;
/** With a public key that is no point on its curve. */
const pointless = Buffer.from(der);
const spki = createPublicKey(client.key).export({ type: 'spki', format: 'der' });
pointless[pointless.indexOf(spki) + spki.length - 1]! ^= 1;
const DAY = 86_400_000;
const expired = mintClientCertificate(authority, {
  validFrom: new Date(0),
  validTo: new Date(Date.now() - DAY),
});

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
    [
      'an old encrypted key in one line',
      { cert: client.cert, key: inOneLine(oldEncryptedKey), passphrase: PASSPHRASE },
    ],
    ['a PKCS#12 file', { pfx, passphrase: PASSPHRASE }],
    ['a certificate in DER, as Apple gives out aps.cer', { cert: der, key: client.key }],
    ['an authority in DER', { ca: new X509Certificate(authority.cert).raw }],
    ['the authority before the leaf', { cert: authority.cert + client.cert, key: client.key }],
    [
      'a key of each kind beside its certificate',
      { cert: [client.cert, rsa.cert], key: [rsa.key, client.key] },
    ],
    ['no certificate and no key in arrays', { cert: [], key: [] }],
  ])('takes %s', (_what, options) => {
    expect(() => loadCredentials(options)).not.toThrow();
  });

  it.each<[string, (pem: string) => string | Uint8Array]>([
    ['with literal \\n for line breaks, as in an environment variable', (pem) => pem.replaceAll('\n', '\\n')],
    ['with literal \\r\\n for line breaks', (pem) => pem.replaceAll('\n', '\\r\\n')],
    ['in one line', inOneLine],
    ['indented, as in YAML', (pem) => pem.replaceAll(/^/gm, '    ')],
    ['in quotes', (pem) => `"${pem.replaceAll('\n', '\\n')}"\n`],
    ['in UTF-16 with a byte order mark', (pem) => Buffer.from(`\uFEFF${pem}`, 'utf16le')],
    ['in UTF-16, big endian', (pem) => Buffer.from(`\uFEFF${pem}`, 'utf16le').swap16()],
    ['with a byte order mark in UTF-8', (pem) => Buffer.from(`\uFEFF${pem}`)],
    ['in lines of another length', rewrapped],
  ])('takes certificate, key and authorities %s', (_how, write) => {
    const cert = write(client.cert);
    const ca = write(authority.cert + authority.cert);
    for (const key of [client.key, encryptedKey]) {
      expect(() => loadCredentials({ cert, key: write(key), ca, passphrase: PASSPHRASE })).not.toThrow();
    }
  });

  it('puts the leaf of a chain first, and what issued it behind', () => {
    const unrelated = mintAuthority({ commonName: 'unrelated' });
    const { cert, key } = client;
    const context = loadCredentials({ cert: unrelated.cert + authority.cert + cert, key });
    expect(certificateOf(context)?.raw).toEqual(der);
  });

  it('sends the whole chain in the handshake', async () => {
    const issued = withResolvers<boolean>();
    // What this side trusts, OpenSSL would send by itself.
    const others = mintAuthority();
    const server = { ...mintServerCertificate(others), ca: others.cert };
    const port = await listenTls(
      (socket) => {
        const certificate = socket.getPeerX509Certificate();
        const issuer = certificate?.issuerCertificate;
        issued.resolve(issuer !== undefined && certificate!.checkIssued(issuer));
      },
      { ...server, requestCert: true, rejectUnauthorized: false },
    );
    const cert = [authority.cert + client.cert];
    const tls = { cert, key: client.key, ca: others.cert };
    const socket = await dial(resolveTarget({ host: '127.0.0.1', port, tls }, 'gateway'));
    onTestFinished(() => void socket.destroy());
    expect(await issued.promise).toBe(true);
  });

  it.each<[string, RegExp, unknown]>([
    [
      'a certificate beside no key in an array',
      /^tls\.cert requires tls\.key/,
      { cert: client.cert, key: [] },
    ],
    ['a certificate without a key', /^tls\.cert requires tls\.key/, { cert: client.cert }],
    ['a key without a certificate', /^tls\.key requires tls\.cert/, { key: client.key }],
    ['a PKCS#12 file beside PEM', /^tls\.pfx replaces/, { pfx, cert: client.cert, key: client.key }],
    ['a PKCS#12 file beside a certificate', /^tls\.pfx replaces/, { pfx, cert: client.cert }],
    ['a PKCS#12 file beside a key', /^tls\.pfx replaces/, { pfx, key: client.key }],
    ['a PKCS#12 file as text', /^tls\.pfx must be the bytes/, { pfx: pfx.toString('latin1') }],
    ['a certificate that is a number', /^tls\.cert must be PEM/, { cert: 1, key: client.key }],
    ['an authority that is an object', /^tls\.ca must be PEM/, { ca: {} }],
    [
      'a passphrase in bytes',
      /^tls\.passphrase must be a string/,
      { ...client, passphrase: Buffer.from(PASSPHRASE) },
    ],
    ['switched-off checks', /cannot be switched off/, { rejectUnauthorized: false }],
    ['checks of its own', /cannot be switched off/, { checkServerIdentity: () => undefined }],
    ['an unknown name', /^tls\.ciphers is not an option/, { ciphers: 'ALL' }],
  ])('refuses %s as an option', (_what, message, options) => {
    const error = failure(options);
    expect(error.code).toBe('APNS_ERR_INVALID_OPTION');
    expect(error.message).toMatch(message);
  });

  it.each<[string, RegExp, TlsCredentialOptions]>([
    ['a path for a certificate', /contents of the file/, { cert: './cert.pem', key: client.key }],
    ['a path for a key', /contents of the file/, { cert: client.cert, key: './key.pem' }],
    ['a path for an authority', /contents of the file/, { ca: './ca.pem' }],
    ['a PKCS#12 file for a certificate', /tls\.pfx/, { cert: pfx, key: client.key }],
    [
      'a damaged certificate',
      /^tls\.cert: the certificate cannot be read/,
      { cert: damaged(client.cert), key: client.key },
    ],
    ['a damaged authority', /tls\.ca/, { ca: damaged(authority.cert) }],
    ['a damaged key', /tls\.key/, { cert: client.cert, key: damaged(client.key) }],
    ['a key for a certificate', /tls\.cert/, { cert: client.key, key: client.key }],
    ['a certificate for a key', /tls\.key/, { cert: client.cert, key: client.cert }],
    [
      'the key of another certificate',
      /is not the key of tls\.cert: give/,
      { cert: client.cert, key: other.key },
    ],
    ['an encrypted key alone', /give its tls\.passphrase/, { cert: client.cert, key: encryptedKey }],
    ['a wrong passphrase', /is wrong/, { cert: client.cert, key: encryptedKey, passphrase: 'guess' }],
    ['a PKCS#12 file without its passphrase', /give its tls\.passphrase/, { pfx }],
    ['a PKCS#12 file with a wrong one', /is wrong/, { pfx, passphrase: 'guess' }],
    [
      'a key that is damaged where it is encrypted',
      /tls\.passphrase is wrong, or the file is damaged/,
      {
        cert: client.cert,
        key: damaged(encryptedKey),
        passphrase: PASSPHRASE,
      },
    ],
    [
      'a key with text that looks encrypted',
      /is damaged/,
      { cert: client.cert, key: relabel('-----BEGIN X-----\nno Proc-Type:\n-----END X-----', 'PRIVATE KEY') },
    ],
    ['PEM for a PKCS#12 file', /contains PEM, not PKCS#12/, { pfx: Buffer.from(client.cert) }],
    [
      'a PKCS#12 file cut short',
      /is not a readable PKCS#12 file/,
      { pfx: pfx.subarray(0, 300), passphrase: PASSPHRASE },
    ],
    ['nothing for a PKCS#12 file', /PKCS#12/, { pfx: Buffer.alloc(0) }],
    [
      'an EC key for an RSA certificate',
      /another type \(rsa, not ec\).*providerToken/,
      { cert: rsa.cert, key: client.key },
    ],
    [
      'an RSA key for an EC certificate',
      /another type \(ec, not rsa\).* made with$/,
      { cert: client.cert, key: rsa.key },
    ],
    [
      'a certificate in DER for a key',
      /tls\.key is a certificate.*give it as tls\.cert/,
      { cert: client.cert, key: der },
    ],
    ['a key in DER', /tls\.key is in DER.*openssl pkey/, { cert: client.cert, key: keyInDer }],
    [
      'a signing request for a certificate',
      /a certificate signing request but no certificate/,
      { cert: relabel(client.cert, 'CERTIFICATE REQUEST'), key: client.key },
    ],
    [
      'a public key for a key',
      /a public key but no private key/,
      { cert: client.cert, key: relabel(client.key, 'PUBLIC KEY') },
    ],
    [
      'PEM in base64',
      /base64: decode it/,
      { cert: client.cert, key: Buffer.from(client.key).toString('base64') },
    ],
    [
      'a key without its first and last line',
      /without the "-----BEGIN"/,
      { cert: client.cert, key: client.key.replaceAll(/-----.*-----/g, '') },
    ],
    ['a key cut off', /tls\.key is incomplete/, { cert: client.cert, key: client.key.slice(0, -20) }],
    ['an empty key', /tls\.key is empty/, { cert: client.cert, key: ' \n' }],
    [
      'a key encrypted with DES',
      /DES or RC2.*openssl pkey -provider legacy/,
      { cert: client.cert, key: desKey, passphrase: PASSPHRASE },
    ],
    [
      'an unreadable certificate among authorities',
      /tls\.ca: certificate 2 of 3 cannot be read/,
      { ca: authority.cert + damaged(authority.cert) + authority.cert },
    ],
    ['authorities cut off', /tls\.ca is incomplete/, { ca: authority.cert + authority.cert.slice(0, -30) }],
    ['a key for an authority', /tls\.ca contains a private key but no certificate/, { ca: authority.key }],
    [
      'a PKCS#12 file without a private key',
      /tls\.pfx contains no private key/,
      { pfx: exportPkcs12({ cert: client.cert }, PASSPHRASE), passphrase: PASSPHRASE },
    ],
    [
      'a PKCS#12 file without a certificate',
      /tls\.pfx contains no certificate/,
      { pfx: exportPkcs12({ key: client.key }, PASSPHRASE), passphrase: PASSPHRASE },
    ],
    [
      'a PKCS#12 file with the certificate of another key',
      /tls\.pfx contains no certificate that belongs to its key/,
      { pfx: exportPkcs12({ cert: rsa.cert, key: client.key }, PASSPHRASE), passphrase: PASSPHRASE },
    ],
    [
      'a PKCS#12 file with an expired certificate',
      /certificate in tls\.pfx expired on/,
      { pfx: exportPkcs12(expired, PASSPHRASE), passphrase: PASSPHRASE },
    ],
    ['a certificate in DER for a PKCS#12 file', /tls\.pfx is a certificate/, { pfx: der }],
    [
      'a certificate with a damaged public key',
      /public key that cannot be read/,
      { cert: pointless, key: client.key },
    ],
    ['a key that is too short', /too weak/, mintRsaCertificate(512)],
    [
      'a PKCS#12 file of old',
      /openssl pkcs12 -legacy/,
      { pfx: exportPkcs12(client, PASSPHRASE, 'legacy'), passphrase: PASSPHRASE },
    ],
    ['an expired certificate', /certificate in tls\.cert expired/, expired],
    [
      'a certificate of tomorrow',
      /not valid before/,
      mintClientCertificate(authority, { validFrom: new Date(Date.now() + DAY) }),
    ],
  ])('refuses %s and says so', (_what, message, options) => {
    const error = failure(options);
    expect(error.code).toBe('APNS_ERR_BAD_CREDENTIALS');
    expect(error.message).toMatch(message);
    // The command knows the options by other names.
    expect(inFlags(error.message)).not.toMatch(/\btls\.|providerToken/);
    const shown = inspect(error, { depth: 9, showHidden: true });
    expect(shown).not.toMatch(new RegExp(`${PASSPHRASE}|guess`));
    expect(shown).not.toContain(client.key.split('\n')[1]);
  });

  it('shows nothing of the key in its result', () => {
    const context = loadCredentials({ cert: client.cert, key: encryptedKey, passphrase: PASSPHRASE });
    expect(inspect(context, { depth: 9, showHidden: true })).not.toMatch(/BEGIN|correct horse/);
  });
});

function withResolvers<T>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

function inOneLine(pem: string): string {
  return pem.replaceAll('\n', ' ');
}

function rewrapped(pem: string): string {
  return pem.replaceAll(
    /(-----BEGIN.*-----\n)([^-]+)/g,
    (_block, begin, body: string) => begin + body.replaceAll('\n', '').replaceAll(/.{1,5}/g, '$&\r\n'),
  );
}

/** The same contents under another name. */
function relabel(pem: string, label: string): string {
  return pem.replaceAll(/(BEGIN|END) [A-Z ]+/g, `$1 ${label}`);
}

/** PEM whose second line is not what it was. */
function damaged(pem: string): string {
  const lines = pem.split('\n');
  return [lines[0], 'AAAA', ...lines.slice(2)].join('\n');
}
