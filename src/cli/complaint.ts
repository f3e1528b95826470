/** How an error is told on standard error: one or two lines, never a stack. */
import { ApnsError } from '../errors.js';
import { CommandError } from './command-error.js';

/** The library names options by their path in an object, the command by their flags. */
const FLAGS: readonly (readonly [path: RegExp, flag: string])[] = [
  [/\btls\.passphrase\b/g, '--passphrase-file'],
  [/\btls\.cert\b/g, '--cert'],
  [/\btls\.key\b/g, '--key'],
  [/\btls\.pfx\b/g, '--p12'],
  [/\btls\.ca\b/g, '--ca'],
  [/\bproviderToken\.keyId\b/g, '--key-id'],
  [/\bproviderToken\.teamId\b/g, '--team-id'],
  [/\bproviderToken\.key\b/g, '--provider-key'],
];

/** What to print for an error, ending in a newline; empty for an error that needs no words. */
export function complaintOf(error: unknown): string {
  const message = messageOf(error);
  if (message === '') return '';
  const hint = error instanceof CommandError ? error.hint : undefined;
  return `apns-streams: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`;
}

/** The error's message as the command's user knows the options; always one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.replace(/\s*\n\s*/g, ' ').trim();
  if (error instanceof CommandError) return line;
  if (!(error instanceof ApnsError)) return `internal fault: ${line}`;
  return FLAGS.reduce((told, [path, flag]) => told.replace(path, flag), line);
}
