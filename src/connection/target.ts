/** The options of a target. They are the same in every sink, delivery and source. */
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { ApnsError, invalidOption, type Peer } from '../core/errors.js';
import { choiceOption, integerOption, millisecondsOption } from '../core/options.js';
import { loadCredentials, type TlsCredentialOptions } from './credentials.js';
import { checkHost } from './host.js';
import { type HttpProxy, type ProxyOptions, resolveProxy } from './proxy.js';

/** Where to connect, and with which credentials. Give `environment` or `host`; `host` takes precedence. */
export interface TargetOptions {
  /** Apple's HTTP/2 gateways. Its binary gateways lost support on 31 March 2021 and have not answered since May 2025. */
  readonly environment?: 'production' | 'sandbox';
  /** A host name or an IP address. */
  readonly host?: string;
  /** Apple's HTTP/2 gateways answer on 443 and 2197. @default 2195 for a binary gateway, 2196 for a feedback service, 443 for HTTP/2 */
  readonly port?: number;
  /** Client certificate, trusted authorities, expected name. */
  readonly tls?: TlsCredentialOptions;
  /** Milliseconds for name resolution, connecting, proxy and TLS handshake together. @default 10_000 */
  readonly connectTimeoutMs?: number;
  /** An HTTP proxy to go through. */
  readonly proxy?: ProxyOptions;
}

/** The names of {@link TargetOptions}, for the factories that take these among their own options. */
export const TARGET_OPTION_NAMES: readonly (keyof TargetOptions)[] = [
  'environment',
  'host',
  'port',
  'tls',
  'connectTimeoutMs',
  'proxy',
];

/** The service of a target, which selects the default port. */
export type Service = 'gateway' | 'feedback' | 'http2';

const PORTS: Readonly<Record<Service, number>> = { gateway: 2195, feedback: 2196, http2: 443 };

/** Apple, "Sending notification requests to APNs". */
const APPLE_HOSTS = { production: 'api.push.apple.com', sandbox: 'api.sandbox.push.apple.com' } as const;

interface TargetDetails {
  readonly hasOwnAuthorities: boolean;
  readonly servername: string | undefined;
  readonly secureContext: SecureContext;
  readonly connectTimeoutMs: number;
  readonly proxy: HttpProxy | undefined;
}

/** A checked target of connections. If it is inspected or logged, only host and port are shown. */
export class Target implements Peer {
  readonly host: string;
  readonly port: number;
  readonly #details: TargetDetails;

  constructor(host: string, port: number, details: TargetDetails) {
    this.host = host;
    this.port = port;
    this.#details = details;
  }

  /** The name sent to, and expected from, the gateway; `undefined` for an IP address without one. */
  get servername(): string | undefined {
    return this.#details.servername;
  }

  get hasOwnAuthorities(): boolean {
    return this.#details.hasOwnAuthorities;
  }

  /** The credentials, read once and shared by every connection to this target. */
  get secureContext(): SecureContext {
    return this.#details.secureContext;
  }

  get connectTimeoutMs(): number {
    return this.#details.connectTimeoutMs;
  }

  get proxy(): HttpProxy | undefined {
    return this.#details.proxy;
  }
}

/**
 * Reads and checks the options of a target, credentials included. It neither connects nor changes the options.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS
 */
export function resolveTarget(options: TargetOptions, service: Service): Target {
  const host = resolveHost(options, service);
  const { tls = {}, proxy } = options;
  // If tls is not an object, loadCredentials throws the error.
  const servername = resolveServername(tls?.servername, host);
  return new Target(host, integerOption('port', options.port, { default: PORTS[service], max: 65_535 }), {
    servername,
    hasOwnAuthorities: tls?.ca !== undefined,
    secureContext: loadCredentials(tls, { host, servername }),
    connectTimeoutMs: millisecondsOption('connectTimeoutMs', options.connectTimeoutMs, 10_000),
    proxy: proxy === undefined ? undefined : resolveProxy(proxy),
  });
}

function resolveHost({ environment, host }: TargetOptions, service: Service): string {
  if (environment !== undefined && service !== 'http2') {
    throw new ApnsError(
      'APNS_ERR_INVALID_OPTION',
      'environment does not select a binary gateway: Apple ended support for its binary gateways on 31 March 2021, and they no longer respond; set host to another gateway, or send over HTTP/2',
    );
  }
  const production = choiceOption('environment', environment, ['production', 'sandbox'], 'production');
  if (host !== undefined) return checkHost('host', host);
  if (environment !== undefined) return APPLE_HOSTS[production];
  throw new ApnsError(
    'APNS_ERR_INVALID_OPTION',
    service === 'http2' ? 'either environment or host must be given' : 'host must be given',
  );
}

/** A server name is never an address (RFC 6066 section 3); the certificate of one is checked all the same. */
function resolveServername(servername: string | undefined, host: string): string | undefined {
  if (servername === undefined) return isIP(host) === 0 ? host : undefined;
  const name = checkHost('tls.servername', servername);
  if (isIP(name) === 0) return name;
  throw invalidOption('tls.servername', 'a host name, not an IP address', servername);
}
