/** The HTTP/2 side: the port that serves the provider API and broadcast, and its connections. */
import { checkOptionNames } from '../../core/options.js';
import { flagFault } from '../fault-option.js';
import type { ApnsEnvironment } from '../pki/certificates.js';
import type { SimulatorCredentials } from '../pki/credentials.js';
import type { ServiceContext } from '../service-context.js';
import { type LoopbackConnection, type LoopbackHost, listenTls, type TlsListener } from '../tls-listener.js';
import { ProviderConnection } from './connection.js';
import type { ProviderContext } from './context.js';
import { HTTP2_FAULT_NAMES, Http2FaultState, type Http2Faults } from './faults.js';
import {
  checkTopics,
  environmentOption,
  type KnownKeys,
  knownKeys,
  type ProviderKey,
} from './provider-keys.js';
import { ProviderTokenCheck } from './provider-token-check.js';

/** The port of the HTTP/2 side, the apps and keys that it accepts, and its initial faults. */
export interface Http2ServiceOptions extends Http2Faults {
  /** @default 0, any free port */
  readonly port?: number;
  /**
   * The apps of the team, by bundle identifier, that a provider token is good for; each with the suffixes
   * that push types ask for. @default the topic of the credentials
   */
  readonly topics?: readonly string[];
  /** Provider keys in addition to that of the credentials. @default none */
  readonly providerKeys?: readonly ProviderKey[];
  /**
   * The environment of the service. A certificate without Apple's extension for it gets BadCertificateEnvironment; a
   * provider key of the other environment gets BadEnvironmentKeyIdInToken. @default both
   */
  readonly environment?: ApnsEnvironment;
  /** Whether responses carry `apns-unique-id`, as those of the sandbox do. @default false */
  readonly uniqueId?: boolean;
}

const OPTION_NAMES = ['port', 'topics', 'uniqueId', 'providerKeys', 'environment'];

/**
 * The HTTP/2 provider API of a simulator, with broadcast and channel management: answers each request with
 * the status and reason that Apple documents. Apple, "Sending notification requests to APNs".
 */
export class Http2Service {
  readonly #context: ProviderContext;
  readonly #connections = new Set<ProviderConnection>();
  readonly #ownKey: ProviderKey;
  #topics: readonly string[];
  #providerKeys: readonly ProviderKey[];
  #listener: TlsListener | undefined;

  private constructor(
    context: ProviderContext,
    ownKey: ProviderKey,
    topics: readonly string[],
    providerKeys: readonly ProviderKey[],
  ) {
    this.#context = context;
    this.#ownKey = ownKey;
    this.#topics = topics;
    this.#providerKeys = providerKeys;
  }

  /**
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS; or the system's error if the port is not
   *   available
   */
  static async start(
    context: ServiceContext,
    credentials: SimulatorCredentials,
    options: Http2ServiceOptions = {},
  ): Promise<Http2Service> {
    checkOptionNames('http2', options, [...OPTION_NAMES, ...HTTP2_FAULT_NAMES]);
    const {
      port,
      topics = [credentials.topic],
      uniqueId,
      providerKeys = [],
      environment,
      ...changes
    } = options;
    const faults = new Http2FaultState();
    faults.change(changes);
    const { providerKey: key, keyId, teamId } = credentials;
    const ownKey = { key, keyId, teamId };
    const service = new Http2Service(
      {
        ...context,
        faults,
        tokens: new ProviderTokenCheck(readKeys(ownKey, topics, providerKeys)),
        environment: environmentOption('http2.environment', environment),
        uniqueId: flagFault('http2.uniqueId', uniqueId, false),
      },
      ownKey,
      topics,
      providerKeys,
    );
    service.#listener = await listenTls({
      ...context,
      name: 'http2',
      port,
      // A client certificate is requested but not required. Each request checks the certificate.
      tls: { ...context.tls, rejectUnauthorized: false, ALPNProtocols: ['h2'] },
      onConnection: (connection) => service.#onConnection(connection),
    });
    return service;
  }

  get host(): LoopbackHost {
    return this.#context.host;
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /**
   * Changes faults from now on, for old connections as for new ones; those not named stay as they are.
   *
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION; then nothing is changed
   */
  setFaults(changes: Http2Faults): void {
    checkOptionNames('http2', changes, HTTP2_FAULT_NAMES);
    this.#context.faults.change(changes);
    for (const connection of this.#connections) connection.updateLimit();
  }

  /**
   * Changes the topics that provider tokens are valid for. A connection keeps the topics of its first push, as Apple's
   * do: a new topic gets TopicDisallowed on it.
   *
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION; then nothing is changed
   */
  setTopics(topics: readonly string[]): void {
    this.#context.tokens.setKeys(readKeys(this.#ownKey, topics, this.#providerKeys));
    this.#topics = topics;
  }

  /**
   * Replaces the provider keys in addition to that of the credentials. A key that is missing in the new list is revoked
   * on every connection.
   *
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS; then nothing is changed
   */
  setProviderKeys(providerKeys: readonly ProviderKey[]): void {
    this.#context.tokens.setKeys(readKeys(this.#ownKey, this.#topics, providerKeys));
    this.#providerKeys = providerKeys;
  }

  /**
   * Ends every connection: with a GOAWAY, after what has arrived is answered; without a word; or with a
   * reset. Requests without a response are then discarded.
   */
  disconnect(how: 'goaway' | 'close' | 'reset' = 'close'): void {
    for (const connection of this.#connections) connection.disconnect(how);
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  #onConnection(connection: LoopbackConnection): void {
    const opened = new ProviderConnection(connection, this.#context);
    this.#connections.add(opened);
    connection.socket.once('close', () => this.#connections.delete(opened));
  }
}

function readKeys(
  ownKey: ProviderKey,
  topics: readonly string[],
  providerKeys: readonly ProviderKey[],
): KnownKeys {
  const checked = checkTopics('http2.topics', topics);
  const further = knownKeys('http2.providerKeys', providerKeys, checked);
  return new Map([...knownKeys('credentials', [ownKey], checked), ...further]);
}
