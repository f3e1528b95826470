/** The command's own errors: of the command line, its files and its output. */
import type { ExitCode } from './exit-code.js';

/** An error that knows the exit code it leads to. An empty message prints nothing. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  /** The advice, printed as a second line. */
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = exitCode;
    this.hint = options.hint;
  }

  static {
    CommandError.prototype.name = 'CommandError';
  }
}

/** An error of the command line, exit code 64. */
export function usageError(message: string, hint?: string): CommandError {
  return new CommandError(64, message, hint === undefined ? {} : { hint });
}

/** Why a system call failed, in words, without the path that Node puts into the message. */
export function systemProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'no such file or directory';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    case 'ENOTDIR':
      return 'a part of the path is not a directory';
    case 'ENOSPC':
      return 'no space left on the device';
    case 'EDQUOT':
      return 'the disk quota is used up';
    case 'EIO':
      return 'the device reports an error';
    case 'ELOOP':
      return 'symbolic links form a loop';
    case 'EROFS':
      return 'the file system is read-only';
    case 'EFBIG':
      return 'the file would be too large';
    case 'ENAMETOOLONG':
      return 'the name is too long';
    case 'EMFILE':
      return 'too many open files';
    default:
      return code ?? message;
  }
}
