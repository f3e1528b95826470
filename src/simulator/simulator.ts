/** A gateway, a feedback service and the HTTP/2 provider API on loopback, for programs to be tested against. */
import type { SecureVersion, TlsOptions } from 'node:tls';
import { invalidOption } from '../core/errors.js';
import { headerTextProblem } from '../core/notification-rules.js';
import { checkOptionNames, choiceOption, integerOption } from '../core/options.js';
import type { AcceptedRecord, RecordDetail } from './accepted-record.js';
import { GatewayService, type GatewayServiceOptions } from './binary/service.js';
import type { ChannelRegistry } from './channel-registry.js';
import type { DeviceRegistry } from './device-registry.js';
import { FeedbackService, type FeedbackServiceOptions } from './feedback/service.js';
import { Http2Service, type Http2ServiceOptions } from './http2/service.js';
import type { KeyType } from './pki/certificates.js';
import {
  checkCredentials,
  mintCredentials,
  readCredentials,
  type SimulatorCredentials,
  withoutKeysInLogs,
  writeCredentials,
} from './pki/credentials.js';
import type { ConnectionCounts, SimulatorCounts } from './simulator-counts.js';
import { SimulatorState } from './simulator-state.js';
import {
  type ConnectionLimits,
  checkConnectionLimits,
  LOOPBACK_HOSTS,
  type LoopbackHost,
} from './tls-listener.js';

/** TLS options of the simulator's services. */
export interface SimulatorTlsOptions {
  /** PEM; an expired one, or one for another host, to see clients refuse it. @default made at start */
  readonly cert?: string;
  /** PEM, the key of `cert`. */
  readonly key?: string;
  /** @default Node's, TLS 1.2 */
  readonly minVersion?: SecureVersion;
  /** @default Node's, TLS 1.3 */
  readonly maxVersion?: SecureVersion;
  /** OpenSSL's cipher list; `DEFAULT@SECLEVEL=0` is what TLS 1.0 and 1.1 need. @default Node's */
  readonly ciphers?: string;
}

/** Options of {@link createSimulator}. */
export interface SimulatorOptions {
  /** The address of every service; only loopback is possible. @default '127.0.0.1' */
  readonly host?: LoopbackHost;
  /** The app's bundle identifier. @default 'com.example.app', or that of the credentials given */
  readonly topic?: string;
  /**
   * Credentials to use again: those of another simulator, or a directory that holds them. A directory
   * without any gets new ones written to it (see {@link writeCredentials}). @default made, and not written
   */
  readonly credentials?: string | SimulatorCredentials;
  /**
   * The type of the client's key in new credentials. Apple's push certificates have RSA keys, and old clients read no
   * other type, but an RSA key takes 50 to 500 ms to create. @default 'rsa' for a directory, otherwise 'ec'
   */
  readonly clientKey?: KeyType;
  /** How much of each accepted notification `accepted` keeps. @default 'full' */
  readonly record?: RecordDetail;
  /** How many accepted notifications are recorded; further ones are only counted. @default 1000000 */
  readonly recordLimit?: number;
  readonly limits?: ConnectionLimits;
  readonly tls?: SimulatorTlsOptions;
  readonly gateway?: GatewayServiceOptions;
  readonly feedback?: FeedbackServiceOptions;
  readonly http2?: Http2ServiceOptions;
}

/** A running simulator. */
export interface Simulator {
  readonly gateway: GatewayService;
  readonly feedback: FeedbackService;
  /** The provider API, broadcast and channel management. */
  readonly http2: Http2Service;
  /** The credentials of a client: `{ ca, cert, key }` are `tls` options. */
  readonly credentials: SimulatorCredentials;
  readonly devices: DeviceRegistry;
  /** The channels of broadcasts. */
  readonly channels: ChannelRegistry;
  /** The accepted notifications, in order. */
  readonly accepted: AcceptedRecord;
  readonly counts: Readonly<SimulatorCounts>;
  /**
   * The counts of each connection, in the order of their handshakes, for at least the latest 10,000 connections. The
   * objects are live: their counts continue to change.
   */
  readonly connections: readonly Readonly<ConnectionCounts>[];
  /**
   * Resolves as soon as the counts meet a condition, at once if they do already.
   *
   * @throws {ApnsError} APNS_ERR_CLOSED if the simulator is closed first
   */
  waitFor(condition: (counts: Readonly<SimulatorCounts>) => boolean): Promise<void>;
  /**
   * Stops listening and ends every connection at once. Requests without a response are discarded. When the promise
   * resolves, the counts include them and no longer change. Calling it again has no effect.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const DEFAULT_TOPIC = 'com.example.app';

/**
 * Starts a simulator. It makes its own certificates, and never listens on anything but loopback.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS; or the system's error where a
 *   port cannot be had
 */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  checkOptionNames('options', options, [
    'host',
    'topic',
    'credentials',
    'clientKey',
    'record',
    'recordLimit',
    'limits',
    'tls',
    'gateway',
    'feedback',
    'http2',
  ]);
  const details = ['full', 'tokens', 'counts'] as const;
  const state = new SimulatorState(
    choiceOption('record', options.record, details, 'full'),
    integerOption('recordLimit', options.recordLimit, { default: 1_000_000, min: 0 }),
  );
  const limits = checkConnectionLimits(options.limits);
  const host = choiceOption('host', options.host, LOOPBACK_HOSTS, LOOPBACK_HOSTS[0]);
  const credentials = withoutKeysInLogs(await loadCredentials(options));
  const context = { state, host, limits, tls: serverTls(credentials, options.tls) };
  const services: { close(): Promise<void> }[] = [];
  const started = async <T extends { close(): Promise<void> }>(service: Promise<T>): Promise<T> => {
    services.push(await service);
    return service;
  };
  const close = async (): Promise<void> => {
    await Promise.all(services.map((service) => service.close()));
    await state.close();
  };
  let gateway: GatewayService;
  let feedback: FeedbackService;
  let http2: Http2Service;
  try {
    gateway = await started(GatewayService.start(context, options.gateway));
    feedback = await started(FeedbackService.start(context, options.feedback));
    http2 = await started(Http2Service.start(context, credentials, options.http2));
  } catch (error) {
    await close();
    throw error;
  }
  const simulator: Simulator = {
    gateway,
    feedback,
    http2,
    credentials,
    devices: state.devices,
    channels: state.channels,
    accepted: state.accepted,
    counts: state.counts,
    get connections() {
      return state.connections;
    },
    waitFor: (condition) => state.waitFor(condition),
    close,
    [Symbol.asyncDispose]: close,
  };
  const at = ({ host, port }: { host: LoopbackHost; port: number }): object => ({ host, port });
  // Show the addresses, but neither keys nor recorded device tokens.
  Object.defineProperty(simulator, 'toJSON', {
    value: () => ({ gateway: at(gateway), feedback: at(feedback), http2: at(http2) }),
  });
  return simulator;
}

async function loadCredentials(options: SimulatorOptions): Promise<SimulatorCredentials> {
  const { credentials: source, topic } = options;
  const usualKey = typeof source === 'string' ? 'rsa' : 'ec';
  const keyType = choiceOption('clientKey', options.clientKey, ['ec', 'rsa'], usualKey);
  const problem = topic === undefined ? undefined : headerTextProblem(topic);
  if (problem !== undefined) throw invalidOption('topic', 'a bundle identifier', topic);
  if (source === undefined) return mintCredentials(topic ?? DEFAULT_TOPIC, keyType);
  if (typeof source !== 'string') checkCredentials(source);
  // Otherwise, this would create a directory with that name.
  else if (source.includes('-----BEGIN'))
    throw invalidOption('credentials', 'the path of a directory', source);
  const found = typeof source === 'string' ? await readCredentials(source) : source;
  if (found === undefined) {
    const credentials = mintCredentials(topic ?? DEFAULT_TOPIC, keyType);
    await writeCredentials({ credentials }, source as string);
    return credentials;
  }
  if (topic === undefined || topic === found.topic) return found;
  throw invalidOption('topic', 'the topic of the credentials, or absent', topic);
}

function serverTls(credentials: SimulatorCredentials, tls: SimulatorTlsOptions = {}): TlsOptions {
  checkOptionNames('tls', tls, ['cert', 'key', 'minVersion', 'maxVersion', 'ciphers']);
  return {
    cert: credentials.serverCert,
    key: credentials.serverKey,
    ...tls,
    ca: credentials.ca,
    requestCert: true,
    rejectUnauthorized: true,
  };
}
