/** The name or address of a machine, as an option. */
import { isIP } from 'node:net';
import { invalidOption } from '../core/errors.js';

/** DNS names are at most 253 characters long (RFC 1035 section 2.3.4, without the outer length bytes). */
const MAX_HOST_LENGTH = 253;

/** A label of a name has at most 63 characters (same section). Device tokens and keys are longer. */
const LABELS = /^[^\s/:@?#[\]\\.]{1,63}(\.[^\s/:@?#[\]\\.]{1,63})*\.?$/;

/**
 * A host name or an IP address; the brackets that an IPv6 address has in a URL are taken off.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION for anything else, such as a URL or `host:port`
 */
export function checkHost(path: string, value: unknown): string {
  if (typeof value === 'string') {
    const host = /^\[(.*)\]$/.exec(value)?.[1] ?? value;
    if (isIP(host) !== 0) return host;
    if (value.length <= MAX_HOST_LENGTH && LABELS.test(value)) return value;
  }
  throw invalidOption(path, 'a host name or an IP address, without scheme and port', value);
}
