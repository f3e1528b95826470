/** Keys and certificates: PEM, and the options that carry it. No key may show in an error. */
import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { loadCredentials } from '../../../src/connection/credentials.js';
import { ProviderToken } from '../../../src/connection/provider-token.js';
import { mintAuthority, mintClientCertificate } from '../../../src/simulator/pki/certificates.js';
import { decodeWhole, type FuzzTarget, thrownBy } from '../fuzz-target.js';

const IDS = { keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ' };

/** Keys that do, and some that a person might take for one. They are made anew for every run. */
function privateKeys(): readonly string[] {
  const pem = (key: { privateKey: { export(how: object): string | Buffer } }, type: string): string =>
    String(key.privateKey.export({ type, format: 'pem' }));
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return [pem(p256, 'pkcs8'), pem(p256, 'sec1')];
}

const KEYS = privateKeys();

const PEM_DICTIONARY = [
  ...[
    '-----BEGIN PRIVATE KEY-----\n',
    '-----END PRIVATE KEY-----\n',
    '-----BEGIN CERTIFICATE-----',
    '\\n',
    '\r\n',
  ],
  ...['ENCRYPTED', 'A', '=', '==', '\0', '-----', '\ufeff', 'Proc-Type: 4,ENCRYPTED\n'],
];

const PROVIDER_KEY: FuzzTarget = {
  name: 'provider-key',
  about: 'the .p8 key of provider tokens, PEM',
  golden: KEYS.map((text) => Buffer.from(text)),
  maxHeldBytes: 32 * 1024,
  dictionary: PEM_DICTIONARY,
  whole: true,
  open: (tell) => decodeWhole((input) => tell(tokenForm({ key: input, ...IDS }))),
  law: (input) => leak(input.toString('latin1'), () => new ProviderToken({ key: input, ...IDS })),
};

const authority = mintAuthority();
const client = mintClientCertificate(authority, { topic: 'com.example.app' });

/** Options as JSON: what a caller in JavaScript can give, of any type and name. */
const OPTIONS: FuzzTarget = {
  name: 'credential-options',
  about: 'the options of provider tokens and of TLS, of any name and type',
  golden: [
    { providerToken: { key: KEYS[0], ...IDS } },
    { tls: { cert: client.cert, key: client.key, ca: authority.cert } },
    { tls: { ca: [authority.cert, authority.cert], servername: 'a' } },
  ].map((options) => Buffer.from(JSON.stringify(options))),
  maxHeldBytes: 256 * 1024,
  dictionary: [
    ...PEM_DICTIONARY,
    ...['"key":', '"keyId":"', '"teamId":null,', '"cert":[],', '"pfx":"a",', '"passphrase":1,', '"ca":[{}]'],
    ...['{', '}', '[', ']', '"', ',', 'null', '"rejectUnauthorized":false,', '"__proto__":{},'],
  ],
  whole: true,
  open: (tell) => decodeWhole((input) => tell(readOptions(input))),
  law: (input) => leak(input.toString('latin1'), () => readOptions(input)),
};

export const CREDENTIAL_TARGETS: readonly FuzzTarget[] = [PROVIDER_KEY, OPTIONS];

/** What a provider token looks like, without what is different every time. */
function tokenForm(options: ConstructorParameters<typeof ProviderToken>[0]): string {
  const clock = { wall: () => 0, monotonic: () => 0 };
  const authorization = new ProviderToken(options, clock).authorization();
  if (!/^bearer [\w-]+\.[\w-]+\.[\w-]{86}$/.test(authorization))
    throw new Error(`no token: ${authorization}`);
  return authorization.slice(0, authorization.lastIndexOf('.'));
}

function readOptions(input: Buffer): string {
  let options: { readonly providerToken?: never; readonly tls?: object } | null;
  try {
    options = JSON.parse(input.toString());
  } catch {
    return 'no JSON';
  }
  if (options === null || typeof options !== 'object') return 'no options';
  if ('providerToken' in options) return tokenForm(options.providerToken as never);
  if (!('tls' in options)) return 'no credentials';
  loadCredentials(options.tls);
  return 'tls';
}

/** Looks for a piece of what was given that no message has any use for. */
function leak(given: string, call: () => unknown): string | undefined {
  const error = thrownBy(() => void call());
  if (error === undefined) return undefined;
  const shown = inspect(error, { depth: 8, showHidden: true });
  const pieces = given.match(/[A-Za-z0-9+/]{24,64}/g) ?? [];
  return pieces.some((piece) => shown.includes(piece)) ? 'an error shows a part of the key' : undefined;
}
