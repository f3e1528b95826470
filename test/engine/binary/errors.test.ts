/** The errors that end a connection to a binary gateway: each has its code, and names the peer. */
import { expect, test } from 'vitest';
import { closedError } from '../../../src/connection/connection-error.js';
import { ApnsError } from '../../../src/core/errors.js';
import {
  lostError,
  notGatewayError,
  processingError,
  protocolError,
  timeoutError,
} from '../../../src/engine/binary/errors.js';

const peer = { host: 'gateway.example', port: 2195 };
const malformed = new ApnsError('APNS_ERR_MALFORMED_PACKET', 'expected command 8, got 72');

test.each([
  ['the gateway closed without a response', lostError(peer), 'APNS_ERR_CONNECTION_LOST', 'closed'],
  ['the gateway sent nothing', timeoutError(peer, 1234), 'APNS_ERR_TIMEOUT', '1234 ms'],
  ['ProcessingError', processingError(peer), 'APNS_ERR_CONNECTION_LOST', 'status code 1'],
  ['ProtocolError', protocolError(peer), 'APNS_ERR_GATEWAY_PROTOCOL', 'status code 128'],
  ['bytes of another protocol', notGatewayError(peer, malformed), malformed.code, malformed.message],
  ['this side closed the connection', closedError(peer), 'APNS_ERR_CLOSED', 'this side closed'],
])('the error for %s has its code, and names the gateway and what happened', (_what, error, code, words) => {
  expect(error).toBeInstanceOf(ApnsError);
  expect(error.code).toBe(code);
  expect(error.message).toContain('gateway.example:2195');
  expect(error.message).toContain(words);
});

test('the error for bytes of another protocol has the error of the parser as its cause', () => {
  expect(notGatewayError(peer, malformed).cause).toBe(malformed);
});
