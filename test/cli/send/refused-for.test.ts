import { describe, expect, it } from 'vitest';
import type { ReportedOutcome } from '../../../src/cli/send/outcome-report.js';
import { RefusalLimit } from '../../../src/cli/send/refusal-limit.js';
import { refusedFor } from '../../../src/cli/send/refused-for.js';
import { createOutcome, type Settlement } from '../../../src/core/outcome.js';

const payload = { aps: {} };
const outcome = (settlement: Settlement, topic?: string): ReportedOutcome =>
  createOutcome({ deviceToken: 'aa', payload, ...(topic === undefined ? {} : { topic }) }, settlement);
const rejected = (statusCode: number, reason: string): Settlement => ({
  status: 'rejected',
  statusCode,
  reason,
});
const invalid = (field: string): Settlement => ({ status: 'invalid', field, message: 'is missing' });

describe('refusedFor', () => {
  it.each([
    ['credentials', rejected(403, 'InvalidProviderToken'), undefined],
    ['credentials', rejected(403, 'Unknown'), 'own'],
    ['topic', rejected(400, 'TopicDisallowed'), undefined],
    // Credentials of another app are refused like this, whoever named the topic.
    ['topic', rejected(400, 'TopicDisallowed'), 'own'],
    ['topic', rejected(3, 'MissingTopic'), undefined],
    ['topic', rejected(400, 'MissingTopic'), undefined],
    ['topic', rejected(400, 'BadTopic'), undefined],
    ['topic', invalid('topic'), undefined],
    [undefined, rejected(400, 'BadTopic'), 'own'],
    [undefined, invalid('topic'), 'own'],
    [undefined, invalid('priority'), undefined],
    [undefined, rejected(400, 'BadDeviceToken'), undefined],
    [undefined, rejected(410, 'Unregistered'), undefined],
    [undefined, rejected(8, 'InvalidToken'), undefined],
    [undefined, rejected(429, 'TooManyProviderTokenUpdates'), undefined],
    [undefined, { status: 'unsent', reason: 'TopicDisallowed' }, undefined],
    [undefined, { status: 'accepted' }, undefined],
  ] as const)('is %s for %j with topic %s', (expected, settlement, topic) => {
    expect(refusedFor(outcome(settlement, topic))).toBe(expected);
  });

  it('returns nothing for a line that is not a notification', () => {
    expect(
      refusedFor({ status: 'invalid', line: 1, field: 'topic', message: 'must be text' }),
    ).toBeUndefined();
  });
});

describe('RefusalLimit', () => {
  const count = (limit: RefusalLimit, times: number, settlement: Settlement): unknown[] =>
    Array.from({ length: times }, () => {
      const each = outcome(settlement);
      return limit.count(each, refusedFor(each));
    }).filter((error) => error !== undefined);

  it('ends a run once, after 100 refusals of the topic and nothing else', () => {
    const limit = new RefusalLimit();
    expect(count(limit, 99, rejected(400, 'TopicDisallowed'))).toEqual([]);
    count(limit, 5, { status: 'unsent', reason: 'Any' });
    count(limit, 5, invalid('priority'));
    expect(count(limit, 50, rejected(400, 'TopicDisallowed'))).toMatchObject([{ exitCode: 77 }]);
    expect(count(new RefusalLimit(), 100, invalid('topic'))).toMatchObject([{ exitCode: 78 }]);
  });

  it.each([[{ status: 'accepted' }], [{ status: 'presumed' }], [rejected(400, 'BadDeviceToken')]] as const)(
    'is over after %j',
    (settlement) => {
      const limit = new RefusalLimit();
      count(limit, 99, rejected(400, 'TopicDisallowed'));
      expect(limit.isOver).toBe(false);
      count(limit, 1, settlement);
      expect(limit.isOver).toBe(true);
      expect(count(limit, 500, rejected(400, 'TopicDisallowed'))).toEqual([]);
    },
  );

  it('leaves refused credentials to the delivery, which fails by itself', () => {
    expect(count(new RefusalLimit(), 500, rejected(403, 'InvalidProviderToken'))).toEqual([]);
  });
});
