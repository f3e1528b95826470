import { describe, expect, it } from 'vitest';
import { CommandError } from '../../src/cli/command-error.js';
import { exitCodeOfEnding, exitCodeOfError } from '../../src/cli/exit-status.js';
import { ApnsError } from '../../src/core/errors.js';

const NONE = { accepted: 0, rejected: 0, invalid: 0, unsent: 0, unknown: 0, presumed: 0 };
const REFUSED = new ApnsError('APNS_ERR_CREDENTIALS_REFUSED', '');
const LOST = new ApnsError('APNS_ERR_CONNECTION_LOST', '');
const BROKEN = new ApnsError('APNS_ERR_CONNECTION_LOST', '', { cause: new Error('ECONNRESET') });
const NOT_NDJSON = new ApnsError('APNS_ERR_NOT_NDJSON', '');

describe('exitCodeOfEnding', () => {
  it.each([
    ['all accepted', {}, 0],
    ['some rejected', { counts: { ...NONE, rejected: 1 } }, 1],
    ['some invalid', { counts: { ...NONE, invalid: 1 } }, 1],
    ['some unsent', { counts: { ...NONE, unsent: 1 } }, 75],
    ['some unknown among rejected ones', { counts: { ...NONE, unknown: 1, rejected: 5 } }, 75],
    ['credentials refused, the rest unsent', { errors: [REFUSED], counts: { ...NONE, unsent: 9 } }, 77],
    ['a gateway that left before anything was sent', { errors: [LOST] }, 75],
    ['a lost connection', { errors: [BROKEN], counts: { ...NONE, accepted: 1 } }, 75],
    ['a lost connection that owes an answer', { errors: [BROKEN], counts: { ...NONE, unknown: 1 } }, 75],
    [
      'connections lost before anything was sent',
      { errors: [BROKEN], counts: { ...NONE, unsent: 9, invalid: 1 } },
      69,
    ],
    ['no NDJSON', { errors: [NOT_NDJSON] }, 1],
    ['no NDJSON, and something unknown', { errors: [NOT_NDJSON], counts: { ...NONE, unknown: 1 } }, 75],
    ['a full disk before a lost connection', { errors: [new CommandError(74, ''), LOST] }, 74],
    ['a signal before everything', { signal: 'SIGINT', errors: [REFUSED] }, 130],
    ['the other signal', { signal: 'SIGTERM' }, 143],
  ] as const)('tells %s', (_, ending, code) => {
    expect(exitCodeOfEnding({ signal: undefined, errors: [], counts: NONE, ...ending })).toBe(code);
  });
});

describe('exitCodeOfError', () => {
  it.each([
    ['APNS_ERR_INVALID_OPTION', 64],
    ['APNS_ERR_CONNECTION_REFUSED', 69],
    ['APNS_ERR_HOST_NOT_FOUND', 69],
    ['APNS_ERR_CONNECT_TIMEOUT', 69],
    ['APNS_ERR_UNKNOWN_AUTHORITY', 69],
    ['APNS_ERR_CREDENTIALS_REFUSED', 77],
    ['APNS_ERR_BAD_CREDENTIALS', 78],
    ['APNS_ERR_VERIFICATION_DISABLED', 78],
  ] as const)('takes %s for %d', (code, exitCode) => {
    expect(exitCodeOfError(new ApnsError(code, ''))).toBe(exitCode);
  });

  it('takes anything else for a fault of the command', () => {
    expect(exitCodeOfError(new TypeError('x is not a function'))).toBe(70);
  });
});
