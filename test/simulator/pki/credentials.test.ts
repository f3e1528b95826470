import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import { mintAuthority, mintServerCertificate } from '../../../src/simulator/pki/certificates.js';
import {
  mintCredentials,
  readCredentials,
  writeCredentials,
} from '../../../src/simulator/pki/credentials.js';
import { exchange, startSimulator } from '../raw-client.js';

const code = 'APNS_ERR_BAD_CREDENTIALS';
let directory: string;

beforeEach(async () => {
  const parent = await mkdtemp(join(tmpdir(), 'apns-streams-credentials-'));
  directory = join(parent, 'set');
  return () => rm(parent, { recursive: true });
});

describe('credentials', () => {
  it('are written as the files that a client asks for', async () => {
    const credentials = mintCredentials('com.example.one');
    const { keyId, teamId } = credentials;
    await writeCredentials({ credentials }, directory);
    const keys = ['client-key.pem', 'server-key.pem', `AuthKey_${keyId}.p8`];
    const others = ['ca.pem', 'client-cert.pem', 'server-cert.pem', 'credentials.json'];
    expect((await readdir(directory)).sort()).toEqual([...keys, ...others].sort());
    for (const file of keys) expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600);
    const index = JSON.parse(await readFile(join(directory, 'credentials.json'), 'utf8'));
    expect(index).toEqual({ keyId, teamId, topic: 'com.example.one' });
    expect(keyId).toMatch(/^[A-Z0-9]{10}$/);
    expect(teamId).toMatch(/^[A-Z0-9]{10}$/);
    const providerKey = createPrivateKey(await readFile(join(directory, `AuthKey_${keyId}.p8`)));
    expect(providerKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });

  it('are read back as they were, and written again without harm', async () => {
    const credentials = mintCredentials('com.example.app');
    await writeCredentials({ credentials }, directory);
    await writeCredentials({ credentials }, directory);
    expect(await readCredentials(directory)).toEqual(credentials);
  });

  it('are absent where there is no directory', async () => {
    expect(await readCredentials(directory)).toBeUndefined();
  });

  it('never replace a file that holds something else', async () => {
    const credentials = mintCredentials('com.example.app');
    await writeCredentials({ credentials }, directory);
    const other = { credentials: mintCredentials('com.example.app') };
    await expect(writeCredentials(other, directory)).rejects.toMatchObject({ code });
    expect(await readCredentials(directory)).toEqual(credentials);
  });

  it.each<[string, (dir: string) => Promise<void>]>([
    ['a file is missing', (dir) => rm(join(dir, 'client-key.pem'))],
    ['the index is not JSON', (dir) => writeFile(join(dir, 'credentials.json'), '{')],
    ['the index is null', (dir) => writeFile(join(dir, 'credentials.json'), 'null')],
    [
      'the key id leads out of the directory',
      (dir) => writeFile(join(dir, 'credentials.json'), '{"keyId":"../../../x","teamId":"A","topic":"t"}'),
    ],
    ['a certificate is none', (dir) => writeFile(join(dir, 'ca.pem'), 'no')],
    [
      'a certificate has expired',
      (dir) => {
        const validTo = new Date(Date.now() - 1000);
        return writeFile(
          join(dir, 'server-cert.pem'),
          mintServerCertificate(mintAuthority(), { validTo }).cert,
        );
      },
    ],
  ])('are refused when %s', async (_problem, spoil) => {
    await writeCredentials({ credentials: mintCredentials('com.example.app') }, directory);
    await spoil(directory);
    await expect(readCredentials(directory)).rejects.toMatchObject({ code });
  });

  it('are refused when a file cannot be read', async () => {
    await writeCredentials({ credentials: mintCredentials('com.example.app') }, directory);
    // Not by its mode, which means nothing to the superuser.
    await rm(join(directory, 'client-key.pem'));
    await mkdir(join(directory, 'client-key.pem'));
    await expect(readCredentials(directory)).rejects.toMatchObject({ code });
  });

  it('outlive a restart, so that clients need not be told', async () => {
    const first = await startSimulator({ credentials: directory, topic: 'com.example.one' });
    await first.close();
    const second = await startSimulator({ credentials: directory });
    expect(second.credentials).toEqual(first.credentials);
    const frame = encodeFrame({ deviceToken: '', payload: '{}', identifier: 1 });
    expect((await exchange(second.gateway, first.credentials, frame)).bytes.toString('hex')).toBe(
      '080200000001',
    );
  });

  it('have an RSA key for clients in a directory, as old clients demand, and it is accepted', async () => {
    const simulator = await startSimulator({ credentials: directory });
    const pem = await readFile(join(directory, 'client-key.pem'), 'utf8');
    const key = createPrivateKey(pem);
    expect([key.asymmetricKeyType, key.asymmetricKeyDetails?.modulusLength]).toEqual(['rsa', 2048]);
    const certificate = new X509Certificate(await readFile(join(directory, 'client-cert.pem')));
    expect(certificate.checkPrivateKey(key)).toBe(true);
    expect(certificate.verify(new X509Certificate(simulator.credentials.ca).publicKey)).toBe(true);
    const frame = encodeFrame({ deviceToken: '', payload: '{}', identifier: 1 });
    const { bytes } = await exchange(simulator.gateway, simulator.credentials, frame);
    expect(bytes.toString('hex')).toBe('080200000001');
  });

  it.each([
    [{}, 'ec'],
    [{ clientKey: 'rsa' }, 'rsa'],
  ] as const)('have the key that is asked for in memory: %o', async (options, keyType) => {
    const { credentials } = await startSimulator(options);
    expect(createPrivateKey(credentials.key).asymmetricKeyType).toBe(keyType);
  });

  it('have no key of another kind', async () => {
    await expect(startSimulator({ clientKey: 'dsa' as never })).rejects.toMatchObject({
      code: 'APNS_ERR_INVALID_OPTION',
    });
  });

  it('can be handed from one simulator to another, but not under another topic', async () => {
    const first = await startSimulator();
    const second = await startSimulator({ credentials: first.credentials });
    expect(second.credentials).toEqual(first.credentials);
    const other = startSimulator({ credentials: first.credentials, topic: 'com.example.other' });
    await expect(other).rejects.toMatchObject({ code: 'APNS_ERR_INVALID_OPTION' });
  });
});
