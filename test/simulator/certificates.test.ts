import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
} from '../../src/simulator/certificates.js';

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

describe('openssl verify -x509_strict', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'apns-streams-certificates-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const verify = (ca: string, cert: string, purpose: string): string => {
    writeFileSync(join(directory, 'ca.pem'), ca);
    writeFileSync(join(directory, 'cert.pem'), cert);
    const files = ['-CAfile', join(directory, 'ca.pem'), join(directory, 'cert.pem')];
    const run = spawnSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, ...files]);
    return run.status === 0 ? 'ok' : String(run.stderr);
  };

  it('finds nothing wrong with what is right', () => {
    const authority = mintAuthority();
    expect(verify(authority.cert, mintServerCertificate(authority).cert, 'sslserver')).toBe('ok');
    expect(verify(authority.cert, mintClientCertificate(authority).cert, 'sslclient')).toBe('ok');
    const topics = ['com.example.app.voip', 'com.example.app.complication'];
    expect(verify(authority.cert, mintClientCertificate(authority, { topics }).cert, 'sslclient')).toBe('ok');
  });

  it('reads a certificate that lasts beyond 2049', () => {
    const validTo = new Date('2060-02-29T00:00:00Z');
    const authority = mintAuthority({ validTo });
    expect(verify(authority.cert, mintServerCertificate(authority, { validTo }).cert, 'sslserver')).toBe(
      'ok',
    );
    writeFileSync(join(directory, 'late.pem'), authority.cert);
    const dates = execFileSync('openssl', ['x509', '-noout', '-enddate', '-in', join(directory, 'late.pem')]);
    expect(String(dates)).toContain('Feb 29 00:00:00 2060 GMT');
  });

  it('refuses an expired one, one of another authority, and one used for the other purpose', () => {
    const authority = mintAuthority();
    const [from, to] = [new Date(Date.now() - 2 * HOUR_MS), new Date(Date.now() - HOUR_MS)];
    const expired = mintServerCertificate(authority, { validFrom: from, validTo: to });
    expect(verify(authority.cert, expired.cert, 'sslserver')).toContain('certificate has expired');
    const foreign = mintServerCertificate(mintAuthority());
    expect(verify(authority.cert, foreign.cert, 'sslserver')).toContain('unable to get local issuer');
    const server = mintServerCertificate(authority);
    expect(verify(authority.cert, server.cert, 'sslclient')).toContain('purpose');
  });
});
