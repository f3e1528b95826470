/** What Node's and OpenSSL's errors mean. It is the only module that reads their codes and texts. */
import { types } from 'node:util';
import { ApnsError, type ApnsErrorCode, describe, formatPeer, type Peer } from '../core/errors.js';

/**
 * What Node's errors mean, first match wins. They are told by class, never by an exact string: OpenSSL
 * 3.0 (Node 20) and 3.5 (Node 22 and later) name the same alert differently.
 */
const CAUSES: readonly (readonly [pattern: RegExp, code: ApnsErrorCode, sentence: string])[] = [
  [/^ECONNREFUSED$/, 'APNS_ERR_CONNECTION_REFUSED', 'nothing listens there: check host and port'],
  [
    /^(ENOTFOUND|EAI_\w+)$/,
    'APNS_ERR_HOST_NOT_FOUND',
    'the name does not resolve: check host and the resolver',
  ],
  [/^CONNECT ETIMEDOUT$/, 'APNS_ERR_CONNECT_TIMEOUT', 'it does not answer: check host, port and firewall'],
  [
    /^(ENETUNREACH|EHOSTUNREACH|ENETDOWN|EHOSTDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/,
    'APNS_ERR_UNREACHABLE',
    'there is no way to it from here: check network and firewall',
  ],
  [
    /^(EMFILE|ENFILE)$/,
    'APNS_ERR_TOO_MANY_OPEN_FILES',
    'no file descriptor is left for a connection: raise the limit (ulimit -n) or open fewer',
  ],
  [/^(ECONNRESET|EPIPE|ECONNABORTED|ETIMEDOUT)$/, 'APNS_ERR_CONNECTION_LOST', 'the connection broke off'],
  [
    /ALTNAME_INVALID|HOSTNAME_MISMATCH/,
    'APNS_ERR_WRONG_HOST',
    "the gateway's certificate is for another host: check host, or give the name in it as tls.servername",
  ],
  // Before the next two: an alert is what the peer says about our certificate, not we about its.
  [
    /ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)|HANDSHAKE_FAILURE/,
    'APNS_ERR_CREDENTIALS_REFUSED',
    'the gateway refused the TLS handshake, most likely for the client certificate: check that it is the right one and valid',
  ],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    'APNS_ERR_CERTIFICATE_EXPIRED',
    "the gateway's certificate is out of date: renew it, or check the clock of this machine",
  ],
  [
    /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|CERT_|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED/,
    'APNS_ERR_UNKNOWN_AUTHORITY',
    "the gateway's certificate comes from no authority trusted here: give that authority as tls.ca",
  ],
  [
    /WRONG_VERSION_NUMBER|(PACKET|DATA)_LENGTH_TOO_LONG|HTTP_REQUEST|HTTPS_PROXY_REQUEST|RECORD_TOO_|UNEXPECTED_MESSAGE/,
    'APNS_ERR_NOT_TLS',
    'it does not answer in TLS: check host and port',
  ],
  [
    /NO_APPLICATION_PROTOCOL/,
    'APNS_ERR_NOT_HTTP2',
    'it refuses HTTP/2 in the TLS handshake (ALPN): check host and port',
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_|NO_SHARED_CIPHER|INSUFFICIENT_SECURITY/,
    'APNS_ERR_TLS_VERSION',
    'it speaks no TLS version and cipher accepted here, which begin at TLS 1.2',
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
  // OpenSSL's own words, for errors that Node passes on without a code of their own.
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
