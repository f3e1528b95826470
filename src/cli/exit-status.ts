/** Which exit code an error, a signal or the counts of outcomes lead to. */
import { ApnsError, type ApnsErrorCode } from '../core/errors.js';
import type { OutcomeCounts } from '../core/outcome.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import type { StopSignal } from './io.js';

const BY_ERROR: Readonly<Record<ApnsErrorCode, ExitCode>> = {
  APNS_ERR_INVALID_OPTION: ExitCode.Usage,
  APNS_ERR_INVALID_NOTIFICATION: ExitCode.Problems,
  APNS_ERR_NOT_NDJSON: ExitCode.Problems,
  APNS_ERR_MALFORMED_PACKET: ExitCode.Problems,
  APNS_ERR_PACKET_TOO_LARGE: ExitCode.Problems,
  APNS_ERR_TRUNCATED_PACKET: ExitCode.Problems,
  APNS_ERR_HOST_NOT_FOUND: ExitCode.CannotConnect,
  APNS_ERR_CONNECTION_REFUSED: ExitCode.CannotConnect,
  APNS_ERR_UNREACHABLE: ExitCode.CannotConnect,
  APNS_ERR_CONNECT_TIMEOUT: ExitCode.CannotConnect,
  APNS_ERR_CONNECTION_LOST: ExitCode.TryAgain,
  APNS_ERR_TIMEOUT: ExitCode.TryAgain,
  APNS_ERR_TOO_MANY_OPEN_FILES: ExitCode.CannotConnect,
  APNS_ERR_NOT_TLS: ExitCode.CannotConnect,
  APNS_ERR_TLS_VERSION: ExitCode.CannotConnect,
  APNS_ERR_TLS: ExitCode.CannotConnect,
  APNS_ERR_NOT_HTTP2: ExitCode.CannotConnect,
  APNS_ERR_HTTP2_PROTOCOL: ExitCode.TryAgain,
  APNS_ERR_WRONG_HOST: ExitCode.CannotConnect,
  APNS_ERR_UNKNOWN_AUTHORITY: ExitCode.CannotConnect,
  APNS_ERR_CERTIFICATE_EXPIRED: ExitCode.CannotConnect,
  APNS_ERR_VERIFICATION_DISABLED: ExitCode.BadConfiguration,
  APNS_ERR_BAD_CREDENTIALS: ExitCode.BadConfiguration,
  APNS_ERR_CREDENTIALS_REFUSED: ExitCode.CredentialsRefused,
  APNS_ERR_GATEWAY_PROTOCOL: ExitCode.TryAgain,
  APNS_ERR_PROXY: ExitCode.CannotConnect,
  APNS_ERR_CHANNEL: ExitCode.Problems,
  APNS_ERR_CLOSED: ExitCode.TryAgain,
};

/** The exit code for an error that ended a command. */
export function exitCodeOfError(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof ApnsError) return BY_ERROR[error.code];
  return ExitCode.Fault;
}

/** How a command ended. */
export interface Ending {
  readonly signal: StopSignal | undefined;
  /** Errors of the whole run, the most severe first. */
  readonly errors: readonly unknown[];
  readonly counts: Readonly<Omit<OutcomeCounts, 'resent'>>;
}

/**
 * The exit code for an ending: a signal before everything, then an error that ended the work, then "run
 * again" before "look at the problems". `presumed` outcomes are what `--checkpoint never` asks for.
 */
export function exitCodeOfEnding({ signal, errors, counts }: Ending): ExitCode {
  if (signal !== undefined) return exitCodeOfSignal(signal);
  const { accepted, rejected, unknown, presumed } = counts;
  const hasSent = accepted + rejected + unknown + presumed > 0;
  const codes = [...errors.map((error) => exitCodeOfSendingError(error, hasSent)), exitCodeOfCounts(counts)];
  const fatal = codes.find((code) => code !== ExitCode.TryAgain && code > ExitCode.Problems);
  return fatal ?? (Math.max(...codes) as ExitCode);
}

const BY_SIGNAL: Readonly<Record<StopSignal, ExitCode>> = {
  SIGHUP: ExitCode.HungUp,
  SIGINT: ExitCode.Interrupted,
  SIGTERM: ExitCode.Terminated,
};

/** The exit code for a command that a signal ended. */
export function exitCodeOfSignal(signal: StopSignal): ExitCode {
  return BY_SIGNAL[signal];
}

/**
 * While sending, packets come from the service at the target. If they are repeatedly malformed, that service is not a
 * gateway. The same is true if connections break before anything was sent, but not if they are closed in order.
 */
function exitCodeOfSendingError(error: unknown, hasSent: boolean): ExitCode {
  if (!(error instanceof ApnsError)) return exitCodeOfError(error);
  const isBroken = error.code === 'APNS_ERR_CONNECTION_LOST' && error.cause !== undefined;
  const isOtherService = /_PACKET/.test(error.code) || (isBroken && !hasSent);
  return isOtherService ? ExitCode.CannotConnect : exitCodeOfError(error);
}

function exitCodeOfCounts(counts: Ending['counts']): ExitCode {
  if (counts.unknown > 0 || counts.unsent > 0) return ExitCode.TryAgain;
  return counts.rejected > 0 || counts.invalid > 0 ? ExitCode.Problems : ExitCode.Ok;
}
