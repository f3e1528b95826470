/** Formats errors for standard error: one or two lines, without a stack. */
import { ApnsError } from '../../core/errors.js';
import { CommandError, systemProblem } from '../command-error.js';

/** See {@link inFlags}. */
const FLAGS: readonly (readonly [words: RegExp, own: string])[] = [
  [/give the contents of the file, not its path, and a \.p12 file as/, 'name a PEM file, and a .p12 file as'],
  [/give the contents of the \.p8 file, not its path/, 'name the .p8 file that Apple made'],
  // The command has no option for the server name.
  [/, or give the name in it as tls\.servername/, ''],
  [/\btls\.passphrase\b/g, '--passphrase-file'],
  [/\btls\.cert\b/g, '--cert'],
  [/\btls\.key\b/g, '--key'],
  [/\btls\.pfx\b/g, '--p12'],
  [/\btls\.ca\b/g, '--ca'],
  [/\bproviderToken\.keyId\b/g, '--key-id'],
  [/\bproviderToken\.teamId\b/g, '--team-id'],
  [/\bproviderToken(\.key)?\b/g, '--provider-key'],
  [/\bproxy\.username and proxy\.password/, 'USER:PASSWORD in --proxy-credentials-file'],
  [/\bmaxLineBytes\b/g, '--max-line-bytes'],
];

/** The text to print for an error, with its newline; empty for an error that needs no message. */
export function formatError(error: unknown): string {
  const message = formatMessage(error);
  if (message === '') return '';
  const hint = error instanceof CommandError ? error.hint : undefined;
  return `apns-streams: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`;
}

/** The error's message as the command's user knows the options; always one line. */
export function formatMessage(error: unknown): string {
  const text = isSystemError(error)
    ? `${error.syscall}: ${systemProblem(error)}`
    : error instanceof Error
      ? error.message
      : String(error);
  const line = text.replace(/\s*\n\s*/g, ' ').trim();
  if (error instanceof CommandError) return line;
  if (!(error instanceof ApnsError)) return `internal error: ${line}`;
  return inFlags(line);
}

/** A Node error whose message holds a path, which may be another value, such as a secret, that was given by mistake. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}

/**
 * Replaces option paths of the library with flags of the command. The library takes contents and names options by
 * their path in an object; the command has files and flags.
 */
export function inFlags(text: string): string {
  return FLAGS.reduce((current, [words, own]) => current.replace(words, own), text);
}
