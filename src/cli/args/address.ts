/** Addresses of services on the command line: `binary://host[:port]`. */
import { usageError } from '../command-error.js';

/** A host and, where it was given, a port: absent means the service's default. */
export interface Address {
  readonly host: string;
  readonly port?: number;
}

/**
 * Reads `scheme//host[:port]`; an IPv6 address stands in brackets.
 *
 * @throws {CommandError} exit code 64; the text is not repeated, since it may hold a password by mistake
 */
export function parseAddress(option: string, text: string, scheme: string): Address {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const bare = url !== undefined && !url.username && !url.password && !url.search && !url.hash;
  if (!bare || url.protocol !== scheme || url.hostname === '' || !/^\/?$/.test(url.pathname)) {
    throw usageError(`${option} must be ${scheme}//HOST[:PORT], without user, path or query`);
  }
  if (url.port === '0') throw usageError(`${option} must have a port from 1 to 65535`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return url.port === '' ? { host } : { host, port: Number(url.port) };
}
