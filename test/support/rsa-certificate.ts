/** An RSA certificate, such as Apple issues, signed by its own key: the simulator makes elliptic curve ones only. */
import { generateKeyPairSync } from 'node:crypto';
import forge from 'node-forge';
import type { CertificateAndKey } from '../../src/simulator/pki/certificates.js';

const DAY_MS = 86_400_000;

export function mintRsaCertificate(bits = 2048): CertificateAndKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + DAY_MS);
  const name = [{ name: 'commonName', value: 'Apple Push Services: com.example.app' }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  return { cert: forge.pki.certificateToPem(certificate).replaceAll('\r', ''), key: privateKey };
}
