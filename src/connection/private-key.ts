/** Reads private keys from PEM, and explains why a key cannot be read. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { badCredentials, describeBlocks, type ExpectedPem, isPrivateKey, type Pem, readPem } from './pem.js';

/** A key and the PEM block it was read from, in its original encryption. */
export interface PrivateKey {
  readonly key: KeyObject;
  readonly pem: string;
}

/** The contents that a key file should have, and whether they may be encrypted. */
export interface ExpectedKey extends ExpectedPem {
  /** The option that holds the passphrase; without one the key must not be encrypted. */
  readonly passphrasePath?: string;
  readonly passphrase?: string | undefined;
  /** The advice for a file without a private key. */
  readonly instead: string;
}

/** RFC 7468, section 11, and RFC 1421, section 4.6.1.1. */
const IS_ENCRYPTED = /^-----BEGIN ENCRYPTED|^Proc-Type:/m;

/** OpenSSL 3 keeps DES and RC2 in its "legacy" provider, which Node does not load. */
const LEGACY_RECIPE = 'openssl pkey -provider legacy -provider default -in OLD.pem -aes256 -out NEW.pem';

/**
 * Every private key of a PEM text.
 *
 * @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS if there is none, or if one cannot be read
 */
export function readPrivateKeys(expected: ExpectedKey, value: Pem): PrivateKey[] {
  const blocks = readPem(expected, value);
  const keys = blocks.filter(isPrivateKey);
  if (keys.length === 0) {
    throw badCredentials(
      `${expected.path} contains ${describeBlocks(blocks)} but no private key: ${expected.instead}`,
    );
  }
  return keys.map(({ text }) => readPrivateKey(expected, text));
}

function readPrivateKey(expected: ExpectedKey, pem: string): PrivateKey {
  const { passphrase } = expected;
  try {
    const key = createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
    return { key, pem };
  } catch (cause) {
    throw badCredentials(`${expected.path} ${describeFailure(expected, pem, cause)}`, cause);
  }
}

function describeFailure(expected: ExpectedKey, pem: string, cause: unknown): string {
  const { passphrase, passphrasePath, instead } = expected;
  if (!IS_ENCRYPTED.test(pem))
    return 'contains a private key that cannot be read: it is damaged; copy the file again';
  if (passphrasePath === undefined) return `is encrypted: ${instead}`;
  if (passphrase === undefined) return `is encrypted: give its ${passphrasePath}`;
  const code = String((cause as NodeJS.ErrnoException).code);
  // ERR_OSSL_UNSUPPORTED alone means that no decoder can read the bytes.
  if (/(EVP|PEM)_UNSUPPORTED/.test(code)) {
    return `is encrypted with DES or RC2, which OpenSSL 3 refuses: convert it once with "${LEGACY_RECIPE}", and give NEW.pem with its new ${passphrasePath}`;
  }
  return code.includes('BAD_DECRYPT')
    ? `cannot be decrypted: ${passphrasePath} is wrong`
    : `cannot be decrypted: ${passphrasePath} is wrong, or the file is damaged`;
}
