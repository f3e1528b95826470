/** PKCS#12 files, which Node reads but cannot write: made by the `openssl` command. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificateAndKey } from '../../src/simulator/certificates.js';

/** @param flags further flags, such as `-legacy` for the RC2 and 3DES of old */
export function exportPkcs12(
  { cert, key }: CertificateAndKey,
  passphrase: string,
  ...flags: string[]
): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  try {
    const file = join(folder, 'cert-and-key.pem');
    writeFileSync(file, cert + key, { mode: 0o600 });
    return execFileSync('openssl', [
      'pkcs12',
      '-export',
      ...flags,
      '-in',
      file,
      '-passout',
      `pass:${passphrase}`,
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
