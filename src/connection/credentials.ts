/** Certificates and keys, read and checked before anything is dialled. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { ApnsError, invalidOption } from '../errors.js';
import { checkOptionNames } from '../options.js';
import { type Destination, isApple, refuseSimulatorAuthority } from './simulator-authority.js';

/** PEM text, or its bytes: the contents of a file, not its path. */
export type Pem = string | Uint8Array;

/**
 * Whom this side is, and whom it trusts. There is no option that switches the checks of the gateway's
 * certificate off: give the authority that issued it as `ca`.
 */
export interface TlsCredentialOptions {
  /** The client certificate, with its chain if it has one; `key` belongs to it. */
  cert?: Pem | Pem[];
  /** The private key of `cert`. */
  key?: Pem | Pem[];
  /** Certificate and key in one PKCS#12 file (`.p12`), instead of `cert` and `key`. */
  pfx?: Uint8Array;
  /** What `key` or `pfx` is encrypted with. */
  passphrase?: string;
  /** The authorities to trust, in place of the well-known ones that Node brings. */
  ca?: Pem | Pem[];
  /** The name the gateway's certificate must have. @default the host, if that is a name */
  servername?: string;
}

const KNOWN = [
  'cert',
  'key',
  'pfx',
  'passphrase',
  'ca',
  'servername',
] satisfies (keyof TlsCredentialOptions)[];

const LEGACY_RECIPE = 'openssl pkcs12 -legacy -in OLD.p12 -out NEW.pem';

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
      'tls.pfx takes the place of tls.cert and tls.key: give one or the other',
    );
  }
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    throw new ApnsError('APNS_ERR_INVALID_OPTION', `tls.${given} needs tls.${missing} beside it`);
  }
  if (pfx !== undefined && !(pfx instanceof Uint8Array)) {
    throw invalidOption('tls.pfx', 'the bytes of a PKCS#12 file (a string would not hold them)', pfx);
  }
  if (passphrase !== undefined && typeof passphrase !== 'string') {
    throw invalidOption('tls.passphrase', 'a string', passphrase);
  }
  const pem = { cert: readPem('tls.cert', cert), key: readPem('tls.key', key), ca: readPem('tls.ca', ca) };
  for (const text of pem.cert ?? []) checkDates(readCertificate('tls.cert', text));
  if (destination !== undefined && isApple(destination)) refuseSimulatorAuthority(pem.ca ?? []);
  // `createSecureContext` ignores an authority that cannot be read.
  for (const text of pem.ca ?? []) readCertificate('tls.ca', text);
  try {
    return createSecureContext({
      // A floor of its own: `--tls-min-v1.0` on the command line of Node must not lower it.
      minVersion: 'TLSv1.2',
      ...pem,
      ...(pfx === undefined ? {} : { pfx: Buffer.from(pfx) }),
      ...(passphrase === undefined ? {} : { passphrase }),
    });
  } catch (error) {
    throw pfx === undefined ? keyError(error, passphrase) : pfxError(error, passphrase);
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

function readPem(path: string, value: Pem | Pem[] | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  return (Array.isArray(value) ? value : [value]).map((pem) => {
    if (typeof pem !== 'string' && !(pem instanceof Uint8Array)) {
      throw invalidOption(path, 'PEM as a string or bytes, or an array of them', pem);
    }
    const text = typeof pem === 'string' ? pem : Buffer.from(pem).toString();
    if (text.includes('-----BEGIN ')) return text;
    throw new ApnsError(
      'APNS_ERR_BAD_CREDENTIALS',
      `${path} is not PEM: it has no "-----BEGIN" line; give the contents of the file, not its path, and a .p12 file as tls.pfx`,
    );
  });
}

/** The first certificate in a PEM text: in `cert` it is the client's own, before its chain. */
function readCertificate(path: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new ApnsError('APNS_ERR_BAD_CREDENTIALS', `${path} holds no certificate that can be read`, {
      cause,
    });
  }
}

/** An outdated certificate is refused by the gateway, under TLS 1.3 without a word; here it can be named. */
function checkDates(certificate: X509Certificate): void {
  const now = Date.now();
  if (now > Date.parse(certificate.validTo)) {
    throw new ApnsError('APNS_ERR_BAD_CREDENTIALS', `tls.cert expired on ${certificate.validTo}: renew it`);
  }
  if (now < Date.parse(certificate.validFrom)) {
    throw new ApnsError(
      'APNS_ERR_BAD_CREDENTIALS',
      `tls.cert is not valid before ${certificate.validFrom}: check the clock of this machine`,
    );
  }
}

function keyError(cause: unknown, passphrase: string | undefined): ApnsError {
  const reason = cause instanceof Error ? `${(cause as NodeJS.ErrnoException).code} ${cause.message}` : '';
  let message = 'tls.key holds no private key that can be read';
  if (/KEY_VALUES_MISMATCH|KEY_TYPE_MISMATCH/.test(reason)) {
    message = 'tls.key is not the key of tls.cert: give the two that were made together';
  } else if (/BAD_DECRYPT|INTERRUPTED/.test(reason)) {
    message =
      passphrase === undefined
        ? 'tls.key is encrypted: give its tls.passphrase'
        : 'tls.key cannot be decrypted: tls.passphrase is wrong';
  }
  return new ApnsError('APNS_ERR_BAD_CREDENTIALS', message, { cause });
}

function pfxError(cause: unknown, passphrase: string | undefined): ApnsError {
  const reason = cause instanceof Error ? cause.message : '';
  let message = 'tls.pfx is no PKCS#12 file that can be read';
  if (/mac verify failure/i.test(reason)) {
    message =
      passphrase === undefined
        ? 'tls.pfx is encrypted: give its tls.passphrase'
        : 'tls.pfx cannot be decrypted: tls.passphrase is wrong';
  } else if (/unsupported/i.test(reason)) {
    message = `tls.pfx is encrypted with RC2 or 3DES, which OpenSSL 3 refuses: convert it once with "${LEGACY_RECIPE}", and give NEW.pem as both tls.cert and tls.key, with its new tls.passphrase`;
  }
  return new ApnsError('APNS_ERR_BAD_CREDENTIALS', message, { cause });
}
