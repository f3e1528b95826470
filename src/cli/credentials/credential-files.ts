/** Reads credentials from files. Neither the command line nor the environment can contain secrets. */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { TlsCredentialOptions } from '../../connection/credentials.js';
import type { ProviderTokenOptions } from '../../connection/provider-token.js';
import type { ProxyOptions } from '../../connection/proxy.js';
import { APPLE_ID_FORM, appleIdProblem } from '../../core/apple-id.js';
import { decodeText } from '../../core/decode-text.js';
import { CONNECTION_OPTIONS, type ConnectionValues } from '../args/connection-options.js';
import { shownValue } from '../args/mistaken-value.js';
import { noteOfUnusedProxy, parseProxy } from '../args/proxy-address.js';
import { CommandError, usageError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import type { CommandIo } from '../io.js';
import type { SendValues } from '../send/send-options.js';
import { type OptionFile, readOptionFile, readSecretFile } from './option-file.js';

/** The options of every command that name one file. */
type FileOption = 'cert' | 'key' | 'p12' | 'passphrase-file' | 'ca' | 'proxy-credentials-file';

/**
 * Reads the files that `values` name; a secret that other users can read gets one warning on stderr.
 *
 * @throws {CommandError} exit code 64 for options that contradict each other, 78 for a file that cannot be read
 */
export async function readCredentials(
  values: ConnectionValues & Partial<Pick<SendValues, 'provider-key'>>,
  io: CommandIo,
): Promise<TlsCredentialOptions> {
  if (values.p12 !== undefined && (values.cert !== undefined || values.key !== undefined)) {
    throw usageError('--p12 replaces --cert and --key: give either --p12 or the other two');
  }
  if ((values.cert === undefined) !== (values.key === undefined)) {
    throw usageError('--cert and --key belong together: give both');
  }
  const directory = values.credentials;
  const inDirectory = (name: string, option: string): OptionFile | undefined =>
    directory === undefined ? undefined : fileIn(directory, name, option);
  const named = (values.cert ?? values.p12 ?? values['provider-key']) !== undefined;
  const cert = fileOf('cert', values.cert) ?? (named ? undefined : inDirectory('client-cert.pem', '--cert'));
  const key = fileOf('key', values.key) ?? (named ? undefined : inDirectory('client-key.pem', '--key'));
  // A directory for Apple's hosts has no ca.pem, because well-known authorities issue their certificates.
  const ca = fileOf('ca', values.ca) ?? (await ifThere(inDirectory('ca.pem', '--ca')));
  const p12 = fileOf('p12', values.p12);
  const passphrase = fileOf('passphrase-file', values['passphrase-file']);
  return {
    ...(cert === undefined ? {} : { cert: await readOptionFile(cert) }),
    ...(key === undefined ? {} : { key: await readSecretFile(key, io) }),
    ...(p12 === undefined ? {} : { pfx: await readSecretFile(p12, io) }),
    ...(passphrase === undefined ? {} : { passphrase: firstLine(await readSecretFile(passphrase, io)) }),
    ...(ca === undefined ? {} : { ca: await readOptionFile(ca) }),
  };
}

/**
 * The proxy to go through, with credentials from their file, if one is named.
 *
 * @throws {CommandError} exit code 64 for options that do not fit, 78 for a file that cannot be read
 */
export async function readProxy(
  values: ConnectionValues & { readonly to?: string | undefined; readonly host?: string | undefined },
  io: CommandIo,
): Promise<ProxyOptions | undefined> {
  const { proxy, 'proxy-credentials-file': path } = values;
  const file = fileOf('proxy-credentials-file', path);
  if (proxy === undefined) {
    if (file !== undefined) throw usageError('--proxy-credentials-file needs --proxy: give both');
    const note = noteOfUnusedProxy(values.to ?? values.host ?? '', io.env);
    if (note !== undefined) io.stderr.write(`apns-streams: note: ${note}\n`);
    return undefined;
  }
  const { host, port } = parseProxy(proxy);
  if (file === undefined) return { host, port: port ?? 80 };
  const credentials = firstLine(await readSecretFile(file, io));
  const colon = credentials.indexOf(':');
  if (colon < 1) {
    throw new CommandError(
      ExitCode.BadConfiguration,
      'the file of --proxy-credentials-file must contain USER:PASSWORD',
    );
  }
  const [username, password] = [credentials.slice(0, colon), credentials.slice(colon + 1)];
  return { host, port: port ?? 80, username, password };
}

/**
 * Reads the key that provider tokens are made with, if one is named.
 *
 * @throws {CommandError} exit code 64 for options that are missing, 78 for a file that cannot be read
 */
export async function readProviderToken(
  values: SendValues,
  io: CommandIo,
): Promise<ProviderTokenOptions | undefined> {
  const { 'provider-key': path, 'team-id': teamId } = values;
  const named = path === undefined ? undefined : keyIdIn(path);
  const keyId = values['key-id'] ?? named;
  if (path === undefined && keyId === undefined && teamId === undefined) return undefined;
  if (path === undefined || keyId === undefined || teamId === undefined) {
    throw usageError(
      '--provider-key, --key-id and --team-id belong together: give all three',
      '--key-id is optional if the file name is AuthKey_ID.p8',
    );
  }
  if (named !== undefined && named !== keyId) {
    throw usageError(
      `--key-id differs from the id in the name of the key file, ${named}`,
      named === teamId
        ? '--key-id and --team-id look swapped: swap them'
        : 'omit --key-id, or give the file of the key that it names',
    );
  }
  if (values.cert !== undefined || values.p12 !== undefined) {
    throw usageError('--provider-key replaces a client certificate: omit --cert, --key and --p12');
  }
  const file = { path, option: '--provider-key', contents: 'the key' };
  return { key: await readSecretFile(file, io), keyId, teamId };
}

/** Reads the key id from the file name that Apple gives the key. */
function keyIdIn(path: string): string | undefined {
  const id = /^AuthKey_(.+)\.p8$/.exec(basename(path))?.[1];
  return id === undefined || appleIdProblem(id) !== undefined ? undefined : id;
}

/**
 * `values` with all that `--auth token` finds in the directory of `--credentials`: the provider key, its two ids and
 * the topic. Options that are given explicitly take precedence.
 *
 * @throws {CommandError} exit code 64 without a directory, 78 for one that does not hold all of it
 */
export async function withProviderKey(values: SendValues): Promise<SendValues> {
  const { auth, credentials: directory } = values;
  if (auth !== 'token' || values['provider-key'] !== undefined) return values;
  if (directory === undefined) {
    throw usageError(
      '--auth token requires --credentials DIR',
      'give --credentials DIR, or give --provider-key, --key-id and --team-id',
    );
  }
  const file = fileIn(directory, 'credentials.json', '--credentials');
  const index = readIndex(decodeText(await readOptionFile(file)));
  if (index === undefined) {
    throw new CommandError(
      ExitCode.BadConfiguration,
      `${file.shown} must hold keyId and teamId (each ${APPLE_ID_FORM}) and, unless --topic is given, topic`,
    );
  }
  const { keyId, teamId, topic } = index;
  return {
    ...values,
    'provider-key': join(directory, `AuthKey_${keyId}.p8`),
    'key-id': values['key-id'] ?? keyId,
    'team-id': values['team-id'] ?? teamId,
    topic: values.topic ?? topic,
  };
}

/** The key id becomes part of a file name, so it must not be able to lead out of the directory. */
function readIndex(text: string): { keyId: string; teamId: string; topic: string | undefined } | undefined {
  let index: Record<string, unknown>;
  try {
    index = Object(JSON.parse(text));
  } catch {
    return undefined;
  }
  const { keyId, teamId, topic } = index;
  for (const id of [keyId, teamId]) {
    if (typeof id !== 'string' || appleIdProblem(id) !== undefined) return undefined;
  }
  return {
    keyId: keyId as string,
    teamId: teamId as string,
    topic: typeof topic === 'string' ? topic : undefined,
  };
}

async function ifThere(file: OptionFile | undefined): Promise<OptionFile | undefined> {
  if (file === undefined) return undefined;
  return stat(file.path).then(
    () => file,
    (error) => (error.code === 'ENOENT' ? undefined : file),
  );
}

const MAKE_CREDENTIALS =
  'apns-streams simulate --credentials DIR writes such a directory for the simulator; for another gateway, put the files there that docs/command.md lists';

function fileIn(directory: string, name: string, option: string): OptionFile {
  const shown = join(shownValue(directory), name);
  return {
    path: join(directory, name),
    option,
    shown,
    contents: 'the key',
    adviceIfMissing: MAKE_CREDENTIALS,
  };
}

/** The file that one of the options names. */
function fileOf(name: FileOption, path: string | undefined): OptionFile | undefined {
  if (path === undefined) return undefined;
  return {
    path,
    option: `--${name}`,
    contents: CONNECTION_OPTIONS[name].contents,
    anyWord: name === 'passphrase-file' || name === 'proxy-credentials-file',
  };
}

function firstLine(bytes: Buffer): string {
  return (decodeText(bytes).split('\n', 1)[0] as string).replace(/\r$/, '');
}
