/**
 * PKCS#12 files (RFC 7292), which Node reads but cannot write. The DER is the simulator's; node-forge derives the
 * PKCS#12 keys and encrypts with RC2, which node:crypto does not offer.
 */
import { createCipheriv, createHmac, createPrivateKey, pbkdf2Sync, randomBytes } from 'node:crypto';
import forge from 'node-forge';
import type { CertificateAndKey } from '../../src/simulator/pki/certificates.js';
import {
  derConstructed,
  derInteger,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derPrimitive,
  derSequence,
} from '../../src/simulator/pki/der.js';

/** AES-256 as OpenSSL 3 writes it, or the RC2 and 3DES of older tools. */
export type Pkcs12Encryption = 'aes' | 'legacy';

interface Encrypted {
  readonly algorithm: Buffer;
  readonly data: Buffer;
}

type Encrypt = (plain: Buffer, passphrase: string) => Encrypted;

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2';
const CERTIFICATE_BAG = '1.2.840.113549.1.12.10.1.3';
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const DIGESTS = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1' };
const ITERATIONS = 2048;

/** What a derived key is for: the "diversifier" of RFC 7292, appendix B.3. */
const PURPOSE = { key: 1, iv: 2, mac: 3 };

/** @param pair its `cert` may hold several certificates, which all go into the file; either may be absent */
export function exportPkcs12(
  pair: Partial<CertificateAndKey>,
  passphrase: string,
  encryption: Pkcs12Encryption = 'aes',
): Buffer {
  const [encryptCertificates, encryptKey] =
    encryption === 'aes' ? [encryptWithAes, encryptWithAes] : [encryptWithRc2, encryptWithTripleDes];
  const certificates = encryptCertificates(certificateBags(pair.cert ?? ''), passphrase);
  const keyBags: Buffer[] = [];
  if (pair.key !== undefined) {
    const plain = createPrivateKey(pair.key).export({ type: 'pkcs8', format: 'der' });
    const { algorithm, data } = encryptKey(plain, passphrase);
    keyBags.push(bag(SHROUDED_KEY_BAG, derSequence(algorithm, derOctetString(data))));
  }
  const authenticatedSafe = derSequence(encryptedContent(certificates), content(derSequence(...keyBags)));
  return derSequence(
    integer(3),
    content(authenticatedSafe),
    macData(authenticatedSafe, passphrase, encryption === 'aes' ? 'sha256' : 'sha1'),
  );
}

function certificateBags(pem: string): Buffer {
  const certificates = pem.match(/(?<=-----BEGIN CERTIFICATE-----)[^-]+/g) ?? [];
  return derSequence(
    ...certificates.map((base64) => {
      const der = derOctetString(Buffer.from(base64, 'base64'));
      return bag(CERTIFICATE_BAG, derSequence(derObjectIdentifier(X509_CERTIFICATE), derConstructed(0, der)));
    }),
  );
}

function bag(type: string, value: Buffer): Buffer {
  return derSequence(derObjectIdentifier(type), derConstructed(0, value));
}

function content(bytes: Buffer): Buffer {
  return bag(DATA, derOctetString(bytes));
}

function encryptedContent({ algorithm, data }: Encrypted): Buffer {
  const info = derSequence(derObjectIdentifier(DATA), algorithm, derPrimitive(0, data));
  return bag(ENCRYPTED_DATA, derSequence(integer(0), info));
}

function macData(bytes: Buffer, passphrase: string, digest: keyof typeof DIGESTS): Buffer {
  const salt = randomBytes(8);
  const hash = forge.md[digest].create();
  const key = derive(passphrase, salt, PURPOSE.mac, hash.digestLength, hash);
  const mac = createHmac(digest, key).update(bytes).digest();
  const algorithm = derSequence(derObjectIdentifier(DIGESTS[digest]), derNull());
  return derSequence(derSequence(algorithm, derOctetString(mac)), derOctetString(salt), integer(ITERATIONS));
}

/** PBES2 of RFC 8018: PBKDF2 with HMAC-SHA-256, then AES-256-CBC. */
function encryptWithAes(plain: Buffer, passphrase: string): Encrypted {
  const [salt, iv] = [randomBytes(16), randomBytes(16)];
  const hmacWithSha256 = derSequence(derObjectIdentifier('1.2.840.113549.2.9'), derNull());
  const derivation = derSequence(
    derObjectIdentifier('1.2.840.113549.1.5.12'),
    derSequence(derOctetString(salt), integer(ITERATIONS), hmacWithSha256),
  );
  const encryption = derSequence(derObjectIdentifier('2.16.840.1.101.3.4.1.42'), derOctetString(iv));
  const key = pbkdf2Sync(passphrase, salt, ITERATIONS, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  return {
    algorithm: derSequence(derObjectIdentifier('1.2.840.113549.1.5.13'), derSequence(derivation, encryption)),
    data: Buffer.concat([cipher.update(plain), cipher.final()]),
  };
}

const encryptWithRc2 = legacyEncryption('1.2.840.113549.1.12.1.6', 5, (plain, key, iv) => {
  const cipher = forge.rc2.createEncryptionCipher(forgeBuffer(key), 40);
  cipher.start(forgeBuffer(iv));
  cipher.update(forgeBuffer(plain));
  cipher.finish();
  return bytesOf(cipher.output);
});

const encryptWithTripleDes = legacyEncryption('1.2.840.113549.1.12.1.3', 24, (plain, key, iv) => {
  const cipher = createCipheriv('des-ede3-cbc', key, iv);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
});

/** The password-based encryption of RFC 7292, appendix C. */
function legacyEncryption(
  identifier: string,
  keyLength: number,
  encrypt: (plain: Buffer, key: Buffer, iv: Buffer) => Buffer,
): Encrypt {
  return (plain, passphrase) => {
    const salt = randomBytes(8);
    const key = derive(passphrase, salt, PURPOSE.key, keyLength);
    const iv = derive(passphrase, salt, PURPOSE.iv, 8);
    return {
      algorithm: derSequence(
        derObjectIdentifier(identifier),
        derSequence(derOctetString(salt), integer(ITERATIONS)),
      ),
      data: encrypt(plain, key, iv),
    };
  };
}

function derive(
  passphrase: string,
  salt: Buffer,
  purpose: number,
  length: number,
  hash?: forge.md.MessageDigest,
): Buffer {
  return bytesOf(forge.pkcs12.generateKey(passphrase, forgeBuffer(salt), purpose, ITERATIONS, length, hash));
}

function forgeBuffer(bytes: Buffer): forge.util.ByteBuffer {
  return forge.util.createBuffer(bytes.toString('latin1'));
}

function bytesOf(buffer: forge.util.ByteBuffer): Buffer {
  return Buffer.from(buffer.bytes(), 'latin1');
}

function integer(value: number): Buffer {
  return derInteger(Buffer.from([value >>> 8, value & 0xff]));
}
