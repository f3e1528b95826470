import { expect, test } from 'vitest';
import { ApnsError } from '../../src/core/errors.js';
import { endReason, unsentSettlement } from '../../src/engine/end-reason.js';

test('gives the reason of the failure, and Aborted where nothing failed', () => {
  const lost = new ApnsError('APNS_ERR_CONNECTION_LOST', 'it was lost');
  const closed = new ApnsError('APNS_ERR_CLOSED', 'it was closed');
  expect([lost, closed, new Error('mine'), null, undefined].map((error) => endReason(error))).toEqual([
    'ConnectionLost',
    'Aborted',
    'Aborted',
    'Aborted',
    'Aborted',
  ]);
});

test('settles what was never taken as unsent, with the message of an error of ours', () => {
  expect(unsentSettlement(new ApnsError('APNS_ERR_PROXY', 'it said no'))).toEqual({
    status: 'unsent',
    reason: 'Proxy',
    message: 'it said no',
  });
  expect(unsentSettlement(new Error('mine'))).toEqual({
    status: 'unsent',
    reason: 'Aborted',
    message: undefined,
  });
});
