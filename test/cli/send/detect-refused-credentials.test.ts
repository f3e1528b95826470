import { expect, it } from 'vitest';
import { detectRefusedCredentials } from '../../../src/cli/send/detect-refused-credentials.js';
import { createOutcomeCounts } from '../../../src/core/outcome.js';

const LOST = {
  counts: { ...createOutcomeCounts(), unknown: 3 },
  valid: undefined,
  rejectedForNow: 0,
  reasons: [['unknown: ConnectionLost', 3]],
  elapsedMs: 100,
  stoppedAfter: undefined,
  unwritten: 0,
  refusedForSettings: 0,
  openUnknown: 0,
} as const;

it('takes connections that are lost before anything is confirmed for refused credentials', () => {
  expect(detectRefusedCredentials(LOST)).toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
});

it.each([
  ['everything was accepted', { counts: { ...LOST.counts, unknown: 0, accepted: 3 }, reasons: [] }],
  ['something was accepted', { counts: { ...LOST.counts, accepted: 1 } }],
  ['something was rejected', { counts: { ...LOST.counts, rejected: 1 } }],
  ['the gateway was silent instead', { reasons: [['unknown: Timeout', 3]] as const }],
  ['it took a while', { elapsedMs: 60_000 }],
])('does not when %s', (_, difference) => {
  expect(detectRefusedCredentials({ ...LOST, ...difference })).toBeUndefined();
});
