/** The exit codes of the command. */

/** Exit codes, after sysexits.h where it has one, and 128 + n for a signal n as shells have it. */
export const ExitCode = {
  Ok: 0,
  /** Some notifications were rejected or invalid, or the input is not what it should be. */
  Problems: 1,
  /** The command line is invalid. EX_USAGE. */
  Usage: 64,
  /** No connection could be made. EX_UNAVAILABLE. */
  CannotConnect: 69,
  /** An internal error of the command. EX_SOFTWARE. */
  Fault: 70,
  /** Reading the input or writing the output failed midway, such as a full disk. EX_IOERR. */
  InputOutput: 74,
  /** Some notifications are unknown or unsent: run again with those. EX_TEMPFAIL. */
  TryAgain: 75,
  /** The gateway refused the credentials. EX_NOPERM. */
  CredentialsRefused: 77,
  /** Credentials or settings cannot be used. EX_CONFIG. */
  BadConfiguration: 78,
  /** SIGHUP. */
  HungUp: 129,
  /** SIGINT. */
  Interrupted: 130,
  /** The reader of standard output has exited (SIGPIPE). */
  BrokenPipe: 141,
  /** SIGTERM. */
  Terminated: 143,
} as const;

/** One of the numbers of {@link ExitCode}. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
