import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type CertificateAndKey,
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
} from '../../../src/simulator/pki/certificates.js';
import { listenTls } from '../../support/loopback.js';

const HOUR_MS = 3_600_000;

describe('certificates', () => {
  const authority = mintAuthority();

  it('issues for localhost and both loopback addresses by default', () => {
    const { cert, key } = mintServerCertificate(authority);
    const x509 = new X509Certificate(cert);
    expect(x509.checkHost('localhost')).toBe('localhost');
    expect(x509.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(x509.checkIP('::1')).toBe('::1');
    expect(x509.checkHost('example.com')).toBeUndefined();
    expect(x509.checkIssued(new X509Certificate(authority.cert))).toBe(true);
    expect(x509.verify(new X509Certificate(authority.cert).publicKey)).toBe(true);
    expect(key).toContain('BEGIN PRIVATE KEY');
  });

  it('issues for whatever host is asked for', () => {
    const { cert } = mintServerCertificate(authority, { hosts: ['gateway.example.com', '2001:db8::8:1'] });
    const x509 = new X509Certificate(cert);
    expect(x509.checkHost('gateway.example.com')).toBe('gateway.example.com');
    expect(x509.checkIP('2001:db8::8:1')).toBe('2001:db8::8:1');
    expect(x509.checkHost('localhost')).toBeUndefined();
  });

  it('is back-dated by five minutes, and expires when it is told to', () => {
    const validTo = new Date(Date.now() - HOUR_MS);
    const validFrom = new Date(Date.now() - 2 * HOUR_MS);
    const expired = new X509Certificate(mintServerCertificate(authority, { validFrom, validTo }).cert);
    expect(Math.abs(Date.parse(expired.validTo) - validTo.getTime())).toBeLessThan(1000);
    const usual = new X509Certificate(mintServerCertificate(authority).cert);
    expect(Date.now() - Date.parse(usual.validFrom)).toBeGreaterThanOrEqual(5 * 60_000);
  });

  it('never gives the same serial number twice', () => {
    const serials = Array.from({ length: 20 }, () => {
      return new X509Certificate(mintServerCertificate(authority).cert).serialNumber;
    });
    expect(new Set(serials).size).toBe(20);
  });

  it('names the topic in CN and UID, as Apple does', () => {
    const x509 = new X509Certificate(mintClientCertificate(authority, { topic: 'com.example.one' }).cert);
    expect(x509.subject).toBe('UID=com.example.one\nCN=Apple Push Services: com.example.one');
    expect(x509.issuer).toBe('O=apns-streams simulator\nCN=apns-streams simulator CA');
  });

  it('carries the extensions of both environments, and the topics where there are several', () => {
    // OBJECT IDENTIFIER 1.2.840.113635.100.6.3.n
    const appleExtension = (n: string): string => `060a2a864886f763640603${n}`;
    const octetStringOfNull = '04020500';
    const one = new X509Certificate(mintClientCertificate(authority).cert).raw.toString('hex');
    expect(one).toContain(appleExtension('01') + octetStringOfNull);
    expect(one).toContain(appleExtension('02') + octetStringOfNull);
    expect(one).not.toContain(appleExtension('06'));
    const { cert } = mintClientCertificate(authority, { topics: ['com.example.app.voip'] });
    const several = new X509Certificate(cert).raw.toString('hex');
    expect(several).toContain(appleExtension('06'));
    expect(several).toContain(Buffer.from('com.example.app.voip').toString('hex'));
    const { cert: sandbox } = mintClientCertificate(authority, { environments: ['sandbox'] });
    const raw = new X509Certificate(sandbox).raw.toString('hex');
    expect([raw.includes(appleExtension('01')), raw.includes(appleExtension('02'))]).toEqual([true, false]);
  });
});

describe('a certificate in a handshake', () => {
  it('is accepted for what it was issued for', async () => {
    const authority = mintAuthority();
    const topics = ['com.example.app.voip', 'com.example.app.complication'];
    for (const options of [{}, { topics }]) {
      const server = mintServerCertificate(authority);
      const client = mintClientCertificate(authority, options);
      expect(await shakeHands({ authority, server, client })).toEqual({ server: null, client: null });
    }
  });

  it('is accepted if it lasts beyond 2049', async () => {
    const validTo = new Date('2060-02-29T00:00:00Z');
    const authority = mintAuthority({ validTo });
    const server = mintServerCertificate(authority, { validTo });
    const client = mintClientCertificate(authority, { validTo });
    for (const { cert } of [authority, server, client])
      expect(new X509Certificate(cert).validTo).toBe('Feb 29 00:00:00 2060 GMT');
    expect(await shakeHands({ authority, server, client })).toEqual({ server: null, client: null });
  });

  it('is refused if it is expired, of another authority, or issued for the other purpose', async () => {
    const authority = mintAuthority();
    const foreign = mintAuthority();
    const [validFrom, validTo] = [new Date(Date.now() - 2 * HOUR_MS), new Date(Date.now() - HOUR_MS)];
    const expired = { validFrom, validTo };
    const errors = [
      ['CERT_HAS_EXPIRED', [authority, expired]],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', [foreign]],
    ] as const;
    for (const [code, [issuer, options]] of errors) {
      const server = mintServerCertificate(issuer, options);
      const client = mintClientCertificate(issuer, options);
      expect(await shakeHands({ authority, server, client })).toEqual({ server: code, client: code });
    }
    const server = mintClientCertificate(authority);
    const client = mintServerCertificate(authority);
    expect(await shakeHands({ authority, server, client })).toEqual({
      server: 'INVALID_PURPOSE',
      client: 'INVALID_PURPOSE',
    });
  });
});

/** Why each certificate is refused by the peer that trusts the authority, or null. */
async function shakeHands(of: {
  authority: CertificateAndKey;
  server: CertificateAndKey;
  client: CertificateAndKey;
}): Promise<{ server: unknown; client: unknown }> {
  const trust = { ca: of.authority.cert, rejectUnauthorized: false };
  let accept: (socket: TLSSocket) => void;
  const accepted = new Promise<TLSSocket>((resolve) => {
    accept = resolve;
  });
  const port = await listenTls((socket) => accept(socket), { ...of.server, ...trust, requestCert: true });
  const socket = connect({ host: '127.0.0.1', port, ...of.client, ...trust });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  const peer = await accepted;
  return { server: socket.authorizationError ?? null, client: peer.authorizationError ?? null };
}
