/** The options of everything that sends over the binary wire, with their defaults. */
import { resolveTarget, TARGET_OPTION_NAMES, type Target } from '../../connection/target.js';
import { checkOptionNames, choiceOption, millisecondsOption } from '../../core/options.js';
import {
  type ResolvedSendingOptions,
  resolveSendingOptions,
  SENDING_OPTION_NAMES,
  type SendingOptions,
  type WindowOptions,
} from '../options.js';

/** {@link WindowOptions} of the binary wire. */
export interface BinaryWindowOptions extends WindowOptions {
  /** Milliseconds that a frame may stay unsettled before the engine writes a checkpoint. @default 60_000 */
  readonly ageMs?: number;
}

/** Where and how to send over the binary wire. */
export interface BinaryOptions extends SendingOptions {
  /** Apple's binary gateways no longer respond, so no environment selects one. Give `host`, or send over HTTP/2. */
  readonly environment?: never;
  /** A host name or an IP address. */
  readonly host: string;
  readonly window?: BinaryWindowOptions;
  /**
   * When to write checkpoints. `auto`: when half the window is used on a connection, when a frame has been unsettled
   * for `window.ageMs`, and at the end. `never`: frames without an error response for `window.ageMs` become `presumed`,
   * and a full window waits for that. `end`: the same, but with a checkpoint at the end. @default 'auto'
   */
  readonly checkpoint?: 'auto' | 'end' | 'never';
}

/** {@link BinaryOptions}, checked and complete. */
export interface ResolvedBinaryOptions extends ResolvedSendingOptions {
  readonly target: Target;
  readonly windowAgeMs: number;
  readonly checkpoint: 'auto' | 'end' | 'never';
}

/** The names in {@link BinaryOptions}. */
export const BINARY_OPTION_NAMES: readonly string[] = [
  ...TARGET_OPTION_NAMES,
  ...SENDING_OPTION_NAMES,
  'checkpoint',
];

/** @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS */
export function resolveBinaryOptions(
  options: Partial<BinaryOptions> = {},
  names: readonly string[] = BINARY_OPTION_NAMES,
): ResolvedBinaryOptions {
  checkOptionNames('options', options, names);
  return {
    target: resolveTarget(options, 'gateway'),
    ...resolveSendingOptions(options, ['count', 'bytes', 'ageMs']),
    windowAgeMs: millisecondsOption('window.ageMs', options.window?.ageMs, 60_000),
    checkpoint: choiceOption('checkpoint', options.checkpoint, ['auto', 'end', 'never'], 'auto'),
  };
}
