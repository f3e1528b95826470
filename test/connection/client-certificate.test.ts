import type { KeyObject, X509Certificate } from 'node:crypto';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type CertificateFile, checkDates, orderChain } from '../../src/connection/client-certificate.js';

const KEY = { pem: 'key', key: { asymmetricKeyType: 'ec' } as KeyObject };

/** A certificate as far as a chain needs it; the one that is called "leaf" belongs to the key. */
function certificate(name: string, issuer: string): CertificateFile {
  const partial: Partial<X509Certificate> = {
    subject: name,
    checkPrivateKey: () => name === 'leaf',
    checkIssued: (other) => other.subject === issuer,
  };
  return { certificate: partial as X509Certificate, pem: name };
}

const ordered = (...given: CertificateFile[]): string[] => orderChain(given, [KEY]).map(({ pem }) => pem);

describe('orderChain', () => {
  const leaf = certificate('leaf', 'between');
  const between = certificate('between', 'root');
  const root = certificate('root', 'root');
  const others = [certificate('other', 'nowhere'), certificate('another', 'nowhere')] as const;

  it('puts each certificate behind the one that it issued, and those of no use last, as they came', () => {
    const chain = ['leaf', 'between', 'root', 'other', 'another'];
    expect(ordered(root, others[0], between, leaf, others[1])).toEqual(chain);
    expect(ordered(...others, leaf, root, between)).toEqual(chain);
    expect(ordered(leaf, between, root, ...others)).toEqual(chain);
  });

  it('keeps a leaf alone', () => {
    expect(ordered(leaf)).toEqual(['leaf']);
  });
});

describe('checkDates', () => {
  it.each([
    ['at its first moment', 'Jan  1 00:00:00 2026 GMT', undefined],
    ['at its last moment', 'Jan  2 00:00:00 2026 GMT', undefined],
    ['a second before', 'Dec 31 23:59:59 2025 GMT', /is not valid before Jan {2}1/],
    ['a second after', 'Jan  2 00:00:01 2026 GMT', /expired on Jan {2}2/],
  ])('judges a certificate %s', (_when, now, problem) => {
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.parse(now));
    onTestFinished(() => clock.mockRestore());
    const dates = { validFrom: 'Jan  1 00:00:00 2026 GMT', validTo: 'Jan  2 00:00:00 2026 GMT' };
    const check = (): void => checkDates('tls.cert', dates as X509Certificate);
    if (problem === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(problem);
  });
});
