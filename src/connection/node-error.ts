/** Explains Node's and OpenSSL's errors of a connection. Errors of reading credentials are explained where they are read. */
import { types } from 'node:util';
import { ApnsError, type ApnsErrorCode, describe, formatPeer, type Peer } from '../core/errors.js';

/**
 * The meaning of Node's errors; the first match applies. Patterns match a class of errors instead of an exact string,
 * because OpenSSL 3.0 (Node 20) and 3.5 (Node 22 and later) name the same alert differently.
 */
const CAUSES: readonly (readonly [pattern: RegExp, code: ApnsErrorCode, sentence: string])[] = [
  [/^ECONNREFUSED$/, 'APNS_ERR_CONNECTION_REFUSED', 'the connection was refused: check host and port'],
  [
    /^(ENOTFOUND|EAI_\w+)$/,
    'APNS_ERR_HOST_NOT_FOUND',
    'the host name does not resolve: check host and the DNS settings',
  ],
  [
    /^CONNECT ETIMEDOUT$/,
    'APNS_ERR_CONNECT_TIMEOUT',
    'the host does not respond: check host, port and firewall',
  ],
  [
    /^(ENETUNREACH|EHOSTUNREACH|ENETDOWN|EHOSTDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/,
    'APNS_ERR_UNREACHABLE',
    'the network is unreachable: check routing and firewall',
  ],
  [
    /^(EMFILE|ENFILE)$/,
    'APNS_ERR_TOO_MANY_OPEN_FILES',
    'no file descriptor is left for the connection: raise the limit (ulimit -n) or open fewer files',
  ],
  [/^(ECONNRESET|EPIPE|ECONNABORTED|ETIMEDOUT)$/, 'APNS_ERR_CONNECTION_LOST', 'the connection was lost'],
  [
    /ALTNAME_INVALID|HOSTNAME_MISMATCH/,
    'APNS_ERR_WRONG_HOST',
    "the gateway's certificate is for another host: check host, or give the name in it as tls.servername",
  ],
  // Before the next two: an alert is what the peer says about our certificate, not we about its.
  [
    /ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)|HANDSHAKE_FAILURE/,
    'APNS_ERR_CREDENTIALS_REFUSED',
    'the gateway refused the TLS handshake, most likely because of the client certificate: check that it is the right one and is valid',
  ],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    'APNS_ERR_CERTIFICATE_EXPIRED',
    "the gateway's certificate has expired or is not valid yet: renew it, or check the clock of this machine",
  ],
  [
    /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|CERT_|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED/,
    'APNS_ERR_UNKNOWN_AUTHORITY',
    "no trusted authority issued the gateway's certificate: give its authority as tls.ca",
  ],
  [
    /WRONG_VERSION_NUMBER|(PACKET|DATA)_LENGTH_TOO_LONG|HTTP_REQUEST|HTTPS_PROXY_REQUEST|RECORD_TOO_|UNEXPECTED_MESSAGE/,
    'APNS_ERR_NOT_TLS',
    'the peer does not speak TLS: check host and port',
  ],
  [
    /NO_APPLICATION_PROTOCOL/,
    'APNS_ERR_NOT_HTTP2',
    'the peer rejected HTTP/2 in the TLS handshake (ALPN): check host and port',
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_|NO_SHARED_CIPHER|INSUFFICIENT_SECURITY/,
    'APNS_ERR_TLS_VERSION',
    'the peer supports no accepted TLS version and cipher: TLS 1.2 or later is required',
  ],
  [/SSL|TLS|EPROTO/, 'APNS_ERR_TLS', 'the TLS connection failed'],
];

/** Replaces the sentence above if `tls.ca` is set, because the advice to set it would not help. */
const OTHER_AUTHORITY =
  "no authority in tls.ca issued the gateway's certificate: give the one that did, or leave tls.ca out for Apple's hosts";

/**
 * The error that says what Node's error means for a connection to `peer`: what happened, where, and what
 * to do. This is the one place that reads Node's codes. Node's own error is kept as `cause`; an
 * {@link ApnsError} is returned as it is.
 */
export function toApnsError(error: unknown, peer: Peer): ApnsError {
  if (error instanceof ApnsError) return error;
  const names = causeNames(error);
  for (const [pattern, code, sentence] of CAUSES) {
    const name = names.find((candidate) => pattern.test(candidate));
    if (name !== undefined) {
      const isWrongAuthority = code === 'APNS_ERR_UNKNOWN_AUTHORITY' && peer.hasOwnAuthorities === true;
      const meaning = isWrongAuthority ? OTHER_AUTHORITY : sentence;
      return new ApnsError(code, `${formatPeer(peer)}: ${meaning} (${shortName(error)})`, { cause: error });
    }
  }
  return new ApnsError(
    'APNS_ERR_CONNECTION_LOST',
    `${formatPeer(peer)}: the connection failed (${shortName(error)})`,
    { cause: error },
  );
}

/**
 * The names under which an error is looked up. With both address families failing, those of every
 * attempt: a port that refuses says more than a family without a route, and comes first above.
 */
function causeNames(error: unknown): string[] {
  if (!isError(error)) return [];
  const { errors } = error as AggregateError;
  if (Array.isArray(errors)) return errors.flatMap(causeNames);
  const { code, syscall } = error as NodeJS.ErrnoException;
  const names = code === undefined || code === 'EPROTO' ? [] : [code];
  if (code === 'ETIMEDOUT' && syscall === 'connect') return ['CONNECT ETIMEDOUT'];
  // Node passes some errors on without a code, so only the words of OpenSSL identify them.
  if (names.length === 0) names.push(error.message.toUpperCase().replace(/[^A-Z0-9]+/g, '_'));
  return names;
}

/** Whether a value is an error. In a context of `node:vm`, such as Jest's, Node's errors are not instances of its `Error`. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

function shortName(error: unknown): string {
  if (!isError(error)) return describe(error);
  return (error as NodeJS.ErrnoException).code ?? error.name;
}
