/** Other readers' opinions of the PKCS#12 files that the tests write. */
import { createSecureContext } from 'node:tls';
import forge from 'node-forge';
import { describe, expect, it } from 'vitest';
import { mintClientCertificate } from '../../src/simulator/pki/certificates.js';
import { authority } from './loopback.js';
import { exportPkcs12, type Pkcs12Encryption } from './pkcs12.js';

const PASSPHRASE = 'correct horse';
const client = mintClientCertificate(authority);

const readWithForge = (file: Buffer, passphrase: string): forge.pkcs12.Pkcs12Pfx =>
  forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(file.toString('latin1')), passphrase);

const derOf = (asn1: forge.asn1.Asn1): string => forge.util.encode64(forge.asn1.toDer(asn1).bytes());
const bodyOf = (pem: string): string => pem.replace(/-----.*-----|\s/g, '');

describe.each<Pkcs12Encryption>(['aes', 'legacy'])('exportPkcs12 with %s encryption', (encryption) => {
  const file = exportPkcs12({ ...client, cert: client.cert + authority.cert }, PASSPHRASE, encryption);

  it('writes a file from which node-forge reads every certificate and the key', () => {
    const [certificates, keys] = readWithForge(file, PASSPHRASE).safeContents;
    expect(certificates!.encrypted).toBe(true);
    expect(certificates!.safeBags.map((bag) => derOf(bag.asn1))).toEqual(
      [client.cert, authority.cert].map(bodyOf),
    );
    expect(keys!.safeBags.map((bag) => derOf(bag.asn1))).toEqual([bodyOf(client.key)]);
  });

  it('writes a file that node-forge refuses to read with another passphrase', () => {
    expect(() => readWithForge(file, 'guess')).toThrow(/Invalid password/);
  });
});

it('writes a file that Node reads by default with AES, and not with RC2', () => {
  const read = (encryption: Pkcs12Encryption) => () =>
    createSecureContext({ pfx: exportPkcs12(client, PASSPHRASE, encryption), passphrase: PASSPHRASE });
  expect(read('aes')).not.toThrow();
  expect(read('legacy')).toThrow(/unsupported/i);
});
