import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Notification } from '../../src/core/notification.js';
import { createOutcome, createOutcomeCounts, settledCount } from '../../src/core/outcome.js';
import { setSourceLine } from '../../src/core/source-line.js';

const TOKEN = '000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';

describe('createOutcome', () => {
  it('has only the facts there are', () => {
    const outcome = createOutcome({ deviceToken: TOKEN, payload: {} }, { status: 'accepted' });
    expect(Object.entries(outcome)).toEqual([
      ['status', 'accepted'],
      ['deviceToken', TOKEN],
    ]);
  });

  it('repeats what the notification said of itself, and what was found out', () => {
    const notification: Notification = {
      deviceToken: TOKEN,
      payload: {},
      identifier: 7,
      context: { row: 1 },
    };
    setSourceLine(notification, 3);
    const settlement = { status: 'rejected', statusCode: 8, reason: 'InvalidToken' } as const;
    const outcome = createOutcome(notification, settlement, { identifier: 9, attempts: 2 });
    expect({ ...outcome }).toEqual({
      status: 'rejected',
      line: 3,
      identifier: 7,
      deviceToken: TOKEN,
      statusCode: 8,
      reason: 'InvalidToken',
      attempts: 2,
      context: { row: 1 },
    });
    expect(outcome.context).toBe(notification.context);
  });

  it('is what its own JSON says', () => {
    const outcome = createOutcome(
      { deviceToken: TOKEN, payload: { aps: {} }, apnsId: 'aabbccdd-0011-2233-4455-66778899aabb' },
      { status: 'rejected', statusCode: 410, reason: 'Unregistered', timestamp: 1_800_000_000_000 },
    );
    expect(JSON.parse(JSON.stringify(outcome))).toEqual({ ...outcome });
  });

  it('holds the very notification without printing it', () => {
    const notification = { deviceToken: TOKEN, payload: { aps: { alert: 'a secret' } } };
    const outcome = createOutcome(notification, { status: 'accepted' });
    expect(outcome.notification).toBe(notification);
    for (const text of [inspect(outcome), JSON.stringify(outcome), inspect({ ...outcome })]) {
      expect(text).not.toContain('secret');
    }
  });

  it('shows 8 digits of a device token where it is printed, and all in JSON', () => {
    const deviceToken = 'ab'.repeat(32);
    const outcome = createOutcome({ deviceToken, payload: {} }, { status: 'accepted' });
    for (const options of [{}, { showHidden: true }, { compact: false, colors: true }]) {
      expect(inspect([{ outcome }], options)).toMatch(/Outcome \{[\s\S]*abababab…/);
      expect(inspect([{ outcome }], options)).not.toContain(deviceToken.slice(0, 10));
    }
    expect(inspect(outcome)).toBe("Outcome { status: 'accepted', deviceToken: 'abababab…' }");
    expect(JSON.stringify(outcome)).toContain(deviceToken);
    expect(inspect(createOutcome({ payload: {} } as never, { status: 'presumed' }))).toBe(
      "Outcome { status: 'presumed' }",
    );
  });

  it('leaves out fields of an invalid notification that are not what they should be', () => {
    const notification = {
      deviceToken: 1,
      payload: 2,
      identifier: '3',
      apnsId: {},
    } as unknown as Notification;
    const settlement = { status: 'invalid', field: 'deviceToken', message: 'deviceToken must be …' } as const;
    expect({ ...createOutcome(notification, settlement) }).toEqual(settlement);
  });
});

describe('counts', () => {
  it('begin at nothing', () => {
    expect(settledCount(createOutcomeCounts())).toBe(0);
    expect(createOutcomeCounts()).not.toBe(createOutcomeCounts());
  });

  it('add up to every notification, however often it was sent', () => {
    const counts = { accepted: 1, rejected: 2, invalid: 4, unsent: 8, unknown: 16, presumed: 32, resent: 64 };
    expect(settledCount(counts)).toBe(63);
    expect(Object.keys(createOutcomeCounts()).sort()).toEqual(Object.keys(counts).sort());
  });
});
