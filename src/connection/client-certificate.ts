/** Reads the client certificate: finds the leaf of its chain and the key for it, and checks its dates. */
import { X509Certificate } from 'node:crypto';
import type { ApnsError } from '../core/errors.js';
import {
  badCredentials,
  describeBlocks,
  type ExpectedPem,
  isCertificate,
  type Pem,
  readDerCertificate,
  readPem,
} from './pem.js';
import type { PrivateKey } from './private-key.js';

/** A certificate and the PEM block it was read from, which may hold more data, such as trust settings. */
export interface CertificateFile {
  readonly certificate: X509Certificate;
  readonly pem: string;
}

/**
 * Every certificate of a PEM text, or the one in DER.
 *
 * @param instead what to give in place of a file that holds no certificate
 * @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS if there is none, or if one cannot be read
 */
export function readCertificates(expected: ExpectedPem, instead: string, value: Pem): CertificateFile[] {
  const { path } = expected;
  const single = readDerCertificate(value);
  if (single !== undefined) return [{ certificate: single, pem: String(single) }];
  const blocks = readPem(expected, value);
  const certificates = blocks.filter(isCertificate);
  if (certificates.length === 0) {
    throw badCredentials(`${path} contains ${describeBlocks(blocks)} but no certificate: ${instead}`);
  }
  return certificates.map(({ text }, index) => {
    try {
      return { certificate: new X509Certificate(text), pem: text };
    } catch (cause) {
      const which =
        certificates.length === 1 ? 'the certificate' : `certificate ${index + 1} of ${certificates.length}`;
      throw badCredentials(`${path}: ${which} cannot be read: it is damaged; copy the file again`, cause);
    }
  });
}

/**
 * Sorts a chain as TLS requires: first the certificate of one of these keys, then its issuer, and so on (RFC 8446,
 * section 4.4.2). Files that have the authority before the leaf are common.
 *
 * @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS if no key belongs to any certificate
 */
export function orderChain(
  certificates: readonly CertificateFile[],
  keys: readonly PrivateKey[],
): CertificateFile[] {
  const leaf = certificates.find(({ certificate }) =>
    keys.some(({ key }) => certificate.checkPrivateKey(key)),
  );
  if (leaf === undefined) throw mismatchError(certificates[0]!, keys[0]!);
  const chain = [leaf];
  const rest = certificates.filter((other) => other !== leaf);
  for (let i = 0; i < chain.length; i++) {
    const at = rest.findIndex(({ certificate }) => chain[i]!.certificate.checkIssued(certificate));
    if (at !== -1) chain.push(...rest.splice(at, 1));
  }
  return [...chain, ...rest];
}

/**
 * Checks the dates here, because a gateway that refuses an expired certificate gives no reason under TLS 1.3.
 *
 * @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS for a certificate that is out of date
 */
export function checkDates(path: string, { validFrom, validTo }: X509Certificate): void {
  const now = Date.now();
  if (now > Date.parse(validTo)) {
    throw badCredentials(`the client certificate in ${path} expired on ${validTo}: renew it`);
  }
  if (now < Date.parse(validFrom)) {
    throw badCredentials(
      `the client certificate in ${path} is not valid before ${validFrom}: check the clock of this machine`,
    );
  }
}

/** OpenSSL accepts a certificate and a key of different types without an error, and then presents neither. */
function mismatchError({ certificate }: CertificateFile, { key }: PrivateKey): ApnsError {
  const given = key.asymmetricKeyType;
  let wanted: string | undefined;
  try {
    wanted = certificate.publicKey.asymmetricKeyType;
  } catch (cause) {
    return badCredentials(
      'tls.cert has a public key that cannot be read: it is damaged; copy the file again',
      cause,
    );
  }
  if (given === wanted) {
    return badCredentials(
      'tls.key is not the key of tls.cert: give a key and a certificate that belong together',
    );
  }
  const hint =
    given === 'ec' ? '; a .p8 key from Apple needs no certificate, give it as providerToken instead' : '';
  return badCredentials(
    `tls.key is not the key of tls.cert, which has a key of another type (${wanted}, not ${given}): give the key that its signing request was made with${hint}`,
  );
}
