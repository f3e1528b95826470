/** Reads and checks certificates and keys before the first connection. */
import { createSecureContext, type SecureContext } from 'node:tls';
import { ApnsError, invalidOption } from '../core/errors.js';
import { checkOptionNames } from '../core/options.js';
import { type CertificateFile, checkDates, orderChain, readCertificates } from './client-certificate.js';
import { badCredentials, type ExpectedPem, type Pem } from './pem.js';
import { certificateOf, pkcs12Error } from './pkcs12.js';
import { readPrivateKeys } from './private-key.js';
import { type Destination, isApple, refuseSimulatorAuthority } from './simulator-authority.js';

/**
 * The identity of this side, and the authorities that it trusts. Checks of the gateway's certificate cannot be
 * switched off: give the authority that issued the certificate as `ca`.
 */
export interface TlsCredentialOptions {
  /** The client certificate, with its chain if it has one; `key` belongs to it. */
  readonly cert?: Pem | readonly Pem[];
  /** The private key of `cert`. */
  readonly key?: Pem | readonly Pem[];
  /** Certificate and key in one PKCS#12 file (`.p12`), instead of `cert` and `key`. */
  readonly pfx?: Uint8Array;
  /** What `key` or `pfx` is encrypted with. */
  readonly passphrase?: string;
  /** The authorities to trust, in place of the well-known ones that Node brings. */
  readonly ca?: Pem | readonly Pem[];
  /** The name the gateway's certificate must have. @default the host, if that is a name */
  readonly servername?: string;
}

const KNOWN = [
  'cert',
  'key',
  'pfx',
  'passphrase',
  'ca',
  'servername',
] satisfies (keyof TlsCredentialOptions)[];

/** Set explicitly, so that Node's option `--tls-min-v1.0` cannot lower it. */
const TLS = { minVersion: 'TLSv1.2' } as const;

const NOT_PEM = 'give the contents of the file, not its path, and a .p12 file as tls.pfx';

const CERT: ExpectedPem = { path: 'tls.cert', advice: NOT_PEM };
const CERT_INSTEAD = 'give the certificate that Apple issued, in PEM or as the file aps.cer';
const KEY = {
  path: 'tls.key',
  advice: NOT_PEM,
  instead: 'give the private key that the signing request of tls.cert was made with',
} as const;

/**
 * Reads credentials into a context that all connections of a sink share. Nothing of the key or the
 * passphrase stays readable in the result.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION for options that are unknown or do not go together
 * @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS for PEM or PKCS#12 that cannot be read, a wrong passphrase,
 *   a key that belongs to another certificate, a client certificate that is out of date, and the simulator's
 *   authority where the destination is one of Apple's
 */
export function loadCredentials(
  options: TlsCredentialOptions = {},
  destination?: Destination,
): SecureContext {
  checkNames(options);
  const { cert, key, pfx, passphrase, ca } = options;
  if (pfx !== undefined && (cert !== undefined || key !== undefined)) {
    throw new ApnsError(
      'APNS_ERR_INVALID_OPTION',
      'tls.pfx replaces tls.cert and tls.key: give either tls.pfx or the other two',
    );
  }
  const [certs, keys] = [toArray(cert), toArray(key)];
  if ((certs.length === 0) !== (keys.length === 0)) {
    const [given, missing] = certs.length === 0 ? ['key', 'cert'] : ['cert', 'key'];
    throw new ApnsError('APNS_ERR_INVALID_OPTION', `tls.${given} requires tls.${missing}: give both`);
  }
  if (pfx !== undefined && !(pfx instanceof Uint8Array)) {
    throw invalidOption('tls.pfx', 'the bytes of a PKCS#12 file (a string cannot hold them)', pfx);
  }
  if (passphrase !== undefined && typeof passphrase !== 'string') {
    throw invalidOption('tls.passphrase', 'a string', passphrase);
  }
  const authorities = toArray(ca).flatMap(readAuthorities);
  if (destination !== undefined && isApple(destination)) {
    refuseSimulatorAuthority(authorities.map(({ certificate }) => certificate));
  }
  const trusted = ca === undefined ? {} : { ca: authorities.map(({ pem }) => pem) };
  if (pfx !== undefined) return loadPkcs12(pfx, passphrase, trusted);
  const client = readClient(certs, keys, passphrase);
  try {
    return createSecureContext({
      ...TLS,
      ...trusted,
      ...client,
      ...(passphrase === undefined ? {} : { passphrase }),
    });
  } catch (cause) {
    throw badCredentials(`tls.cert and tls.key cannot be used: ${describeRefusal(cause)}`, cause);
  }
}

function checkNames(options: TlsCredentialOptions): void {
  for (const name of ['rejectUnauthorized', 'checkServerIdentity']) {
    if (typeof options === 'object' && options !== null && name in options) {
      throw new ApnsError(
        'APNS_ERR_INVALID_OPTION',
        `tls.${name} is not an option, because certificate checks cannot be switched off: give the authority that issued the gateway's certificate as tls.ca, and the name in it as tls.servername`,
      );
    }
  }
  checkOptionNames('tls', options, KNOWN);
}

function toArray(value: Pem | readonly Pem[] | undefined): readonly Pem[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly Pem[]) : [value as Pem];
}

function readAuthorities(value: Pem): CertificateFile[] {
  return readCertificates(
    { path: 'tls.ca', advice: NOT_PEM },
    "give the authority that issued the gateway's certificate",
    value,
  );
}

/** Chains with their leaf first, and the keys of the leaves, in their original encryption. */
function readClient(
  certs: readonly Pem[],
  keys: readonly Pem[],
  passphrase: string | undefined,
): { readonly cert: string[]; readonly key: string[] } {
  const certificates = certs.map((value) => readCertificates(CERT, CERT_INSTEAD, value));
  const expected = { ...KEY, passphrase, passphrasePath: 'tls.passphrase' };
  const read = keys.flatMap((value) => readPrivateKeys(expected, value));
  const chains = certificates.map((chain) => orderChain(chain, read));
  for (const [leaf] of chains) checkDates('tls.cert', leaf!.certificate);
  return {
    cert: chains.map((chain) => chain.map(({ pem }) => pem).join('')),
    key: read.map(({ pem }) => pem),
  };
}

function loadPkcs12(
  pfx: Uint8Array,
  passphrase: string | undefined,
  trusted: { readonly ca?: string[] },
): SecureContext {
  let context: SecureContext;
  try {
    context = createSecureContext({
      ...TLS,
      ...trusted,
      pfx: Buffer.from(pfx),
      ...(passphrase === undefined ? {} : { passphrase }),
    });
  } catch (cause) {
    throw pkcs12Error(pfx, passphrase, cause);
  }
  // OpenSSL refuses a file without a certificate.
  checkDates('tls.pfx', certificateOf(context)!);
  return context;
}

/** The reason why OpenSSL rejects a certificate and key that belong together. */
function describeRefusal(cause: unknown): string {
  const code = String((cause as NodeJS.ErrnoException).code);
  return /TOO_(SMALL|WEAK)/.test(code)
    ? 'OpenSSL rejects their key or signature as too weak; have a new certificate issued with an RSA key of 2048 bits or more'
    : code;
}
