import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { toApnsError } from '../../src/connection/node-error.js';
import { ApnsError, type ApnsErrorCode, formatPeer } from '../../src/core/errors.js';

const PEER = { host: 'gateway.example', port: 2195 };

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall, errno: -1 });
}

/** An error of OpenSSL, as Node passes it on: the reason in words in the message, in capitals in the code. */
function sslError(reason: string): Error {
  const code = `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
  const message = `80BC0000:error:0A000410:SSL routines:ssl3_read_bytes:${reason}:../ssl/record/rec_layer_s3.c:1601:\n`;
  return Object.assign(new Error(message), { code, library: 'SSL routines', reason });
}

describe('toApnsError', () => {
  it.each<[ApnsErrorCode, string, string]>([
    ['APNS_ERR_CONNECTION_REFUSED', 'ECONNREFUSED', 'connect'],
    ['APNS_ERR_HOST_NOT_FOUND', 'ENOTFOUND', 'getaddrinfo'],
    ['APNS_ERR_HOST_NOT_FOUND', 'EAI_AGAIN', 'getaddrinfo'],
    ['APNS_ERR_UNREACHABLE', 'ENETUNREACH', 'connect'],
    ['APNS_ERR_UNREACHABLE', 'EHOSTUNREACH', 'connect'],
    ['APNS_ERR_UNREACHABLE', 'EHOSTUNREACH', 'read'],
    ['APNS_ERR_UNREACHABLE', 'EADDRNOTAVAIL', 'connect'],
    ['APNS_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT', 'connect'],
    ['APNS_ERR_CONNECTION_LOST', 'ETIMEDOUT', 'read'],
    ['APNS_ERR_CONNECTION_LOST', 'ECONNRESET', 'read'],
    ['APNS_ERR_CONNECTION_LOST', 'EPIPE', 'write'],
    ['APNS_ERR_TOO_MANY_OPEN_FILES', 'EMFILE', 'connect'],
    ['APNS_ERR_TOO_MANY_OPEN_FILES', 'ENFILE', 'connect'],
  ])('says %s for %s in %s', (code, errno, syscall) => {
    const cause = systemError(errno, syscall);
    const error = toApnsError(cause, PEER);
    expect(error).toMatchObject({ code, cause });
    expect(error.message).toContain('gateway.example:2195');
    expect(error.message).toContain(errno);
  });

  it.each<[ApnsErrorCode, string]>([
    ['APNS_ERR_WRONG_HOST', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['APNS_ERR_WRONG_HOST', 'HOSTNAME_MISMATCH'],
    ['APNS_ERR_CERTIFICATE_EXPIRED', 'CERT_HAS_EXPIRED'],
    ['APNS_ERR_CERTIFICATE_EXPIRED', 'CERT_NOT_YET_VALID'],
    ['APNS_ERR_UNKNOWN_AUTHORITY', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['APNS_ERR_UNKNOWN_AUTHORITY', 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['APNS_ERR_UNKNOWN_AUTHORITY', 'UNABLE_TO_GET_ISSUER_CERT'],
    ['APNS_ERR_UNKNOWN_AUTHORITY', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
    ['APNS_ERR_UNKNOWN_AUTHORITY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['APNS_ERR_UNKNOWN_AUTHORITY', 'CERT_SIGNATURE_FAILURE'],
    ['APNS_ERR_UNKNOWN_AUTHORITY', 'CERT_UNTRUSTED'],
    ['APNS_ERR_UNKNOWN_AUTHORITY', 'INVALID_PURPOSE'],
  ])('says %s for a certificate with %s', (code, reason) => {
    expect(toApnsError(Object.assign(new Error('x'), { code: reason }), PEER).code).toBe(code);
  });

  // The first wording of an alert is that of OpenSSL 3.0 (Node 20), the second that of 3.5 (Node 22 and later).
  it.each<[ApnsErrorCode, string]>([
    ['APNS_ERR_CREDENTIALS_REFUSED', 'sslv3 alert bad certificate'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'ssl/tls alert bad certificate'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'sslv3 alert certificate expired'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'ssl/tls alert certificate expired'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'sslv3 alert certificate revoked'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'sslv3 alert certificate unknown'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'ssl/tls alert unsupported certificate'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'sslv3 alert handshake failure'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'ssl/tls alert handshake failure'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'tlsv1 alert unknown ca'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'tlsv1 alert access denied'],
    ['APNS_ERR_CREDENTIALS_REFUSED', 'tlsv13 alert certificate required'],
    ['APNS_ERR_NOT_TLS', 'wrong version number'],
    ['APNS_ERR_NOT_TLS', 'packet length too long'],
    ['APNS_ERR_NOT_TLS', 'data length too long'],
    ['APNS_ERR_NOT_TLS', 'http request'],
    ['APNS_ERR_TLS_VERSION', 'tlsv1 alert protocol version'],
    ['APNS_ERR_TLS_VERSION', 'unsupported protocol'],
    ['APNS_ERR_TLS_VERSION', 'tlsv1 alert insufficient security'],
    ['APNS_ERR_NOT_HTTP2', 'tlsv1 alert no application protocol'],
    ['APNS_ERR_TLS', 'tlsv1 alert internal error'],
    ['APNS_ERR_TLS', 'ee key too small'],
    ['APNS_ERR_TLS', 'decryption failed or bad record mac'],
  ])('says %s for "%s", with a code of its own or only in words', (code, reason) => {
    expect(toApnsError(sslError(reason), PEER).code).toBe(code);
    const bare = sslError(reason);
    const words = Object.assign(new Error(`write EPROTO ${bare.message}`), {
      code: 'EPROTO',
      syscall: 'write',
    });
    expect(toApnsError(words, PEER).code).toBe(code);
  });

  it('looks into the attempts of both address families, and prefers the one that got an answer', () => {
    const noRoute = systemError('ENETUNREACH', 'connect');
    const refused = systemError('ECONNREFUSED', 'connect');
    const timedOut = systemError('ETIMEDOUT', 'connect');
    const both = (...errors: Error[]): Error =>
      Object.assign(new AggregateError(errors), { code: (errors[0] as NodeJS.ErrnoException).code });
    expect(toApnsError(both(noRoute, refused), PEER).code).toBe('APNS_ERR_CONNECTION_REFUSED');
    expect(toApnsError(both(refused, noRoute), PEER).code).toBe('APNS_ERR_CONNECTION_REFUSED');
    expect(toApnsError(both(noRoute, timedOut), PEER).code).toBe('APNS_ERR_CONNECT_TIMEOUT');
    expect(toApnsError(both(noRoute, noRoute), PEER).code).toBe('APNS_ERR_UNREACHABLE');
  });

  it('returns an ApnsError as it is', () => {
    const error = new ApnsError('APNS_ERR_CLOSED', 'enough');
    expect(toApnsError(error, PEER)).toBe(error);
  });

  it.each([
    new Error('no code'),
    'a string',
    undefined,
    null,
    new AggregateError([]),
    systemError('EUNHEARDOF', 'read'),
  ])('takes whatever else it meets (%s) for a lost connection', (thrown) => {
    expect(toApnsError(thrown, PEER)).toMatchObject({ code: 'APNS_ERR_CONNECTION_LOST', cause: thrown });
  });

  it('repeats nothing of a message that it does not know', () => {
    expect(toApnsError(new Error('key: hunter2'), PEER).message).not.toContain('hunter2');
    expect(toApnsError('hunter2', PEER).message).not.toContain('hunter2');
  });
});

describe('formatPeer', () => {
  it('puts an IPv6 address into brackets', () => {
    expect(formatPeer({ host: '::1', port: 443 })).toBe('[::1]:443');
    expect(formatPeer({ host: '127.0.0.1', port: 443 })).toBe('127.0.0.1:443');
    expect(formatPeer(PEER)).toBe('gateway.example:2195');
  });
});

it('knows an error of another context, as those of Node are in Jest', () => {
  const foreign = runInNewContext("Object.assign(new Error('no'), { code: 'ECONNREFUSED' })");
  expect(foreign).not.toBeInstanceOf(Error);
  expect(toApnsError(foreign, PEER)).toMatchObject({ code: 'APNS_ERR_CONNECTION_REFUSED', cause: foreign });
  const both = runInNewContext('(errors) => new AggregateError(errors)')([new Error('no'), foreign]);
  expect(toApnsError(both, PEER).code).toBe('APNS_ERR_CONNECTION_REFUSED');
});
