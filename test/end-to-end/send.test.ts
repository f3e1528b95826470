/** `cat FILE | apns-streams send` against `apns-streams simulate`, each in a process of its own. */
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.js';
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

  describe.each(['shutdownUnnamed', 'reset', 'close'] as const)(
    'by an ending without a name (%s)',
    (name) => {
      // The rejection proves that the gateway takes the credentials: these endings look like a refusal of them.
      const faults: FaultyLines = new Map([
        [100, { name: 'reject', argument: 8 }],
        ...spread(5, 2000, 4000, () => ({ name })),
      ]);
      // A small window, so that each ending leaves only a part open.
      const window = ['--window-count', '2000'];

      test('reports as unknown what is left open', async () => {
        const { exitCode, summary, recorded } = await sendTo(faults, ...window);
        expect(summary).toMatchObject({ rejected: 1, unsent: 0, invalid: 0, presumed: 0 });
        expect(summary.accepted + summary.unknown).toBe(COUNT - 1);
        expect(summary.unknown).toBeGreaterThanOrEqual(5);
        expect(summary.unknown).toBeLessThanOrEqual(5 * 2000);
        expect(new Set(recorded).size).toBe(recorded.length);
        expect(exitCode).toBe(75);
      });

      test('sends again what is left open, if told so', async () => {
        const { exitCode, summary, recorded, tokens } = await sendTo(
          faults,
          ...window,
          '--on-unknown',
          'resend',
        );
        expect(summary).toMatchObject({ accepted: COUNT - 1, rejected: 1 });
        expect(summary.resent).toBeGreaterThanOrEqual(recorded.length - (COUNT - 1));
        expect([...new Set(recorded)].toSorted()).toEqual(tokens.toSpliced(99, 1).toSorted());
        expect(exitCode).toBe(1);
      });
    },
  );
});
