/** What is said of the end of HTTP/2 connections and streams. */
import { expect, test } from 'vitest';
import { ApnsError } from '../../../src/core/errors.js';
import {
  goawayError,
  http2ProtocolError,
  lossReason,
  refusedError,
  resetReason,
  sickMessage,
  silentError,
  stalledMessage,
} from '../../../src/engine/http2/errors.js';
import type { ResolvedHttp2Options } from '../../../src/engine/http2/options.js';
import { connectionError } from '../../../src/protocol/http2/http2-error.js';

const PEER = { host: 'gateway.example', port: 443 };

test.each([
  [0x2, 'StreamInternalError'],
  [0x7, 'StreamRefusedStream'],
  [0x8, 'StreamCancel'],
  [0xd, 'StreamHttp11Required'],
])('names the end of a stream by error code %i', (errorCode, reason) => {
  expect(resetReason(errorCode).replace('http_1_1', 'Http11')).toBe(reason);
});

test('says why what was in flight is lost', () => {
  expect(lossReason(undefined)).toBe('ConnectionLost');
  expect(lossReason(new ApnsError('APNS_ERR_TIMEOUT', 'x'))).toBe('Timeout');
  expect(lossReason(new ApnsError('APNS_ERR_CLOSED', 'x'))).toBe('Aborted');
  expect(lossReason(new ApnsError('APNS_ERR_HTTP2_PROTOCOL', 'x'))).toBe('ConnectionLost');
});

test('tells a GOAWAY without an error from one with', () => {
  const { code, message } = goawayError(PEER, 0, Buffer.from('{"reason":"IdleTimeout"}'));
  expect([code, message]).toEqual([
    'APNS_ERR_CONNECTION_LOST',
    'gateway.example:443 ended the connection: IdleTimeout',
  ]);
  const bare = goawayError(PEER, 11, Buffer.alloc(0));
  expect([bare.code, bare.message]).toEqual([
    'APNS_ERR_HTTP2_PROTOCOL',
    'gateway.example:443 ended the connection: ENHANCE_YOUR_CALM',
  ]);
});

test('says of a clock how wrong it is from a minute on, in either direction', () => {
  const clockText = (clockSkewMs: number | undefined): string | undefined => {
    const options = { target: PEER, providerToken: { clockSkewMs } } as ResolvedHttp2Options;
    return refusedError(options, 'Forbidden').message.split('; ')[1];
  };
  expect([undefined, 0, 59_999, -59_999].map(clockText)).toEqual(Array(4).fill(undefined));
  expect(clockText(60_000)).toBe("this clock is 60 s behind the server's");
  expect(clockText(-90_400)).toBe("this clock is 90 s ahead of the server's");
  const withCertificate = { target: PEER } as ResolvedHttp2Options;
  expect(refusedError(withCertificate, 'Forbidden').code).toBe('APNS_ERR_CREDENTIALS_REFUSED');
});

test('keeps the code of a breach and names the peer', () => {
  const cause = connectionError('PROTOCOL_ERROR', 'stream 7 was never opened');
  const error = http2ProtocolError(PEER, cause);
  expect(error.code).toBe('APNS_ERR_HTTP2_PROTOCOL');
  expect(error.message).toMatch(/^gateway\.example:443: .*stream 7 was never opened.*; check host and port$/);
  expect(error.cause).toBe(cause);
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
  expect(http2ProtocolError(PEER, reset).code).toBe('APNS_ERR_CONNECTION_LOST');
});

test('gives times of silence in whole milliseconds', () => {
  expect(silentError(PEER, 10_000.4)).toMatchObject({
    code: 'APNS_ERR_TIMEOUT',
    message: expect.stringContaining('gateway.example:443 has sent nothing for 10000 ms'),
  });
  expect(stalledMessage(PEER, 333.4)).toBe(
    'gateway.example:443 has not responded to any notification on one connection for 333 ms',
  );
  expect(sickMessage(PEER)).toMatch(/^gateway\.example:443 failed to process several notifications/);
});
