/** The options of everything that sends over the binary wire, with their defaults. */
import { Backoff, type BackoffOptions } from '../../connection/backoff.js';
import {
  resolveTarget,
  TARGET_OPTION_NAMES,
  type Target,
  type TargetOptions,
} from '../../connection/target.js';
import { checkOptionNames, choiceOption, integerOption } from '../../core/options.js';

/** How much may be written and not yet settled. Full means backpressure, never eviction. */
export interface WindowOptions {
  /** Notifications. @default 65_536 */
  readonly count?: number;
  /** Bytes of their frames. @default 33_554_432 (32 MiB) */
  readonly bytes?: number;
  /** Milliseconds a frame may stay unsettled before a checkpoint asks about it. @default 60_000 */
  readonly ageMs?: number;
}

/** Where and how to send over the binary wire. */
export interface BinaryOptions extends TargetOptions {
  /** Connections used side by side; further ones are opened when these cannot keep up. @default 1 */
  readonly connections?: number;
  readonly window?: WindowOptions;
  /**
   * What becomes of notifications that were written to a connection which then ended without saying.
   * `report` gives them the outcome `unknown`; `resend` writes them again, so that each arrives at least
   * once and some perhaps twice. @default 'report'
   */
  readonly onUnknown?: 'report' | 'resend';
  /**
   * When to ask the gateway for proof. `auto`: when half the window is used on a connection, when a frame
   * gets old, and at the end. `never`: never, so that silence for `window.ageMs` ends in `presumed`, and a
   * full window waits for that. `end`: the same, but what is left at the end is proved. @default 'auto'
   */
  readonly checkpoint?: 'auto' | 'end' | 'never';
  /**
   * Milliseconds from when the sink takes a notification until its outcome; nothing restarts this time. The sink writes
   * a checkpoint early enough for the proof to arrive in time. @default 60_000
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds without progress after which the sink replaces a connection: the gateway accepts no bytes, or does not
   * respond to a checkpoint. @default 10_000
   */
  readonly closeTimeoutMs?: number;
  /**
   * Delays between attempts to connect; `attempts` + 1 failures to connect in a row end the sending. The sink also
   * waits for such a delay before it replaces a connection that failed later; replacements have no limit.
   */
  readonly backoff?: BackoffOptions;
  /** Destroys the stream when aborted. */
  readonly signal?: AbortSignal;
  /** Of the stream's input: bytes for a sink, notifications for a delivery. */
  readonly highWaterMark?: number;
}

/** {@link BinaryOptions}, checked and complete. */
export interface ResolvedBinaryOptions {
  readonly target: Target;
  readonly connections: number;
  readonly windowCount: number;
  readonly windowBytes: number;
  readonly windowAgeMs: number;
  readonly resendsUnknown: boolean;
  readonly checkpoint: 'auto' | 'end' | 'never';
  readonly timeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly backoff: Backoff;
}

/** The names in {@link BinaryOptions}. */
export const BINARY_OPTION_NAMES: readonly string[] = [
  ...TARGET_OPTION_NAMES,
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
export function resolveBinaryOptions(
  options: BinaryOptions = {},
  names: readonly string[] = BINARY_OPTION_NAMES,
): ResolvedBinaryOptions {
  checkOptionNames('options', options, names);
  const { window = {} } = options;
  checkOptionNames('window', window, ['count', 'bytes', 'ageMs']);
  const milliseconds = (path: string, value: number | undefined, fallback: number): number =>
    integerOption(path, value, { default: fallback, max: MAX_TIMER_MS });
  return {
    target: resolveTarget(options, 'gateway'),
    connections: integerOption('connections', options.connections, { default: 1, max: 1024 }),
    windowCount: integerOption('window.count', window.count, { default: 65_536 }),
    windowBytes: integerOption('window.bytes', window.bytes, { default: 32 * 1024 * 1024 }),
    windowAgeMs: milliseconds('window.ageMs', window.ageMs, 60_000),
    resendsUnknown: choiceOption('onUnknown', options.onUnknown, ['report', 'resend'], 'report') === 'resend',
    checkpoint: choiceOption('checkpoint', options.checkpoint, ['auto', 'end', 'never'], 'auto'),
    timeoutMs: milliseconds('timeoutMs', options.timeoutMs, 60_000),
    closeTimeoutMs: milliseconds('closeTimeoutMs', options.closeTimeoutMs, 10_000),
    backoff: new Backoff(options.backoff),
  };
}
