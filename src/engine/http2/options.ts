/** The options of everything that sends over HTTP/2, with their defaults. */
import { ProviderToken, type ProviderTokenOptions } from '../../connection/provider-token.js';
import { resolveTarget, TARGET_OPTION_NAMES, type Target } from '../../connection/target.js';
import { ApnsError, invalidOption } from '../../core/errors.js';
import { headerTextProblem } from '../../core/notification-rules.js';
import { checkOptionNames } from '../../core/options.js';
import {
  type ResolvedSendingOptions,
  resolveSendingOptions,
  SENDING_OPTION_NAMES,
  type SendingOptions,
} from '../options.js';

/** Where and how to send over HTTP/2. */
export interface Http2Options extends SendingOptions {
  /** The key that signs provider tokens; without it, give a client certificate in `tls`. */
  readonly providerToken?: ProviderTokenOptions;
  /** The topic of notifications without one: the app's bundle identifier. */
  readonly topic?: string;
}

/** {@link Http2Options}, checked and complete. */
export interface ResolvedHttp2Options extends ResolvedSendingOptions {
  readonly target: Target;
  /** The value of `:authority`. */
  readonly authority: string;
  readonly providerToken: ProviderToken | undefined;
  readonly topic: string | undefined;
}

/** The names in {@link Http2Options}. */
export const HTTP2_OPTION_NAMES: readonly string[] = [
  ...TARGET_OPTION_NAMES,
  ...SENDING_OPTION_NAMES,
  'providerToken',
  'topic',
];

/** @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS */
export function resolveHttp2Options(
  options: Http2Options = {},
  names: readonly string[] = HTTP2_OPTION_NAMES,
): ResolvedHttp2Options {
  checkOptionNames('options', options, names);
  const { topic, tls } = options;
  if (topic !== undefined && headerTextProblem(topic) !== undefined) {
    throw invalidOption('topic', 'a bundle identifier', topic);
  }
  const target = resolveTarget(options, 'http2');
  const hasCredentials = options.providerToken ?? tls?.cert ?? tls?.pfx;
  if (options.environment !== undefined && hasCredentials === undefined) {
    throw new ApnsError(
      'APNS_ERR_BAD_CREDENTIALS',
      'APNs requires credentials: give providerToken, or a client certificate as tls.cert and tls.key, or tls.pfx',
    );
  }
  return {
    target,
    ...resolveSendingOptions(options),
    authority: authorityOf(target),
    providerToken: options.providerToken === undefined ? undefined : new ProviderToken(options.providerToken),
    topic,
  };
}

/** The host with its port, unless that is the default port. An IPv6 address is in brackets. */
export function authorityOf({ servername, host, port }: Target): string {
  const name = servername ?? (host.includes(':') ? `[${host}]` : host);
  return port === 443 ? name : `${name}:${port}`;
}
