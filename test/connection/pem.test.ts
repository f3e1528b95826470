import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  badCredentials,
  describeBlocks,
  isCertificate,
  readDerCertificate,
  readPem,
} from '../../src/connection/pem.js';
import { authority } from '../support/loopback.js';

const EXPECTED = { path: 'tls.key', advice: 'give the contents' };
const der = new X509Certificate(authority.cert).raw;

function block(label: string, body = 'AAAA'): string {
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

const textOf = (pem: string): string | undefined => readPem(EXPECTED, pem)[0]?.text;
const blocksOf = (...labels: string[]): ReturnType<typeof readPem> =>
  readPem(EXPECTED, labels.map((label) => block(label)).join(''));

describe('readPem', () => {
  it.each([
    ['a label in small letters at its start', block('xCERTIFICATE')],
    ['a label in small letters at its end', block('CERTIFICATEx')],
    ['a label of 65 characters', block('X'.repeat(65))],
    ['no label', block('')],
    ['another label at the end', block('A').replace('END A', 'END B')],
    ['a BEGIN line behind its END line', '-----END A-----\n-----BEGIN A\n'],
    ['one whole block before one that is not', `${block('A')}-----BEGIN A-----\nAAAA\n`],
  ])('takes for cut off what has %s', (_what, pem) => {
    expect(() => readPem(EXPECTED, pem)).toThrow(/^tls\.key is incomplete/);
  });

  it('takes a label of 64 characters', () => {
    expect(blocksOf('X'.repeat(64))).toHaveLength(1);
  });

  it.each([
    ['lines', '\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nAAAA\n'],
    ['lines with CRLF', '\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,00FF\r\n\r\nAAAA\r\n'],
    ['one line', ' Proc-Type:  4,  ENCRYPTED  DEK-Info:  AES-128-CBC,  00FF  AA  AA  '],
    ['no more spaces than are needed', 'Proc-Type:4,ENCRYPTED DEK-Info:AES-128-CBC,00FF AAAA'],
    ['literal \\n', '\\nProc-Type: 4,ENCRYPTED\\nDEK-Info: AES-128-CBC,00FF\\n\\nAAAA\\n'],
    ['literal \\r', '\\rProc-Type: 4,ENCRYPTED\\rDEK-Info: AES-128-CBC,00FF\\r\\rAAAA\\r'],
  ])('writes an encrypted key anew that is kept in %s', (_how, body) => {
    expect(textOf(`-----BEGIN K-----${body}-----END K-----`)).toBe(
      block('K', 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nAAAA'),
    );
  });

  it.each(['!! AA AA', 'AA AA !!', 'A=AA', 'AA===', 'x Proc-Type: 4,ENCRYPTED\nDEK-Info: AES,00\n\nAAAA'])(
    'leaves to OpenSSL what is no base64: %j',
    (body) => {
      expect(textOf(block('K', `  ${body}  `))).toBe(block('K', body));
    },
  );

  it('wraps base64 at 64 characters', () => {
    expect(textOf(block('K', 'A'.repeat(129)))).toBe(block('K', `${'A'.repeat(64)}\n${'A'.repeat(64)}\nA`));
    expect(textOf(block('K', 'A'.repeat(64)))).toBe(block('K', 'A'.repeat(64)));
  });

  it.each<[string, RegExp, string | Uint8Array]>([
    ['a path', /is not PEM: .*; give the contents$/, './key.pem'],
    ['a path in bytes', /is not PEM: .*; give the contents$/, Buffer.from('./key.pem')],
    ['text that mentions base64 of PEM', /is not PEM/, 'x LS0tLS1CRUdJTiBQ'],
    ['base64 of PEM, indented', /is PEM that was encoded in base64/, '  LS0tLS1CRUdJTiBQ'],
    ['base64 of 80 characters', /is not PEM/, 'A'.repeat(80)],
    ['base64 of 81 characters', /is base64 without/, 'A'.repeat(81)],
    ['a long text that ends as base64 does', /is not PEM/, `- ${'A'.repeat(81)}`],
    ['a long text that begins as base64 does', /is not PEM/, `${'A'.repeat(81)} -`],
    ['a certificate in DER', /is a certificate/, der],
    ['PKCS#12', /is a PKCS#12 file/, derOf(0x02, 0x01, 0x03)],
    ['PKCS#12 of a length that is not told', /is a PKCS#12 file/, Buffer.from([0x30, 0x80, 2, 1, 3, 0])],
    ['another version', /is in DER/, derOf(0x02, 0x01, 0x00)],
    ['another type', /is in DER/, derOf(0x04, 0x01, 0x03)],
    ['a longer number', /is in DER/, derOf(0x02, 0x02, 0x03)],
    ['white space', /is empty/, ' \n'],
  ])('says what to do about %s', (_what, message, value) => {
    expect(() => readPem(EXPECTED, value)).toThrow(message);
  });

  /** A sequence with a length of two bytes. */
  function derOf(...contents: number[]): Buffer {
    return Buffer.from([0x30, 0x82, 0x01, 0x00, ...contents, ...Buffer.alloc(256)]);
  }
});

describe('blocks', () => {
  it.each([
    ['a private key', ['CERTIFICATE', 'RSA PRIVATE KEY']],
    ['a certificate', ['X509 CERTIFICATE', 'PUBLIC KEY']],
    ['a certificate signing request', ['NEW CERTIFICATE REQUEST']],
    ['a public key', ['RSA PUBLIC KEY']],
    ['something else', ['ATTRIBUTE CERTIFICATE']],
  ])('are described as %s', (description, labels) => {
    expect(describeBlocks(blocksOf(...labels))).toBe(description);
  });

  it.each([
    ['CERTIFICATE', true],
    ['TRUSTED CERTIFICATE', true],
    ['ATTRIBUTE CERTIFICATE', false],
    ['CERTIFICATE REQUEST', false],
  ])('of %s count as certificates: %s', (label, isOne) => {
    expect(isCertificate(blocksOf(label)[0]!)).toBe(isOne);
  });
});

describe('readDerCertificate', () => {
  it('reads DER, and leaves PEM with all its certificates to readPem', () => {
    expect(readDerCertificate(der)?.raw).toEqual(der);
    expect(readDerCertificate(Buffer.from(authority.cert))).toBeUndefined();
    expect(readDerCertificate(authority.cert)).toBeUndefined();
    expect(readDerCertificate(der.subarray(0, 50))).toBeUndefined();
  });
});

describe('badCredentials', () => {
  it('keeps its cause where there is one', () => {
    const cause = new Error('of OpenSSL');
    expect(badCredentials('x', cause).cause).toBe(cause);
    expect('cause' in badCredentials('x')).toBe(false);
  });
});
