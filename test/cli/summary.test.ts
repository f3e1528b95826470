import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { complaintOf } from '../../src/cli/complaint.js';
import { type SendingResult, summaryOf } from '../../src/cli/summary.js';
import { ProviderToken } from '../../src/connection/provider-token.js';
import { createOutcomeCounts } from '../../src/outcome.js';

const result = (more: Partial<SendingResult>): SendingResult => ({
  counts: createOutcomeCounts(),
  valid: undefined,
  reasons: [],
  elapsedMs: 1000,
  stoppedAfter: undefined,
  outcomesLost: false,
  ...more,
});
const counts = { ...createOutcomeCounts(), unsent: 2 };

describe('summaryOf', () => {
  it('tells a rate only where something was settled', () => {
    expect(summaryOf(result({}))).not.toContain('/s');
    expect(summaryOf(result({ counts }))).toContain('(2/s)');
  });

  it('advises to go by the outcomes only where all of them were written', () => {
    expect(summaryOf(result({ counts }))).toContain('unsent or unknown again');
    expect(summaryOf(result({ counts, outcomesLost: true }))).not.toContain('again;');
    expect(summaryOf(result({ counts, outcomesLost: true }))).toContain('could be written');
  });
});

describe('complaintOf', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

  it.each([
    [{ keyId: 'short' }, '--key-id'],
    [{ teamId: 'short' }, '--team-id'],
    [{ key: 'no PEM' }, '--provider-key'],
  ])('names the flag for %j', (wrong, flag) => {
    let error: unknown;
    try {
      new ProviderToken({ key, keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ', ...wrong });
    } catch (thrown) {
      error = thrown;
    }
    expect(complaintOf(error)).toContain(`apns-streams: ${flag} `);
  });
});
