import { describe, expect, it } from 'vitest';
import {
  closedAfterHandshake,
  isFatalConnectionError,
  reasonOf,
} from '../../src/connection/connection-error.js';
import { ApnsError, type ApnsErrorCode } from '../../src/core/errors.js';

describe('isFatalConnectionError', () => {
  it.each<ApnsErrorCode>([
    'APNS_ERR_INVALID_OPTION',
    'APNS_ERR_BAD_CREDENTIALS',
    'APNS_ERR_CREDENTIALS_REFUSED',
    'APNS_ERR_WRONG_HOST',
    'APNS_ERR_UNKNOWN_AUTHORITY',
    'APNS_ERR_CERTIFICATE_EXPIRED',
    'APNS_ERR_VERIFICATION_DISABLED',
    'APNS_ERR_NOT_TLS',
    'APNS_ERR_TLS_VERSION',
    'APNS_ERR_NOT_HTTP2',
    'APNS_ERR_PROXY',
    'APNS_ERR_CLOSED',
  ])('does not try again after %s', (code) => {
    expect(isFatalConnectionError(new ApnsError(code, ''))).toBe(true);
  });

  it.each<ApnsErrorCode>([
    'APNS_ERR_CONNECTION_REFUSED',
    'APNS_ERR_CONNECT_TIMEOUT',
    'APNS_ERR_CONNECTION_LOST',
    'APNS_ERR_UNREACHABLE',
    'APNS_ERR_HOST_NOT_FOUND',
    'APNS_ERR_TOO_MANY_OPEN_FILES',
    'APNS_ERR_TLS',
  ])('tries again after %s', (code) => {
    expect(isFatalConnectionError(new ApnsError(code, ''))).toBe(false);
  });
});

describe('closedAfterHandshake', () => {
  it('names the gateway and blames the credentials', () => {
    const error = closedAfterHandshake({ host: '::1', port: 2195 });
    expect(error.code).toBe('APNS_ERR_CREDENTIALS_REFUSED');
    expect(error.message).toContain('[::1]:2195');
  });
});

describe('reasonOf', () => {
  it.each<[ApnsErrorCode, string]>([
    ['APNS_ERR_CLOSED', 'Closed'],
    ['APNS_ERR_CONNECTION_LOST', 'ConnectionLost'],
    ['APNS_ERR_TOO_MANY_OPEN_FILES', 'TooManyOpenFiles'],
    ['APNS_ERR_NOT_HTTP2', 'NotHttp2'],
  ])('makes the reason of an outcome from %s', (code, reason) => {
    expect(reasonOf(new ApnsError(code, ''))).toBe(reason);
  });
});
