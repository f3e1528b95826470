/** What the `openssl` command says of the simulator's certificates and the tests' PKCS#12 files, and does to clients. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import {
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
} from '../../src/simulator/pki/certificates.js';
import { CONSUMER_NAMES, CONSUMERS } from '../support/consumers.js';
import { authority } from '../support/loopback.js';
import { exportPkcs12 } from '../support/pkcs12.js';
import { startRefusingServer } from './openssl-server.js';
import { testWith } from './requirements.js';

const HOUR_MS = 3_600_000;

const test = testWith('openssl');

function createFile(content: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

describe('openssl verify -x509_strict', () => {
  const verify = (ca: string, cert: string, purpose: string): string => {
    const files = ['-CAfile', createFile(ca), createFile(cert)];
    const run = spawnSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, ...files]);
    return run.status === 0 ? 'ok' : String(run.stderr);
  };

  test('finds nothing wrong with what is right', () => {
    expect(verify(authority.cert, mintServerCertificate(authority).cert, 'sslserver')).toBe('ok');
    expect(verify(authority.cert, mintClientCertificate(authority).cert, 'sslclient')).toBe('ok');
    const topics = ['com.example.app.voip', 'com.example.app.complication'];
    expect(verify(authority.cert, mintClientCertificate(authority, { topics }).cert, 'sslclient')).toBe('ok');
  });

  test('reads a certificate that lasts beyond 2049', () => {
    const validTo = new Date('2060-02-29T00:00:00Z');
    const late = mintAuthority({ validTo });
    expect(verify(late.cert, mintServerCertificate(late, { validTo }).cert, 'sslserver')).toBe('ok');
    const dates = execFileSync('openssl', ['x509', '-noout', '-enddate', '-in', createFile(late.cert)]);
    expect(String(dates)).toContain('Feb 29 00:00:00 2060 GMT');
  });

  test('refuses an expired one, one of another authority, and one used for the other purpose', () => {
    const [from, to] = [new Date(Date.now() - 2 * HOUR_MS), new Date(Date.now() - HOUR_MS)];
    const expired = mintServerCertificate(authority, { validFrom: from, validTo: to });
    expect(verify(authority.cert, expired.cert, 'sslserver')).toContain('certificate has expired');
    const foreign = mintServerCertificate(mintAuthority());
    expect(verify(authority.cert, foreign.cert, 'sslserver')).toContain('unable to get local issuer');
    const server = mintServerCertificate(authority);
    expect(verify(authority.cert, server.cert, 'sslclient')).toContain('purpose');
  });
});

test.each([
  ['aes', []],
  ['legacy', ['-legacy']],
] as const)('openssl pkcs12 reads the certificates and the key, encrypted with %s', (encryption, flags) => {
  const client = mintClientCertificate(authority);
  const bundle = { cert: client.cert + authority.cert, key: client.key };
  const file = createFile(exportPkcs12(bundle, 'correct horse', encryption));
  const options = ['-in', file, '-nodes', '-passin', 'pass:correct horse'];
  const pem = execFileSync('openssl', ['pkcs12', ...flags, ...options], { encoding: 'utf8' });
  for (const part of [client.cert, authority.cert, client.key]) expect(pem).toContain(part.trim());
});

describe.each(CONSUMER_NAMES)('a %s that openssl s_server refuses with an alert', (name) => {
  test.each(['tls1_2', 'tls1_3'] as const)('fails with APNS_ERR_CREDENTIALS_REFUSED: %s', async (version) => {
    const port = await startRefusingServer(version);
    const tls = { ca: authority.cert, ...mintClientCertificate(authority) };
    const { code, outcomes } = await CONSUMERS[name]({
      host: '127.0.0.1',
      port,
      tls,
      connectTimeoutMs: 10_000,
    });
    // In TLS 1.3 the client may write before the alert arrives: then nothing is left to reconnect for.
    const isLate = version === 'tls1_3' && name === 'binary sink' && outcomes.join().includes('unknown');
    if (isLate) expect([undefined, 'APNS_ERR_CREDENTIALS_REFUSED']).toContain(code);
    else expect(code).toBe('APNS_ERR_CREDENTIALS_REFUSED');
  });
});
