/** Explains why OpenSSL cannot use a PKCS#12 file (RFC 7292). */
import type { X509Certificate } from 'node:crypto';
import { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import { decodeText } from '../core/decode-text.js';
import type { ApnsError } from '../core/errors.js';
import { badCredentials, readDerCertificate } from './pem.js';

const LEGACY_RECIPE = 'openssl pkcs12 -legacy -in OLD.p12 -out NEW.pem';

const BOTH =
  'export the certificate and its key together (in Keychain Access, expand the certificate and select both lines)';

/** The client certificate of a context; Node has a public method for this only on sockets. */
export function certificateOf(secureContext: SecureContext): X509Certificate | undefined {
  const socket = new TLSSocket(new Duplex({ read() {} }), { secureContext });
  const certificate = socket.getX509Certificate();
  socket.destroy();
  return certificate;
}

/** Why OpenSSL could not use a PKCS#12 file, from its error. */
export function pkcs12Error(pfx: Uint8Array, passphrase: string | undefined, cause: unknown): ApnsError {
  return badCredentials(`tls.pfx ${describeFailure(pfx, passphrase, cause)}`, cause);
}

function describeFailure(pfx: Uint8Array, passphrase: string | undefined, cause: unknown): string {
  const reason = String(cause);
  if (/mac verify failure/i.test(reason)) {
    return passphrase === undefined
      ? 'is encrypted: give its tls.passphrase'
      : 'cannot be decrypted: tls.passphrase is wrong';
  }
  if (/unsupported/i.test(reason)) {
    return `is encrypted with RC2 or DES, which OpenSSL 3 refuses: convert it once with "${LEGACY_RECIPE}", and give NEW.pem as both tls.cert and tls.key, with its new tls.passphrase`;
  }
  if (/private key from PFX/i.test(reason)) return `contains no private key: ${BOTH}`;
  if (/certificate from PFX/i.test(reason)) return `contains no certificate that belongs to its key: ${BOTH}`;
  if (decodeText(pfx).includes('-----BEGIN ')) {
    return 'contains PEM, not PKCS#12: give it as tls.cert, and its key as tls.key';
  }
  if (readDerCertificate(pfx) !== undefined) {
    return `is a certificate (such as aps.cer), not a PKCS#12 file: ${BOTH}, or give it as tls.cert with its tls.key`;
  }
  return 'is not a readable PKCS#12 file: it is damaged or has another format; export it again';
}
