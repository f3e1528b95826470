/** `cat FILE | apns-streams send --to https://…` against the simulator's HTTP/2 side, in two processes. */
import { describe, expect, test } from 'vitest';
import type { Outcome, OutcomeCounts } from '../../src/core/outcome.js';
import type { Http2ServiceOptions } from '../../src/simulator/http2/service.js';
import { rejectionOfStatusCode } from '../../src/simulator/rejection.js';
import type { TokenFaultName } from '../../src/simulator/token-fault.js';
import { deviceTokens, spread, toNdjson } from './notifications.js';
import {
  type RecordedNotification,
  type Sent,
  type SimulatorProcess,
  sendHttp2,
  startFaultySimulator,
  startSimulator,
} from './processes.js';

/** Each is answered with another reason, 77 with one that no table has. */
const STATUS_CODES = [2, 3, 4, 6, 7, 8, 77];

/** The outcomes in the order of the input; each line must be there exactly once, with its own token. */
function inOrder({ outcomes }: Sent, tokens: readonly string[]): Outcome[] {
  const sorted = outcomes.toSorted((a, b) => a.line! - b.line!);
  expect(sorted.map(({ line }) => line)).toEqual(tokens.map((_, index) => index + 1));
  expect(sorted.map(({ deviceToken }) => deviceToken)).toEqual(tokens);
  return sorted;
}

/** Outcomes that the simulator's own record contradicts. */
function contradicted(outcomes: readonly Outcome[], recorded: readonly RecordedNotification[]): unknown[] {
  const times = new Map<string, number>();
  for (const { deviceToken, apnsId } of recorded) {
    const key = `${deviceToken} ${apnsId}`;
    times.set(key, (times.get(key) ?? 0) + 1);
  }
  const problems: unknown[] = [];
  for (const { status, deviceToken, apnsId, line, reason, attempts } of outcomes) {
    const found = times.get(`${deviceToken} ${apnsId}`) ?? 0;
    times.delete(`${deviceToken} ${apnsId}`);
    const allowed = status === 'accepted' ? [1] : status === 'unknown' ? [0, 1] : [0];
    if (!allowed.includes(found)) problems.push({ line, status, reason, attempts, found });
  }
  return [...problems, ...times.keys()];
}

interface Run extends Sent {
  /** In the order of the input. */
  readonly inOrder: Outcome[];
  readonly recorded: RecordedNotification[];
}

/** Sends, and holds what was said beside what happened. */
async function run(
  simulator: SimulatorProcess,
  tokens: readonly string[],
  auth: 'certificate' | 'token',
  ...args: string[]
): Promise<Run> {
  const sent = await sendHttp2(simulator, auth, toNdjson(tokens), ...args);
  const outcomes = inOrder(sent, tokens);
  const recorded = await simulator.stop();
  expect(contradicted(outcomes, recorded)).toEqual([]);
  return { ...sent, inOrder: outcomes, recorded };
}

test.each([
  { auth: 'certificate', connections: 1 },
  { auth: 'token', connections: 4 },
] as const)(
  'accepts 19,980 once and rejects 20 by line ($auth, connections: $connections)',
  async ({ auth, connections }) => {
    const count = 20_000;
    const faults = spread(20, 500, 1000, (nth) => ({
      name: 'reject',
      argument: STATUS_CODES[nth % STATUS_CODES.length]!,
    }));
    const tokens = deviceTokens(count, faults);
    const sent = await run(await startSimulator(), tokens, auth, '--connections', String(connections));
    const { exitCode, summary, inOrder: outcomes, recorded } = sent;
    expect(outcomes.filter(({ status }) => status !== 'accepted')).toEqual(
      Array.from(faults, ([line, { argument }]) => ({
        ...outcomes[line - 1],
        status: 'rejected',
        ...rejectionOfStatusCode(argument!),
      })),
    );
    expect(recorded.map(({ deviceToken }) => deviceToken).toSorted()).toEqual(
      tokens.filter((_, index) => !faults.has(index + 1)).toSorted(),
    );
    expect(exitCode).toBe(1);
    expect(summary).toMatchObject({ notifications: count, accepted: 19_980, rejected: 20, resent: 0 });
  },
);

const COUNT = 2000;

/** How the counts of a run must look, those that need not be 0; `some` is any number above it. */
type Counts = { readonly [Name in keyof OutcomeCounts]?: number | 'some' };

/** The counts as expected: what no other count has is accepted. */
function expectCounts({ summary, exitCode }: Run, counts: Counts): void {
  const names = ['rejected', 'unknown', 'unsent', 'invalid', 'presumed'] as const;
  for (const name of [...names, 'resent'] as const) {
    const { [name]: expected = name === 'resent' ? undefined : 0 } = counts;
    if (expected === 'some') expect(summary[name], name).toBeGreaterThan(0);
    else if (expected !== undefined) expect(summary[name], name).toBe(expected);
  }
  const others = names.reduce((sum, name) => sum + summary[name], 0);
  expect(summary.accepted).toBe(COUNT - others);
  expect(exitCode).toBe(summary.unknown + summary.unsent > 0 ? 75 : summary.rejected > 0 ? 1 : 0);
}

describe('agrees with the simulator where five of 2,000 device tokens ask for', () => {
  test.each<{ fault: TokenFaultName; argument?: number; counts?: Counts; reason?: string }>([
    { fault: 'reject', argument: 8, counts: { rejected: 5, resent: 0 }, reason: 'BadDeviceToken' },
    { fault: 'rejectSplit', argument: 8, counts: { rejected: 5, resent: 0 }, reason: 'BadDeviceToken' },
    { fault: 'unregistered', argument: 1, counts: { rejected: 5, resent: 0 }, reason: 'Unregistered' },
    { fault: 'expiredProviderToken', counts: { resent: 5 } },
    { fault: 'refuse', counts: { resent: 5 } },
    { fault: 'temporary', argument: 2, counts: { resent: 10 } },
    { fault: 'tooManyRequests', argument: 1, counts: { resent: 5 } },
    { fault: 'resetStream', argument: 2, counts: { unknown: 5, resent: 0 }, reason: 'StreamInternalError' },
    { fault: 'shutdown' },
    { fault: 'shutdownUnnamed' },
    { fault: 'close', counts: { resent: 'some' } },
    { fault: 'reset', counts: { unknown: 'some' }, reason: 'ConnectionLost' },
    { fault: 'stall', argument: 3, counts: { resent: 0 } },
    { fault: 'slowRead', argument: 128, counts: { resent: 0 } },
    { fault: 'latency', argument: 20, counts: { resent: 0 } },
    { fault: 'earlyResponse', counts: { resent: 0 } },
    { fault: 'interim', counts: { resent: 0 } },
    { fault: 'trailers', counts: { resent: 0 } },
    { fault: 'withoutId', counts: { resent: 0 } },
  ])('$fault $argument', async ({ fault, argument = 0, counts = {}, reason }) => {
    const tokens = deviceTokens(
      COUNT,
      spread(5, 100, 400, () => ({ name: fault, argument })),
    );
    const sent = await run(await startSimulator(), tokens, 'token');
    expectCounts(sent, counts);
    const problems = sent.inOrder.filter(({ status }) => status !== 'accepted');
    expect(problems.filter((outcome) => outcome.reason !== reason)).toEqual([]);
  });

  // How many of the others are overdue as well depends on the machine.
  test.each([
    { fault: 'discard', least: 5 },
    { fault: 'stall', least: 1000 },
  ] as const)('$fault, for ever', async ({ fault, least }) => {
    const tokens = deviceTokens(
      COUNT,
      spread(5, 100, 400, () => ({ name: fault })),
    );
    const { summary, exitCode } = await run(await startSimulator(), tokens, 'token', '--timeout-ms', '1000');
    expect(summary.accepted + summary.unknown + summary.unsent).toBe(COUNT);
    expect(summary.unknown).toBeGreaterThanOrEqual(least);
    expect(exitCode).toBe(75);
  });

  test('bodies that are none', async () => {
    const tokens = deviceTokens(
      COUNT,
      spread(5, 100, 400, (nth) => ({ name: 'strayBody', argument: nth })),
    );
    const sent = await run(await startSimulator(), tokens, 'token');
    expectCounts(sent, { rejected: 5, resent: 0 });
    const rejected = sent.inOrder.filter(({ status }) => status === 'rejected');
    expect(rejected.map(({ statusCode, reason }) => `${statusCode} ${reason}`)).toEqual(
      Array(5).fill('400 Unknown'),
    );
  });

  test('rejectReset 8', async () => {
    const tokens = deviceTokens(
      COUNT,
      spread(5, 100, 400, () => ({ name: 'rejectReset', argument: 8 })),
    );
    const { summary } = await run(await startSimulator(), tokens, 'token');
    expect(summary.accepted + summary.unknown + summary.rejected).toBe(COUNT);
    expect(summary.unknown).toBeGreaterThan(0);
    expect(summary.rejected).toBeLessThanOrEqual(5);
  });

  test('reset, and is told to resend', async () => {
    const tokens = deviceTokens(
      COUNT,
      spread(5, 100, 400, () => ({ name: 'reset' })),
    );
    const simulator = await startSimulator();
    const sent = await sendHttp2(simulator, 'token', toNdjson(tokens), '--on-unknown', 'resend');
    expect(sent.summary).toMatchObject({ accepted: COUNT, unknown: 0 });
    const recorded = await simulator.stop();
    // Duplicates are possible, and can be told by their id.
    const ids = new Set(recorded.map(({ deviceToken, apnsId }) => `${deviceToken} ${apnsId}`));
    expect(ids).toEqual(new Set(sent.outcomes.map(({ deviceToken, apnsId }) => `${deviceToken} ${apnsId}`)));
    expect(recorded.length - COUNT).toBeLessThanOrEqual(sent.summary.resent);
  });
});

describe('agrees with a simulator that rejects 20 of 2,000 and', () => {
  const partial = { afterRequests: 300, lastStream: 201, times: 2 } as const;
  test.each<{ what: string; faults: Http2ServiceOptions; args?: string[]; counts?: Counts }>([
    { what: 'starts at one stream', faults: { startAtOneStream: true }, counts: { resent: 0 } },
    { what: 'falls to one stream after a rejection', faults: { fallToOneAfterRejection: true } },
    {
      what: 'starts at one stream and falls to one, with 4 connections',
      faults: { startAtOneStream: true, fallToOneAfterRejection: true },
      args: ['--connections', '4'],
    },
    {
      what: 'has 10 streams and is slow',
      faults: { maxConcurrentStreams: 10, latencyMs: 2 },
      counts: { resent: 0 },
    },
    { what: 'answers after 200 ms', faults: { latencyMs: 200 }, counts: { resent: 0 } },
    { what: 'refuses every seventh stream', faults: { refuseStreams: 7 }, counts: { resent: 'some' } },
    {
      what: 'answers 429 and retry-after 200 times',
      faults: { storm429: { count: 200, retryAfterSeconds: 1 } },
      counts: { resent: 200 },
    },
    {
      what: 'has a clock two hours ahead',
      faults: { clockSkewMs: 7_200_000 },
      counts: { resent: 'some' },
    },
    { what: 'says GOAWAY with JSON', faults: { goaway: { ...partial, debugData: 'json' } } },
    { what: 'says GOAWAY with text', faults: { goaway: { ...partial, debugData: 'text' } } },
    { what: 'says GOAWAY with nothing', faults: { goaway: { ...partial, debugData: 'empty' } } },
    {
      what: 'says GOAWAY three times with falling ids, and stays',
      faults: { goaway: { ...partial, lastStream: [601, 401, 201], afterwards: 'stay' } },
    },
    {
      what: 'says GOAWAY with an error, for every stream',
      faults: { goaway: { ...partial, lastStream: 'none', errorCode: 11 } },
    },
    { what: 'says GOAWAY before SETTINGS', faults: { goaway: { beforeSettings: true, times: 2 } } },
    {
      what: 'answers with a megabyte each',
      faults: { bodyKind: 'huge' },
      // Fewer at a time than the simulator allows: node:http2 counts a stream until it has cleared it away, which
      // takes a while with a megabyte, and resets those beyond the limit with ENHANCE_YOUR_CALM.
      args: ['--window-count', '500'],
      counts: { resent: 0 },
    },
  ])('$what', async ({ faults, args = [], counts = {} }) => {
    const tokens = deviceTokens(
      COUNT,
      spread(20, 50, 100, () => ({ name: 'reject', argument: 8 })),
    );
    const sent = await run(await startFaultySimulator(faults), tokens, 'token', ...args);
    expectCounts(sent, { rejected: 20, ...counts });
  });

  test('closes behind a GOAWAY without answering', async () => {
    const tokens = deviceTokens(
      COUNT,
      spread(20, 50, 100, () => ({ name: 'reject', argument: 8 })),
    );
    const simulator = await startFaultySimulator({ goaway: { ...partial, afterwards: 'close' } });
    const { summary } = await run(simulator, tokens, 'token');
    expect(summary.accepted + summary.rejected + summary.unknown).toBe(COUNT);
    expect(summary.unknown).toBeLessThanOrEqual(2 * 101);
  });
});
