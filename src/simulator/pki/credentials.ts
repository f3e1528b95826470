/**
 * The credentials of both sides of a simulator. They are created at the first start and kept in a directory, so that
 * later starts use the same ones.
 */
import { generateKeyPairSync, randomInt, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type InspectOptionsStylized, inspect } from 'node:util';
import { APPLE_ID_FORM, appleIdProblem } from '../../core/apple-id.js';
import { ApnsError, invalidOption } from '../../core/errors.js';
import { type KeyType, mintAuthority, mintClientCertificate, mintServerCertificate } from './certificates.js';

/** Certificates and keys as PEM text, for loopback only. */
export interface SimulatorCredentials {
  /** The authority that issued both certificates; its key is not kept. */
  readonly ca: string;
  /** The client certificate. */
  readonly cert: string;
  /** The client certificate's key. */
  readonly key: string;
  /** The certificate of the simulator's own services. */
  readonly serverCert: string;
  readonly serverKey: string;
  /** The provider's signing key (an elliptic curve key, as in an `AuthKey_….p8`). */
  readonly providerKey: string;
  /** 10 letters and digits. */
  readonly keyId: string;
  /** 10 letters and digits. */
  readonly teamId: string;
  /** The bundle identifier that the client certificate is for. */
  readonly topic: string;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const INDEX_FILE = 'credentials.json';

const FIELDS = [
  'ca',
  'cert',
  'key',
  'serverCert',
  'serverKey',
  'providerKey',
  'keyId',
  'teamId',
  'topic',
] as const satisfies (keyof SimulatorCredentials)[];

/** @throws {ApnsError} APNS_ERR_INVALID_OPTION for what is no complete set of credentials */
export function checkCredentials(credentials: SimulatorCredentials): void {
  if (typeof credentials !== 'object' || credentials === null) {
    throw invalidOption('credentials', 'a directory, or the credentials of a simulator', credentials);
  }
  for (const field of FIELDS) {
    const value = credentials[field];
    if (typeof value !== 'string') throw invalidOption(`credentials.${field}`, 'a string', value);
  }
}

/**
 * Creates a complete set.
 *
 * @param keyType the type of the client's key; the others are elliptic curve keys
 */
export function mintCredentials(topic: string, keyType: KeyType = 'ec'): SimulatorCredentials {
  const authority = mintAuthority();
  const server = mintServerCertificate(authority);
  const { privateKey: providerKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return {
    ca: authority.cert,
    ...mintClientCertificate(authority, { topic, keyType }),
    serverCert: server.cert,
    serverKey: server.key,
    providerKey,
    keyId: randomId(),
    teamId: randomId(),
    topic,
  };
}

/**
 * The same credentials, but `util.inspect` shows only the ids, because a simulator may be logged as a whole. They
 * remain ordinary properties.
 */
export function withoutKeysInLogs(credentials: SimulatorCredentials): SimulatorCredentials {
  const { keyId, teamId, topic } = credentials;
  const shown = (_depth: number, options: InspectOptionsStylized): string =>
    `SimulatorCredentials ${inspect({ keyId, teamId, topic }, options)}`;
  return Object.defineProperty({ ...credentials }, inspect.custom, { value: shown });
}

/**
 * Writes a simulator's credentials: `ca.pem`, `client-cert.pem`, `client-key.pem`, `server-cert.pem`,
 * `server-key.pem`, `AuthKey_<keyId>.p8` and `credentials.json` with keyId, teamId and topic. Keys are
 * readable by their owner only. A file that is already there with the same contents is left alone. If a file cannot be
 * written, those that were written before it are removed, and the directory too if this made it.
 *
 * @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS for a file that cannot be written, and rather than overwrite a file with
 *   other contents
 */
export async function writeCredentials(
  simulator: { readonly credentials: SimulatorCredentials },
  directory: string,
): Promise<void> {
  const { credentials } = simulator;
  const { keyId, teamId, topic } = credentials;
  const made = await mkdir(directory, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  try {
    for (const [field, file] of fileNames(keyId))
      await writeOnce(directory, file, credentials[field], written);
    await writeOnce(directory, INDEX_FILE, `${JSON.stringify({ keyId, teamId, topic }, null, 2)}\n`, written);
  } catch (error) {
    for (const path of written) await rm(path, { force: true });
    // If another process has put a file there meanwhile, the directory stays.
    if (made !== undefined) await rmdir(directory).catch(() => {});
    throw error;
  }
}

/**
 * Reads what {@link writeCredentials} wrote; `undefined` where the directory holds no `credentials.json`.
 *
 * @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS for a set that is incomplete, unreadable or expired
 */
export async function readCredentials(directory: string): Promise<SimulatorCredentials | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, INDEX_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(directory, INDEX_FILE, 'cannot be read', error);
  }
  const { keyId, teamId, topic } = parseIndex(directory, text);
  const pem: Record<string, string> = {};
  for (const [field, file] of fileNames(keyId)) {
    try {
      pem[field] = await readFile(join(directory, file), 'utf8');
    } catch (error) {
      throw unusable(directory, file, 'cannot be read', error);
    }
  }
  const credentials = { ...(pem as Record<PemField, string>), keyId, teamId, topic };
  for (const field of ['ca', 'cert', 'serverCert'] as const) {
    const file = new Map(fileNames(keyId)).get(field) as string;
    checkCertificate(directory, file, credentials[field]);
  }
  return credentials;
}

type PemField = Exclude<keyof SimulatorCredentials, 'keyId' | 'teamId' | 'topic'>;

function fileNames(keyId: string): readonly (readonly [PemField, string])[] {
  return [
    ['ca', 'ca.pem'],
    ['cert', 'client-cert.pem'],
    ['key', 'client-key.pem'],
    ['serverCert', 'server-cert.pem'],
    ['serverKey', 'server-key.pem'],
    ['providerKey', `AuthKey_${keyId}.p8`],
  ];
}

/** @param written receives the path of a file that this creates, complete or not */
async function writeOnce(
  directory: string,
  file: string,
  contents: string,
  written: string[],
): Promise<void> {
  const path = join(directory, file);
  const mode = /key/i.test(file) ? 0o600 : 0o644;
  try {
    const created = await open(path, 'wx', mode);
    written.push(path);
    await created.writeFile(contents).finally(() => created.close());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw unusable(directory, file, `cannot be written (${code})`, error);
    if ((await readFile(path, 'utf8')) === contents) return;
    throw unusable(directory, file, 'already exists with other contents, and is not overwritten', error);
  }
}

function parseIndex(directory: string, text: string): { keyId: string; teamId: string; topic: string } {
  let index: { keyId?: unknown; teamId?: unknown; topic?: unknown } | null;
  try {
    index = JSON.parse(text);
  } catch (error) {
    throw unusable(directory, INDEX_FILE, 'is not JSON', error);
  }
  const { keyId, teamId, topic } = index ?? {};
  // The key id becomes part of a file name, so it must not be able to lead out of the directory.
  if (
    typeof keyId === 'string' &&
    typeof teamId === 'string' &&
    appleIdProblem(keyId) === undefined &&
    appleIdProblem(teamId) === undefined &&
    typeof topic === 'string'
  ) {
    return { keyId, teamId, topic };
  }
  throw unusable(directory, INDEX_FILE, `must hold keyId and teamId (each ${APPLE_ID_FORM}) and topic`);
}

function checkCertificate(directory: string, file: string, pem: string): void {
  let validTo: number;
  try {
    validTo = Date.parse(new X509Certificate(pem).validTo);
  } catch (error) {
    throw unusable(directory, file, 'is not a certificate', error);
  }
  if (validTo < Date.now())
    throw unusable(directory, file, 'has expired; delete the directory for a new set');
}

function unusable(directory: string, file: string, problem: string, cause?: unknown): ApnsError {
  const message = `${join(directory, file)} ${problem}`;
  return new ApnsError('APNS_ERR_BAD_CREDENTIALS', message, cause === undefined ? undefined : { cause });
}

function randomId(): string {
  return Array.from({ length: 10 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
