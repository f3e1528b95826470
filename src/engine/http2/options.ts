/** The options of everything that sends over HTTP/2, with their defaults. */
import { Backoff, type BackoffOptions } from '../../connection/backoff.js';
import { ProviderToken, type ProviderTokenOptions } from '../../connection/provider-token.js';
import {
  resolveTarget,
  TARGET_OPTION_NAMES,
  type Target,
  type TargetOptions,
} from '../../connection/target.js';
import { ApnsError, invalidOption } from '../../core/errors.js';
import { headerTextProblem } from '../../core/notification.js';
import { checkOptionNames, choiceOption, integerOption } from '../../core/options.js';
import type { WindowOptions } from '../binary/options.js';

/** Where and how to send over HTTP/2. */
export interface Http2Options extends TargetOptions {
  /** The key that provider tokens are made with; without it a client certificate in `tls` speaks for the provider. */
  readonly providerToken?: ProviderTokenOptions;
  /** The topic of notifications that name none: the app's bundle identifier. */
  readonly topic?: string;
  /** Connections used side by side; further ones are opened when these have no free stream. @default 1 */
  readonly connections?: number;
  /** What is taken and not yet settled; `ageMs` means nothing on this wire, where every answer is awaited. */
  readonly window?: WindowOptions;
  /**
   * What becomes of notifications that were written and whose stream then ended without an answer. `report`
   * gives them the outcome `unknown`; `resend` sends them again under the same apns-id. @default 'report'
   */
  readonly onUnknown?: 'report' | 'resend';
  /** Means nothing on this wire, where every answer is proof; taken so that one set of options fits both. */
  readonly checkpoint?: 'auto' | 'end' | 'never';
  /**
   * Milliseconds from when the sink takes a notification until its outcome. Retries do not restart this time, and time
   * in which the process was frozen does not count. @default 60_000
   */
  readonly timeoutMs?: number;
  /** Milliseconds for a PING to be answered, and for `await using`. @default 10_000 */
  readonly closeTimeoutMs?: number;
  /** Delays between attempts to connect; `attempts` + 1 failures in a row end the sending. */
  readonly backoff?: BackoffOptions;
  /** Ends the sending when aborted. */
  readonly signal?: AbortSignal;
  /** Of the stream's input, in notifications. @default 16 */
  readonly highWaterMark?: number;
}

/** {@link Http2Options}, checked and complete. */
export interface ResolvedHttp2Options {
  readonly target: Target;
  /** The value of `:authority`. */
  readonly authority: string;
  readonly providerToken: ProviderToken | undefined;
  readonly topic: string | undefined;
  readonly connections: number;
  readonly windowCount: number;
  readonly windowBytes: number;
  readonly resendsUnknown: boolean;
  readonly timeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly backoff: Backoff;
}

/** The names in {@link Http2Options}. */
export const HTTP2_OPTION_NAMES: readonly string[] = [
  ...TARGET_OPTION_NAMES,
  'providerToken',
  'topic',
  'connections',
  'window',
  'onUnknown',
  'checkpoint',
  'timeoutMs',
  'closeTimeoutMs',
  'backoff',
  'signal',
  'highWaterMark',
];

const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS */
export function resolveHttp2Options(
  options: Http2Options = {},
  names: readonly string[] = HTTP2_OPTION_NAMES,
): ResolvedHttp2Options {
  checkOptionNames('options', options, names);
  const { window = {}, topic, tls } = options;
  checkOptionNames('window', window, ['count', 'bytes', 'ageMs']);
  if (topic !== undefined && headerTextProblem(topic) !== undefined) {
    throw invalidOption('topic', 'a bundle identifier', topic);
  }
  choiceOption('checkpoint', options.checkpoint, ['auto', 'end', 'never'], 'auto');
  const milliseconds = (path: string, value: number | undefined, fallback: number): number =>
    integerOption(path, value, { default: fallback, max: MAX_TIMER_MS });
  const target = resolveTarget(options, 'http2');
  const hasCredentials = options.providerToken ?? tls?.cert ?? tls?.pfx;
  if (options.environment !== undefined && hasCredentials === undefined) {
    throw new ApnsError(
      'APNS_ERR_BAD_CREDENTIALS',
      'APNs takes nothing without credentials: give providerToken, or a client certificate as tls.cert and tls.key, or tls.pfx',
    );
  }
  return {
    target,
    authority: authorityOf(target),
    providerToken: options.providerToken === undefined ? undefined : new ProviderToken(options.providerToken),
    topic,
    connections: integerOption('connections', options.connections, { default: 1, max: 1024 }),
    windowCount: integerOption('window.count', window.count, { default: 65_536 }),
    windowBytes: integerOption('window.bytes', window.bytes, { default: 32 * 1024 * 1024 }),
    resendsUnknown: choiceOption('onUnknown', options.onUnknown, ['report', 'resend'], 'report') === 'resend',
    timeoutMs: milliseconds('timeoutMs', options.timeoutMs, 60_000),
    closeTimeoutMs: milliseconds('closeTimeoutMs', options.closeTimeoutMs, 10_000),
    backoff: new Backoff(options.backoff),
  };
}

/** The host as it is named, with its port unless that is the usual one; an IPv6 address in brackets. */
export function authorityOf({ servername, host, port }: Target): string {
  const name = servername ?? (host.includes(':') ? `[${host}]` : host);
  return port === 443 ? name : `${name}:${port}`;
}
