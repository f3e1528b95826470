import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { LineRanges } from '../../../src/cli/input/line-ranges.js';
import { formatError } from '../../../src/cli/output/format-error.js';
import { EarlierRefusals } from '../../../src/cli/send/earlier-refusals.js';
import {
  jsonSummaryOf,
  type ResumeFigures,
  type SendingResult,
  summaryOf,
} from '../../../src/cli/send/summary.js';
import { loadCredentials } from '../../../src/connection/credentials.js';
import { toApnsError } from '../../../src/connection/node-error.js';
import { ProviderToken } from '../../../src/connection/provider-token.js';
import { createOutcomeCounts } from '../../../src/core/outcome.js';
import { resolveHttp2Options } from '../../../src/engine/http2/options.js';
import { NdjsonDecoder } from '../../../src/protocol/json/ndjson-decoder.js';

const result = (more: Partial<SendingResult>): SendingResult => ({
  counts: createOutcomeCounts(),
  valid: undefined,
  reasons: [],
  elapsedMs: 1000,
  stoppedAfter: undefined,
  unwritten: 0,
  refusedForSettings: 0,
  rejectedForNow: 0,
  openUnknown: 0,
  ...more,
});
const counts = { ...createOutcomeCounts(), unsent: 2 };

describe('summaryOf', () => {
  it('tells a rate only where something was settled', () => {
    expect(summaryOf(result({}))).not.toContain('/s');
    expect(summaryOf(result({ counts }))).toContain('(2/s)');
  });

  it('advises to go by the outcomes only where all of them were written', () => {
    expect(summaryOf(result({ counts }))).toContain('unsent again');
    expect(summaryOf(result({ counts, unwritten: 1 }))).not.toContain('again');
    expect(summaryOf(result({ counts, unwritten: 1 }))).toContain('1 outcome could not be written');
  });

  it.each([
    [{ unsent: 1 }, 'send the lines whose outcome is unsent again'],
    [{ unknown: 1 }, 'send the lines whose outcome is unknown again; they may arrive twice'],
    [
      { unsent: 1, unknown: 1 },
      'send the lines whose outcome is unsent or unknown again; unknown ones may arrive twice',
    ],
  ])('names only the statuses that exist: %o', (some, advice) => {
    const lines = summaryOf(result({ counts: { ...createOutcomeCounts(), ...some } })).split('\n');
    expect(lines.slice(1)).toEqual([`  ${advice}`, '']);
  });

  it.each([
    [{}, {}, []],
    [{ unsent: 1 }, {}, ['run the command again to send the unsent lines']],
    [
      { unknown: 2 },
      {},
      [
        'resuming does not send unknown lines (2), because they could arrive twice: to send them, copy them to another file',
      ],
    ],
    [
      { unknown: 2 },
      { openUnknown: 2 },
      ['run the command again to send the unknown lines (which may arrive twice)'],
    ],
    [
      { unsent: 1 },
      { stoppedAfter: { file: undefined, line: 3 } },
      [
        'reading stopped after line 3; later lines, if there are any, were not sent',
        'run the command again to send the unsent lines, the lines that were not read',
      ],
    ],
  ])('says with a ledger what resuming sends: %o %o', (some, more, advice) => {
    const earlier = new EarlierRefusals(new LineRanges());
    const resume = { ledger: 'ledger', settledBefore: 0, duplicatesAtMost: 0, earlier };
    const summary = summaryOf(result({ counts: { ...createOutcomeCounts(), ...some }, ...more }), resume);
    expect(summary.split('\n').slice(1)).toEqual([...advice.map((line) => `  ${line}`), '']);
  });

  it('tells which rejections time may mend, where every outcome was written', () => {
    const rejected = { ...createOutcomeCounts(), rejected: 3 };
    expect(summaryOf(result({ counts: rejected }))).not.toContain('for now');
    expect(summaryOf(result({ counts: rejected, rejectedForNow: 1 }))).toContain(
      '  1 was rejected temporarily',
    );
    const two = result({ counts: rejected, rejectedForNow: 2 });
    expect(summaryOf(two)).toMatch(/^ {2}2 were rejected temporarily .*: send them again later$/m);
    expect(summaryOf({ ...two, unwritten: 1 })).not.toContain('for now');
  });
});

describe('the summary after refusals of credentials or options', () => {
  const resume = (): ResumeFigures => {
    const lines = new LineRanges();
    lines.add(1, 1200);
    const earlier = new EarlierRefusals(lines);
    for (let line = 1; line <= 1100; line++) earlier.onOutcome(line > 1000 ? 'rejected' : 'accepted', line);
    return { ledger: 'ledger', settledBefore: 0, duplicatesAtMost: 0, earlier };
  };

  it('tells what became of the lines refused before', () => {
    const told = '  of 1,200 lines refused in earlier runs: 1,000 accepted, 100 rejected, 100 not sent yet';
    expect(summaryOf(result({}), resume()).split('\n')).toContain(told);
    const json = jsonSummaryOf(result({}), { exitCode: 0, errors: [], resume: resume() });
    expect(JSON.parse(json).resume).toEqual({
      ledger: 'ledger',
      settledBefore: 0,
      duplicatesAtMost: 0,
      refusedBefore: 1200,
      refusedBeforeNow: { accepted: 1000, rejected: 100 },
    });
  });

  it('says that they stay open only where a ledger does so', () => {
    const refused = result({ refusedForSettings: 2 });
    expect(summaryOf(refused)).toContain(
      '  2 were refused because of credentials or options: correct them, then',
    );
    expect(summaryOf(refused, resume())).toContain(
      'correct them, then run the same command again: it sends those lines',
    );
    expect(summaryOf(result({}))).not.toContain('credentials');
  });
});

describe('formatError', () => {
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
    expect(formatError(error)).toContain(`apns-streams: ${flag} `);
  });

  it.each([
    [
      'a key that is no PEM',
      () => new ProviderToken({ key: 'x', keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ' }),
    ],
    ['a certificate that is no PEM', () => loadCredentials({ cert: 'x', key })],
    ['no credentials', () => resolveHttp2Options({ environment: 'production' })],
    [
      "another host's certificate",
      () => {
        const error = Object.assign(new Error(), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
        throw toApnsError(error, { host: 'gateway.example', port: 2195 });
      },
    ],
    ['a long line', () => readLongLine()],
  ])('says nothing of what only the library has, for %s', (_what, fail) => {
    expect(() => fail()).toThrow(
      expect.toSatisfy((error) => !/not its path|tls\.|providerToken|maxLineBytes/.test(formatError(error))),
    );
  });
});

function readLongLine(): void {
  const onInvalid = (error: Error): never => {
    throw error;
  };
  const decoder = new NdjsonDecoder({
    payload: 'raw',
    maxLineBytes: 1,
    onNotification: () => true,
    onInvalid,
  });
  decoder.read(Buffer.from('{"deviceToken":"ab","payload":{}}\n'));
}
