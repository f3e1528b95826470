/** What is said of refused credentials: for every reason that Apple documents, what to do. */
import { expect, test } from 'vitest';
import { REASON_STATUS } from '../../src/core/reason.js';
import { refusedError } from '../../src/engine/http2/errors.js';
import type { ResolvedHttp2Options } from '../../src/engine/http2/options.js';

const target = { host: 'gateway.example', port: 443 };
const messageFor = (reason: string, clockSkewMs?: number): string =>
  refusedError({ target, providerToken: { clockSkewMs } } as ResolvedHttp2Options, reason).message;
/** TopicMismatch is about one broadcast, and refuses no credentials. */
const reasons = Object.entries(REASON_STATUS).flatMap(([reason, status]) =>
  status === 403 && reason !== 'TopicMismatch' ? [reason] : [],
);

test.each(reasons)('says for %s what to do', (reason) => {
  expect(messageFor(reason)).toMatch(
    new RegExp(`^gateway.example:443 refuses the credentials: ${reason}: .{20}`),
  );
});

test.each([
  ['InvalidProviderToken', /team id.*key id.*\.p8.*clock/],
  ['ExpiredProviderToken', /clock/],
  ['MissingProviderToken', /provider key.*or a client certificate/],
  ['BadCertificate', /certificate/],
  ['BadCertificateEnvironment', /certificate.*sandbox/],
  ['BadEnvironmentKeyIdInToken', /key.*sandbox/],
  ['Forbidden', /topic/],
])('names for %s what can be at fault', (reason, advice) => {
  expect(messageFor(reason)).toMatch(advice);
});

test('tells how wrong the clock is behind it, and nothing that is no word', () => {
  expect(messageFor('InvalidProviderToken', 7_200_000)).toMatch(
    /; this clock is 7200 s behind the server's$/,
  );
  expect(messageFor('<html>')).toBe('gateway.example:443 refuses the credentials: it gave an unknown reason');
  expect(messageFor('constructor')).toBe('gateway.example:443 refuses the credentials: constructor');
});
