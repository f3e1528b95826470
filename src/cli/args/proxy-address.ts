/** Reads `--proxy`, and detects a proxy in the environment that the command does not use. */

import { usageError } from '../command-error.js';
import { type Address, parseAddress } from './address.js';

/**
 * Reads the value of `--proxy`.
 *
 * @throws {CommandError} exit code 64; the value is not repeated, since it may hold a password
 */
export function parseProxy(text: string): Address {
  if (text.includes('@')) {
    throw usageError(
      '--proxy must be http://HOST[:PORT], without credentials',
      'write USER:PASSWORD to a file, and give its path with --proxy-credentials-file',
    );
  }
  return parseAddress('--proxy', text, 'http:');
}

/**
 * The note for a user whose environment names a proxy for `target`, which the command does not use without `--proxy`;
 * `undefined` where no note is needed.
 *
 * @param target a value of `--to`, or a host
 */
export function noteOfUnusedProxy(
  target: string,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const name = ['HTTPS_PROXY', 'https_proxy'].find((candidate) => (env[candidate] ?? '') !== '');
  if (name === undefined || /^simulator:/.test(target)) return undefined;
  const host = target.replace(/^\w+:\/\//, '').replace(/:\d+\/?$/, '');
  if (/^(localhost|127\..*|\[?::1\]?)$/.test(host) || isExempt(host, env)) return undefined;
  return `${name} is set but is not used: to use that proxy, give --proxy http://HOST:PORT`;
}

/** Whether `NO_PROXY` has the host, or a domain that it is in. */
function isExempt(host: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const entries = (env['NO_PROXY'] ?? env['no_proxy'] ?? '').split(',').map((entry) => entry.trim());
  return entries.some((entry) => {
    const domain = entry.replace(/^\*?\./, '');
    return entry === '*' || (domain !== '' && (host === domain || host.endsWith(`.${domain}`)));
  });
}
