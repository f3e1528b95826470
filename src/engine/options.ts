/** The options that both wires take, with their defaults. */
import { Backoff, type BackoffOptions } from '../connection/backoff.js';
import type { TargetOptions } from '../connection/target.js';
import { checkOptionNames, choiceOption, integerOption, millisecondsOption } from '../core/options.js';

/** How much may be sent and not settled, or settled and not read. A full window applies backpressure. */
export interface WindowOptions {
  /** Notifications. @default 65_536 */
  readonly count?: number;
  /** Bytes that they hold in memory. @default 33_554_432 (32 MiB) */
  readonly bytes?: number;
}

/** The default of `window.count`. */
export const DEFAULT_WINDOW_COUNT = 65_536;

/** The options of everything that sends notifications. */
export interface SendingOptions extends TargetOptions {
  /** Connections used side by side, at most 1024. The engine opens more of them when these cannot keep up. @default 1 */
  readonly connections?: number;
  readonly window?: WindowOptions;
  /**
   * What happens to a notification that was written, and whose connection or stream then ended without a response.
   * `report` gives it the outcome `unknown`; `resend` sends it again, so it may arrive twice. @default 'report'
   */
  readonly onUnknown?: 'report' | 'resend';
  /**
   * Milliseconds from when the engine takes a notification until its outcome. Retries do not restart this time, and
   * time in which the process was frozen does not count. On the binary wire, the engine writes a checkpoint early
   * enough for the proof to arrive in time. @default 60_000
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds after which a connection is replaced because its peer does not respond: to a PING over HTTP/2; on the
   * binary wire to a checkpoint, or by accepting bytes. @default 10_000
   */
  readonly pingTimeoutMs?: number;
  /** Milliseconds that `await using` waits until everything is settled. @default 10_000 */
  readonly closeTimeoutMs?: number;
  /**
   * Delays between attempts to connect; `attempts` + 1 failures to connect in a row end the sending. The engine also
   * waits for such a delay before it replaces a connection that failed later; replacements have no limit.
   */
  readonly backoff?: BackoffOptions;
  /** Destroys the stream when aborted. */
  readonly signal?: AbortSignal;
  /** How much of its input the stream takes ahead: bytes for a binary sink, notifications elsewhere. */
  readonly highWaterMark?: number;
}

/** {@link SendingOptions}, checked and complete, except for the target. */
export interface ResolvedSendingOptions {
  readonly connections: number;
  readonly windowCount: number;
  readonly windowBytes: number;
  readonly resendsUnknown: boolean;
  readonly timeoutMs: number;
  readonly pingTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly backoff: Backoff;
}

/** The names in {@link SendingOptions}, except for those of the target. */
export const SENDING_OPTION_NAMES: readonly string[] = [
  'connections',
  'window',
  'onUnknown',
  'timeoutMs',
  'pingTimeoutMs',
  'closeTimeoutMs',
  'backoff',
  'signal',
  'highWaterMark',
];

/**
 * Checks the options that both wires share.
 *
 * @param windowNames the names that `window` may have
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION
 */
export function resolveSendingOptions(
  options: SendingOptions,
  windowNames: readonly string[] = ['count', 'bytes'],
): ResolvedSendingOptions {
  const { window = {}, onUnknown } = options;
  checkOptionNames('window', window, windowNames);
  return {
    connections: integerOption('connections', options.connections, { default: 1, max: 1024 }),
    windowCount: integerOption('window.count', window.count, { default: DEFAULT_WINDOW_COUNT }),
    windowBytes: integerOption('window.bytes', window.bytes, { default: 32 * 1024 * 1024 }),
    resendsUnknown: choiceOption('onUnknown', onUnknown, ['report', 'resend'], 'report') === 'resend',
    timeoutMs: millisecondsOption('timeoutMs', options.timeoutMs, 60_000),
    pingTimeoutMs: millisecondsOption('pingTimeoutMs', options.pingTimeoutMs, 10_000),
    closeTimeoutMs: millisecondsOption('closeTimeoutMs', options.closeTimeoutMs, 10_000),
    backoff: new Backoff(options.backoff),
  };
}
