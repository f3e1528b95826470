/**
 * Creates certificates for loopback: an authority, and the certificates of a gateway and its clients.
 *
 * node:crypto makes keys and signatures but no certificates, so they are written here (RFC 5280) and
 * signed there. Made to be wrong as easily as right: dates, hosts and issuer are the caller's choice.
 */
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { SIMULATOR_ORGANIZATION } from '../../connection/simulator-authority.js';
import {
  derBitString,
  derConstructed,
  derInteger,
  derNamedBits,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derPrimitive,
  derSequence,
  derSet,
  derTime,
  derTrue,
  derUtf8String,
} from './der.js';

/** A certificate and its private key, both PEM (the key is PKCS#8, elliptic curve P-256 unless RSA was requested). */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

/** An authority that issues certificates, as {@link mintAuthority} returns it. */
export interface Authority extends CertificateAndKey {
  readonly commonName: string;
}

/** When a certificate is valid. */
export interface Validity {
  /** @default five minutes ago, for clocks that run apart */
  readonly validFrom?: Date;
  /** @default ten years from now */
  readonly validTo?: Date;
}

/** Options of {@link mintAuthority}. */
export interface AuthorityOptions extends Validity {
  /** @default 'apns-streams simulator CA' */
  readonly commonName?: string;
}

/** Options of {@link mintServerCertificate}: the hosts of the certificate, and its validity. */
export interface ServerCertificateOptions extends Validity {
  /** Host names and IP addresses the certificate is for. @default localhost, 127.0.0.1 and ::1 */
  readonly hosts?: readonly string[];
}

/** Options of {@link mintClientCertificate}: the apps of the certificate, and its validity. */
export interface ClientCertificateOptions extends Validity {
  /** The app's bundle identifier. @default 'com.example.app' */
  readonly topic?: string;
  /** Further topics; with any, the certificate lists them all, as Apple's multi-topic ones do. */
  readonly topics?: readonly string[];
  /** The environments it is valid for, each marked by one of Apple's extensions. @default both */
  readonly environments?: readonly ApnsEnvironment[];
  /**
   * `rsa` creates a key of 2048 bits, as push certificates have, because old clients read no other. It takes 50 to
   * 500 ms. @default 'ec', which takes less than 1 ms
   */
  readonly keyType?: KeyType;
}

/** One of Apple's two environments. */
export type ApnsEnvironment = 'sandbox' | 'production';

/** The kind of a private key. */
export type KeyType = 'ec' | 'rsa';

const BACK_DATING_MS = 5 * 60_000;
const LIFETIME_MS = 10 * 365 * 86_400_000;

/** Apple's requirements for a certificate request. */
const RSA_BITS = 2048;

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const USER_ID = '0.9.2342.19200300.100.1.1';
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
const KEY_USAGE = '2.5.29.15';
const SUBJECT_ALT_NAME = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
/** Apple's extensions of a push certificate; clients read from them which environment it is for. */
export const APPLE_PUSH_ENVIRONMENTS: Readonly<Record<ApnsEnvironment, string>> = {
  sandbox: '1.2.840.113635.100.6.3.1',
  production: '1.2.840.113635.100.6.3.2',
};
/** The extension that lists the topics of a certificate for more than one. */
export const APPLE_PUSH_TOPICS = '1.2.840.113635.100.6.3.6';

// Bits of KeyUsage, RFC 5280 4.2.1.3.
const DIGITAL_SIGNATURE = 0;
const KEY_CERT_SIGN = 5;
const CRL_SIGN = 6;

/** Makes a self-signed authority. */
export function mintAuthority(options: AuthorityOptions = {}): Authority {
  const { commonName = 'apns-streams simulator CA' } = options;
  const { publicKey, privateKey } = makeKeyPair();
  const cert = issue({
    issuer: { commonName, key: privateKey },
    subject: authorityName(commonName),
    publicKey,
    validity: options,
    extensions: [
      extension(BASIC_CONSTRAINTS, derSequence(derTrue()), true),
      extension(KEY_USAGE, derNamedBits(DIGITAL_SIGNATURE, KEY_CERT_SIGN, CRL_SIGN), true),
    ],
  });
  return { commonName, cert, key: privateKey };
}

/** Issues a certificate for a server. */
export function mintServerCertificate(
  authority: Authority,
  options: ServerCertificateOptions = {},
): CertificateAndKey {
  const { hosts = ['localhost', '127.0.0.1', '::1'] } = options;
  return mintLeaf(
    authority,
    [[COMMON_NAME, hosts[0] ?? 'localhost']],
    options,
    extension(EXTENDED_KEY_USAGE, derSequence(derObjectIdentifier(SERVER_AUTH))),
    extension(SUBJECT_ALT_NAME, derSequence(...hosts.map(generalName))),
  );
}

/**
 * Issues a push certificate as Apple's look to the libraries that read them: the topic in `CN` and `UID`,
 * the extensions of both environments, and the list of topics where there are several.
 */
export function mintClientCertificate(
  authority: Authority,
  options: ClientCertificateOptions = {},
): CertificateAndKey {
  const { topic = 'com.example.app', topics = [], environments = ['sandbox', 'production'] } = options;
  const listed = [topic, ...topics].flatMap((name) => [
    derUtf8String(name),
    derSequence(derUtf8String(name.endsWith('.voip') ? 'voip' : 'app')),
  ]);
  return mintLeaf(
    authority,
    [
      [USER_ID, topic],
      [COMMON_NAME, `Apple Push Services: ${topic}`],
    ],
    options,
    extension(EXTENDED_KEY_USAGE, derSequence(derObjectIdentifier(CLIENT_AUTH))),
    ...environments.map((name) => extension(APPLE_PUSH_ENVIRONMENTS[name], derNull())),
    ...(topics.length > 0 ? [extension(APPLE_PUSH_TOPICS, derSequence(...listed))] : []),
  );
}

/** The client recognises such an authority by its organization, and does not trust it for Apple's hosts. */
function authorityName(commonName: string): Subject {
  return [
    [ORGANIZATION, SIMULATOR_ORGANIZATION],
    [COMMON_NAME, commonName],
  ];
}

type Subject = readonly (readonly [attribute: string, value: string])[];

function mintLeaf(
  authority: Authority,
  subject: Subject,
  options: Validity & { readonly keyType?: KeyType },
  ...extensions: readonly Buffer[]
): CertificateAndKey {
  const { publicKey, privateKey } = makeKeyPair(options.keyType);
  const cert = issue({
    issuer: authority,
    subject,
    publicKey,
    validity: options,
    extensions: [
      extension(BASIC_CONSTRAINTS, derSequence(), true),
      extension(KEY_USAGE, derNamedBits(DIGITAL_SIGNATURE), true),
      ...extensions,
    ],
  });
  return { cert, key: privateKey };
}

/** RFC 5280, 4.1: the certificate, its fields in the order of the standard. */
function issue(request: {
  readonly issuer: { readonly commonName: string; readonly key: string };
  readonly subject: Subject;
  readonly publicKey: Buffer;
  readonly validity: Validity;
  readonly extensions: readonly Buffer[];
}): string {
  const { issuer, subject, publicKey, validity, extensions } = request;
  const now = Date.now();
  const issuerKey = createPublicKey(issuer.key).export({ type: 'spki', format: 'der' });
  const tbsCertificate = derSequence(
    derConstructed(0, derInteger(Buffer.from([2]))), // version 3
    derInteger(serialNumber()),
    algorithm(),
    distinguishedName(authorityName(issuer.commonName)),
    derSequence(
      derTime(validity.validFrom ?? new Date(now - BACK_DATING_MS)),
      derTime(validity.validTo ?? new Date(now + LIFETIME_MS)),
    ),
    distinguishedName(subject),
    publicKey,
    derConstructed(
      3,
      derSequence(
        ...extensions,
        extension(SUBJECT_KEY_IDENTIFIER, derOctetString(keyIdentifier(publicKey))),
        extension(AUTHORITY_KEY_IDENTIFIER, derSequence(derPrimitive(0, keyIdentifier(issuerKey)))),
      ),
    ),
  );
  const signature = sign('sha256', tbsCertificate, issuer.key);
  const der = derSequence(tbsCertificate, algorithm(), derBitString(signature));
  const lines = der.toString('base64').match(/.{1,64}/g) as string[];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function makeKeyPair(keyType: KeyType = 'ec'): { publicKey: Buffer; privateKey: string } {
  const publicKeyEncoding = { type: 'spki', format: 'der' } as const;
  const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const;
  return keyType === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: RSA_BITS, publicKeyEncoding, privateKeyEncoding })
    : generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding });
}

/** Positive, at most 20 octets, never the same twice (RFC 5280, 4.1.2.2). */
function serialNumber(): Buffer {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return serial;
}

function algorithm(): Buffer {
  return derSequence(derObjectIdentifier(ECDSA_WITH_SHA256));
}

function distinguishedName(attributes: Subject): Buffer {
  return derSequence(
    ...attributes.map(([type, value]) =>
      derSet(derSequence(derObjectIdentifier(type), derUtf8String(value))),
    ),
  );
}

function extension(type: string, value: Buffer, critical = false): Buffer {
  const flag = critical ? [derTrue()] : [];
  return derSequence(derObjectIdentifier(type), ...flag, derOctetString(value));
}

/** RFC 5280, 4.2.1.2 leaves the method open; the hash of the whole public key needs no parsing. */
function keyIdentifier(publicKey: Buffer): Buffer {
  return createHash('sha256').update(publicKey).digest().subarray(0, 20);
}

/** RFC 5280, 4.2.1.6: dNSName is [2], iPAddress is [7]. */
function generalName(host: string): Buffer {
  switch (isIP(host)) {
    case 4:
      return derPrimitive(7, Buffer.from(host.split('.').map(Number)));
    case 6:
      return derPrimitive(7, ipv6Bytes(host));
    default:
      return derPrimitive(2, Buffer.from(host));
  }
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const groups = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return Buffer.from(groups.flatMap((group) => [group >>> 8, group & 0xff]));
}
