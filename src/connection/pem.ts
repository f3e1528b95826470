/**
 * Reads PEM (RFC 7468) in common non-standard forms: line breaks that an environment variable turned into spaces or the
 * two characters `\n`, YAML indentation, UTF-16. OpenSSL reads only the strict form, so this rewrites each block in it.
 */
import { X509Certificate } from 'node:crypto';
import { decodeText } from '../core/decode-text.js';
import { ApnsError, invalidOption } from '../core/errors.js';

/** PEM text, or its bytes: the contents of a file, not its path. */
export type Pem = string | Uint8Array;

/** The data between a BEGIN line and its END line. */
export interface PemBlock {
  /** The label of its BEGIN line, such as `CERTIFICATE`. */
  readonly label: string;
  /** The complete block in the form that OpenSSL reads. */
  readonly text: string;
}

/** The contents that a file should have, in words for its owner. */
export interface ExpectedPem {
  /** The option that the file was given as, such as `tls.cert`. */
  readonly path: string;
  /** The advice if the file has no known format. */
  readonly advice: string;
}

const BEGIN = '-----BEGIN ';
const DASHES = '-----';

/** RFC 7468, section 3: a label is printable and has no line break. No known one is longer. */
const LABEL = /^[A-Z0-9][A-Z0-9 #]{0,63}$/;

/** The headers of an encrypted key in the form of RFC 1421, and the base64 that follows them. */
const ENCRYPTED =
  /^\s*Proc-Type:\s*4,\s*ENCRYPTED\s+DEK-Info:\s*([A-Za-z0-9-]+),\s*([0-9A-Fa-f]+)\s([\s\S]*)$/;

/**
 * The blocks of a PEM text. Text around them is skipped.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION for a value of another type
 * @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS if the value is not PEM, or is cut off
 */
export function readPem(expected: ExpectedPem, value: Pem): PemBlock[] {
  const { path } = expected;
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw invalidOption(path, 'PEM as a string or bytes, or an array of them', value);
  }
  const text = typeof value === 'string' ? value : decodeText(value);
  const blocks: PemBlock[] = [];
  let start = text.indexOf(BEGIN);
  if (start === -1) throw badCredentials(`${path} ${describeForeign(expected, value, text)}`);
  while (start !== -1) {
    const labelEnd = text.indexOf(DASHES, start + BEGIN.length);
    const label = labelEnd === -1 ? '' : text.slice(start + BEGIN.length, labelEnd);
    const end = LABEL.test(label) ? text.indexOf(`${DASHES}END ${label}${DASHES}`, labelEnd) : -1;
    if (end === -1) {
      throw badCredentials(
        `${path} is incomplete: a "-----BEGIN" line has no matching "-----END" line; copy the whole file`,
      );
    }
    blocks.push({ label, text: formatBlock(label, text.slice(labelEnd + DASHES.length, end)) });
    start = text.indexOf(BEGIN, end);
  }
  return blocks;
}

/** Whether a block is a certificate in one of the forms that OpenSSL knows. */
export function isCertificate({ label }: PemBlock): boolean {
  return /^(?:X509 |TRUSTED )?CERTIFICATE$/.test(label);
}

/** Whether a block is a private key, encrypted or not. */
export function isPrivateKey({ label }: PemBlock): boolean {
  return label.endsWith('PRIVATE KEY');
}

/** The contents of unexpected blocks, of which there is at least one, in words. */
export function describeBlocks(blocks: readonly PemBlock[]): string {
  if (blocks.some(isPrivateKey)) return 'a private key';
  if (blocks.some(isCertificate)) return 'a certificate';
  const { label } = blocks[0]!;
  if (label.endsWith('CERTIFICATE REQUEST')) return 'a certificate signing request';
  if (label.endsWith('PUBLIC KEY')) return 'a public key';
  return 'something else';
}

/** A certificate in DER, as Apple issues it (`aps.cer`); `undefined` for anything else. */
export function readDerCertificate(value: Pem): X509Certificate | undefined {
  if (typeof value === 'string' || value[0] !== SEQUENCE) return undefined;
  try {
    return new X509Certificate(value);
  } catch {
    return undefined;
  }
}

/** The error for credentials that cannot be used. */
export function badCredentials(message: string, cause?: unknown): ApnsError {
  return new ApnsError('APNS_ERR_BAD_CREDENTIALS', message, cause === undefined ? undefined : { cause });
}

function formatBlock(label: string, body: string): string {
  const lines = body.replaceAll('\\r', '\n').replaceAll('\\n', '\n');
  const [, cipher, iv, encrypted] = ENCRYPTED.exec(lines) ?? [];
  const base64 = (encrypted ?? lines).replace(/\s+/g, '');
  // Text that is not base64 stays unchanged, and OpenSSL rejects it.
  const data = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? wrap(base64) : (encrypted ?? lines).trim();
  const headers = cipher === undefined ? '' : `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${cipher},${iv}\n\n`;
  return `${BEGIN}${label}${DASHES}\n${headers}${data}\n${DASHES}END ${label}${DASHES}\n`;
}

/** RFC 7468, section 2: lines of 64 characters. */
function wrap(base64: string): string {
  return base64.replace(/.{64}(?=.)/g, '$&\n');
}

/** The first byte of every DER file that is read here (X.690, 8.9). */
const SEQUENCE = 0x30;

/** The format of a value without a BEGIN line, and what to do. It repeats no part of the value. */
function describeForeign({ advice }: ExpectedPem, value: Pem, text: string): string {
  if (text.trim() === '') return 'is empty: it must contain PEM';
  if (readDerCertificate(value) !== undefined) {
    return 'is a certificate (such as aps.cer), which holds no private key: give it as tls.cert, and the key that its signing request was made with as tls.key';
  }
  if (typeof value !== 'string' && value[0] === SEQUENCE) {
    return isPkcs12(value)
      ? 'is a PKCS#12 file (.p12): give it as tls.pfx'
      : 'is in DER, not PEM: convert it once with "openssl pkey -inform der -in KEY.der -out KEY.pem", or with "openssl x509" if it is a certificate';
  }
  if (/^\s*LS0tLS1CRUdJTi/.test(text)) return 'is PEM that was encoded in base64: decode it first';
  if (text.length > 80 && /^[A-Za-z0-9+/=\s]+$/.test(text)) {
    return 'is base64 without the "-----BEGIN" and "-----END" lines around it: give the whole file';
  }
  return `is not PEM: it has no "-----BEGIN" line; ${advice}`;
}

/** RFC 7292, section 4: a sequence that begins with the version, which is 3. */
function isPkcs12(bytes: Uint8Array): boolean {
  // X.690, 8.1.3.5: no such file is so short that its length has the short form.
  const lengthBytes = bytes[1]! & 0x7f;
  const [type, length, version] = bytes.subarray(2 + lengthBytes);
  return type === 0x02 && length === 1 && version === 3;
}
