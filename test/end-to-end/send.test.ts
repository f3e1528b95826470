/** `cat FILE | apns-streams send` against `apns-streams simulate`, each in a process of its own. */
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/outcome.js';
import { decodeStatusCode } from '../../src/protocol/binary/status-code.js';
import { deviceTokens, type FaultyLines, spread, toNdjson } from './notifications.js';
import { send, startSimulator } from './processes.js';

const COUNT = 20_000;

/** All that reject the notification for good. */
const STATUS_CODES = [2, 3, 4, 5, 6, 7, 8, 9, 77, 255];

/** The outcomes' lines, in the order of the input; each must be there exactly once. */
function inOrder(outcomes: readonly Outcome[]): Outcome[] {
  const sorted = outcomes.toSorted((a, b) => a.line! - b.line!);
  expect(sorted.map(({ line }) => line)).toEqual(Array.from({ length: COUNT }, (_, index) => index + 1));
  return sorted;
}

function tokensOf(lines: readonly { readonly deviceToken?: string }[]): string[] {
  return lines.map(({ deviceToken }) => deviceToken!);
}

describe.each([1, 4])('with %i connections', (connections) => {
  test.each([
    { fault: 'reject', afterError: 'drain' },
    { fault: 'reject', afterError: 'reset' },
    { fault: 'rejectReset', afterError: 'drain' },
    { fault: 'rejectSplit', afterError: 'drain' },
  ] as const)('accepts 19,980 once and rejects 20 by line ($fault, then $afterError)', async (gateway) => {
    const { fault: name, afterError } = gateway;
    const faults = spread(20, 500, 1000, (nth) => ({
      name,
      argument: STATUS_CODES[nth % STATUS_CODES.length]!,
    }));
    const tokens = deviceTokens(COUNT, faults);
    const simulator = await startSimulator('--after-error', afterError);
    const sent = await send(simulator, toNdjson(tokens), '--connections', String(connections));
    const outcomes = inOrder(sent.outcomes);
    expect(outcomes.filter(({ status }) => status !== 'accepted')).toEqual(
      Array.from(faults, ([line, { argument }]) => ({
        ...outcomes[line - 1],
        status: 'rejected',
        statusCode: argument,
        reason: decodeStatusCode(argument!),
      })),
    );
    expect(tokensOf(outcomes)).toEqual(tokens);
    const recorded = tokensOf(await simulator.stop());
    expect(recorded.toSorted()).toEqual(tokens.filter((_, index) => !faults.has(index + 1)).toSorted());
    expect(sent).toMatchObject({
      exitCode: 1,
      summary: {
        notifications: COUNT,
        accepted: COUNT - 20,
        rejected: 20,
        unknown: 0,
        unsent: 0,
        presumed: 0,
      },
    });
  });

  /** Nothing is ever said twice, and nothing that was not accepted is said to be. */
  async function sendTo(faults: FaultyLines, ...args: string[]) {
    const tokens = deviceTokens(COUNT, faults);
    const simulator = await startSimulator();
    const sent = await send(simulator, toNdjson(tokens), '--connections', String(connections), ...args);
    const outcomes = inOrder(sent.outcomes);
    const recorded = tokensOf(await simulator.stop());
    const taken = new Set(recorded);
    const liars = outcomes.filter(
      ({ status, deviceToken }) => status === 'accepted' && !taken.has(deviceToken!),
    );
    expect(liars).toEqual([]);
    return { ...sent, tokens, recorded };
  }

  test('loses and doubles nothing in shutdowns that name the last accepted', async () => {
    const faults = spread(20, 500, 1000, () => ({ name: 'shutdown' }));
    const { exitCode, summary, recorded, tokens } = await sendTo(faults);
    expect(summary).toMatchObject({ accepted: COUNT });
    expect(exitCode).toBe(0);
    expect(recorded.toSorted()).toEqual(tokens.toSorted());
  });

  test.each(['shutdownUnnamed', 'reset', 'close'] as const)(
    'reports as unknown what an ending without a name leaves open (%s)',
    async (name) => {
      const { exitCode, summary, recorded } = await sendTo(spread(5, 2000, 4000, () => ({ name })));
      expect(summary.accepted + summary.unknown).toBe(COUNT);
      expect(summary.unknown).toBeGreaterThanOrEqual(5);
      expect(exitCode).toBe(75);
      expect(new Set(recorded).size).toBe(recorded.length);
    },
  );

  test.each(['shutdownUnnamed', 'reset', 'close'] as const)(
    'sends again what an ending without a name leaves open, if told so (%s)',
    async (name) => {
      const faults = spread(5, 2000, 4000, () => ({ name }));
      const { exitCode, summary, recorded, tokens } = await sendTo(faults, '--on-unknown', 'resend');
      expect(summary.accepted).toBe(COUNT);
      expect(summary.resent).toBeGreaterThanOrEqual(recorded.length - COUNT);
      expect(exitCode).toBe(0);
      expect([...new Set(recorded)].toSorted()).toEqual(tokens.toSorted());
    },
  );
});
