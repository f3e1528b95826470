import { describe, expect, it } from 'vitest';
import {
  BUSY_PING_MS,
  Http2Liveness,
  IDLE_PING_MS,
  type LivenessLimits,
} from '../../../src/engine/http2/liveness.js';

const LIMITS: LivenessLimits = { connectTimeoutMs: 500, pingTimeoutMs: 200, stallMs: 3000 };
const OPENED_AT = 1000;

/** A connection that was opened at 1000 and whose SETTINGS came at 1100. */
function ready(limits: LivenessLimits = LIMITS): Http2Liveness {
  const liveness = new Http2Liveness(OPENED_AT, limits);
  liveness.noteSettings(1100);
  liveness.noteReceived(1100);
  return liveness;
}

/** The same connection, on which a notification was answered at 1100. */
function proven(limits: LivenessLimits = LIMITS): Http2Liveness {
  const liveness = ready(limits);
  liveness.noteResponse(1100);
  return liveness;
}

/** What is due one millisecond before this time, and at it. */
function actionsAround(liveness: Http2Liveness, at: number, hasWork: boolean): (string | undefined)[] {
  expect(liveness.dueAt(hasWork)).toBe(at);
  return [liveness.takeAction(at - 1, hasWork), liveness.takeAction(at, hasWork)];
}

describe('a connection without SETTINGS', () => {
  it.each([true, false])('is closed after connectTimeoutMs, whatever else it sends (work: %s)', (hasWork) => {
    const liveness = new Http2Liveness(OPENED_AT, LIMITS);
    liveness.noteReceived(1400);
    expect(actionsAround(liveness, 1500, hasWork)).toEqual([undefined, 'close']);
    expect(liveness.isStalled).toBe(false);
  });

  it.each([true, false])(
    'is stalled after stallMs, and closed after connectTimeoutMs (work: %s)',
    (hasWork) => {
      const liveness = new Http2Liveness(OPENED_AT, { ...LIMITS, connectTimeoutMs: 60_000 });
      liveness.noteReceived(3999);
      expect(actionsAround(liveness, OPENED_AT + LIMITS.stallMs, hasWork)).toEqual([undefined, 'stall']);
      expect(liveness.isStalled).toBe(true);
      expect(actionsAround(liveness, OPENED_AT + 60_000, hasWork)).toEqual([undefined, 'close']);
    },
  );

  it('is closed, not stalled, where both are due', () => {
    const liveness = new Http2Liveness(OPENED_AT, { ...LIMITS, connectTimeoutMs: LIMITS.stallMs });
    expect(liveness.takeAction(OPENED_AT + LIMITS.stallMs, false)).toBe('close');
    expect(liveness.isStalled).toBe(false);
  });

  it('is stalled no more once SETTINGS come, of which only the first are progress', () => {
    const liveness = new Http2Liveness(OPENED_AT, { ...LIMITS, connectTimeoutMs: 60_000 });
    expect(liveness.takeAction(OPENED_AT + LIMITS.stallMs, false)).toBe('stall');
    liveness.noteSettings(5000);
    expect([liveness.isStalled, liveness.lastProgressAt]).toEqual([false, 5000]);
    liveness.noteReceived(6999);
    expect(actionsAround(liveness, 7000, true)).toEqual([undefined, 'stall']);
    liveness.noteSettings(7100);
    expect([liveness.isStalled, liveness.lastProgressAt]).toEqual([true, 5000]);
  });

  it('is not usable, so it has no age', () => {
    const liveness = new Http2Liveness(OPENED_AT, LIMITS);
    expect([liveness.ageMs(1400), liveness.hasSettings]).toEqual([0, false]);
    liveness.noteSettings(1400);
    expect(liveness.hasSettings).toBe(true);
    liveness.noteSettings(1600);
    expect(liveness.ageMs(1900)).toBe(500);
  });
});

describe('a silent connection', () => {
  it('is asked by PING after a minute without work, counted from what it sent last', () => {
    const liveness = ready();
    liveness.noteReceived(2000);
    expect(liveness.lastReceivedAt).toBe(2000);
    expect(actionsAround(liveness, 2000 + IDLE_PING_MS, false)).toEqual([undefined, 'ping']);
    expect(liveness.isStalled).toBe(false);
  });

  it('is asked by PING after 10 s with work', () => {
    const liveness = proven({ ...LIMITS, stallMs: 60_000 });
    expect(actionsAround(liveness, 1100 + BUSY_PING_MS, true)).toEqual([undefined, 'ping']);
  });

  it('is closed when PING is not answered within pingTimeoutMs', () => {
    const liveness = ready();
    liveness.notePing(70_000);
    expect(actionsAround(liveness, 70_200, false)).toEqual([undefined, 'close']);
  });

  it('is closed no sooner than pingTimeoutMs after what it sent last', () => {
    const liveness = ready();
    liveness.notePing(70_000);
    liveness.noteReceived(70_150);
    expect(actionsAround(liveness, 70_350, false)).toEqual([undefined, 'close']);
  });

  it('is asked again a minute later when it answers PING', () => {
    const liveness = ready();
    liveness.notePing(70_000);
    liveness.noteReceived(70_100);
    liveness.notePong();
    expect(actionsAround(liveness, 70_100 + IDLE_PING_MS, false)).toEqual([undefined, 'ping']);
  });
});

describe('a connection that answers PING but no notification', () => {
  it.each([
    ['stallMs', proven, 3000, 8000],
    ['2 s if it has never answered one', ready, 3000, 7000],
    ['stallMs if that is shorter', ready, 1999, 6999],
  ])('is stalled after %s, counted from when it was given work', (_when, create, stallMs, at) => {
    const liveness = create({ ...LIMITS, stallMs });
    liveness.noteWork(5000);
    liveness.noteReceived(at - 1);
    expect(liveness.lastProgressAt).toBe(5000);
    expect(actionsAround(liveness, at, true)).toEqual([undefined, 'stall']);
    expect(liveness.isStalled).toBe(true);
  });

  it('counts as proven by a response even at time 0', () => {
    const liveness = new Http2Liveness(0, LIMITS);
    liveness.noteSettings(0);
    liveness.noteResponse(0);
    expect(liveness.dueAt(true)).toBe(3000);
  });

  it('is stalled after stallMs, counted from when it answered last', () => {
    const liveness = ready();
    liveness.noteWork(5000);
    expect(liveness.lastResponseAt).toBe(-1);
    liveness.noteResponse(6000);
    expect([liveness.lastResponseAt, liveness.lastProgressAt]).toEqual([6000, 6000]);
    liveness.noteReceived(8999);
    expect(actionsAround(liveness, 9000, true)).toEqual([undefined, 'stall']);
  });

  it('is stalled once, and then asked by PING and closed like any other', () => {
    const liveness = proven();
    liveness.noteWork(1100);
    expect(actionsAround(liveness, 4100, true)).toEqual([undefined, 'stall']);
    expect(actionsAround(liveness, 1100 + BUSY_PING_MS, true)).toEqual([undefined, 'ping']);
    liveness.notePing(11_100);
    expect(actionsAround(liveness, 11_300, true)).toEqual([undefined, 'close']);
  });

  it('is stalled before its PING is due, while that is not answered', () => {
    const liveness = proven({ ...LIMITS, pingTimeoutMs: 10_000 });
    liveness.noteWork(5000);
    liveness.notePing(5000);
    expect(actionsAround(liveness, 8000, true)).toEqual([undefined, 'stall']);
    expect(actionsAround(liveness, 15_000, true)).toEqual([undefined, 'close']);
  });

  it('is asked first where PING is due before the stall', () => {
    const liveness = proven({ ...LIMITS, stallMs: 20_000 });
    liveness.noteWork(5000);
    expect(actionsAround(liveness, 1100 + BUSY_PING_MS, true)).toEqual([undefined, 'ping']);
    expect(liveness.isStalled).toBe(false);
  });

  it('is stalled no more once it answers, or takes more of a body', () => {
    const liveness = ready();
    for (const answer of ['noteResponse', 'noteProgress'] as const) {
      liveness.noteWork(5000);
      liveness.noteReceived(7999);
      expect(liveness.takeAction(8000, true)).toBe('stall');
      liveness[answer](8100);
      expect([liveness.isStalled, liveness.lastProgressAt]).toEqual([false, 8100]);
    }
    expect(liveness.lastResponseAt).toBe(8100);
  });

  it('is not stalled without work', () => {
    const liveness = ready();
    expect(liveness.takeAction(60_000, false)).toBeUndefined();
    expect(liveness.isStalled).toBe(false);
  });
});

it('has to answer a PING after the process stood still, before anything is written', () => {
  const liveness = ready();
  expect(liveness.verifiedFrom).toBeUndefined();
  liveness.noteFreeze(9000);
  liveness.notePing(9000);
  expect(liveness.verifiedFrom).toBe(9000);
  liveness.notePong();
  expect(liveness.verifiedFrom).toBeUndefined();
  expect(liveness.dueAt(false)).toBe(1100 + IDLE_PING_MS);
});
