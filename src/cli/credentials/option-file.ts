/** Reads the files that options name. Users sometimes give the secret itself, so messages do not repeat the values. */
import { readFile, stat } from 'node:fs/promises';
import { adviceForContents, mistakenFor } from '../args/mistaken-value.js';
import { CommandError, systemProblem } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { hasErrorCode } from '../has-error-code.js';
import type { CommandIo } from '../io.js';

/** A file: its path, and its name in messages. */
export interface OptionFile {
  readonly path: string;
  /** The option that names the file or can name it. */
  readonly option: string;
  /** The path in the form for messages; absent if messages must never show the option's value. */
  readonly shown?: string;
  /** The advice if the file does not exist. */
  readonly adviceIfMissing?: string;
  /** The contents of the file, such as `the key`. */
  readonly contents: string;
  /** Whether the contents can be any word: a passphrase can look like a file name. */
  readonly anyWord?: boolean;
}

/** @throws {CommandError} exit code 78 for a file that cannot be read */
export async function readOptionFile(file: OptionFile): Promise<Buffer> {
  try {
    return await readFile(file.path);
  } catch (error) {
    // The error has no cause, because Node's message holds the whole path.
    const name = file.shown === undefined ? file.option : `${file.option} ${file.shown}`;
    const message = `cannot read ${name}: ${systemProblem(error)}`;
    const hint = looksLikeContents(file)
      ? adviceForContents(file.contents)
      : hasErrorCode(error, 'ENOENT')
        ? file.adviceIfMissing
        : undefined;
    throw new CommandError(ExitCode.BadConfiguration, message, hint === undefined ? {} : { hint });
  }
}

/**
 * Like {@link readOptionFile}, but writes a warning to standard error if other users can read the file.
 *
 * @throws {CommandError} exit code 78 for a file that cannot be read
 */
export async function readSecretFile(file: OptionFile, io: CommandIo): Promise<Buffer> {
  const bytes = await readOptionFile(file);
  const mode = await readableByOthers(file.path);
  if (mode !== undefined) {
    const name = file.shown === undefined ? `the file of ${file.option}` : `${file.shown} (${file.option})`;
    io.stderr.write(
      `apns-streams: warning: ${name} can be read by other users (mode ${mode}): chmod 600 it\n`,
    );
  }
  return bytes;
}

function looksLikeContents({ path, anyWord = false }: OptionFile): boolean {
  if (mistakenFor(path) !== undefined) return true;
  // A value with the shape of a path or of a file name with an extension is a path; any other may be the passphrase.
  return anyWord && !/^(\.{0,2}|~|[A-Za-z]:)[\\/]|^[\w.-]+([\\/][\w.-]+)+$|\.\w{2,5}$/.test(path);
}

/** The mode of a file that group or others can read, in octal. */
async function readableByOthers(path: string): Promise<string | undefined> {
  // Windows keeps access elsewhere and reports every file as readable by all.
  if (process.platform === 'win32') return undefined;
  // A pipe of the shell's `<(…)` no longer exists after it was read.
  const mode = await stat(path).then(
    (found) => found.mode,
    () => 0,
  );
  return (mode & 0o044) === 0 ? undefined : (mode & 0o777).toString(8);
}
