/** What must be true of a client that stood still. */
import assert from 'node:assert/strict';
import type { FreezePlan } from './freeze-plan.js';
import type { FreezeOutcome } from './freezing-client.js';

/** What is known of a run. */
export interface FreezeResult {
  readonly written: number;
  readonly outcomes: readonly FreezeOutcome[];
  /** The exit code of the client, or the signal that ended it. */
  readonly exit: number | string | null;
  /** What the delivery failed with. */
  readonly failure: string | undefined;
  /** How often each notification was accepted, by its id. */
  readonly accepted: ReadonlyMap<number, number>;
}

/** What a busy machine may add to a deadline, beside the time that was measured as lost. */
const BUSY_MS = 500;

/** @throws {assert.AssertionError} naming the promise that was broken */
export function checkFreeze(plan: FreezePlan, pingTimeoutMs: number, result: FreezeResult): void {
  const { written, outcomes, failure, accepted, exit } = result;
  assert.equal(exit, 0, `the client ended with ${exit} after ${outcomes.length} outcomes`);
  assert.equal(failure, undefined, 'the sending ended');
  assert.ok(written > 0, 'the client did not start');
  assert.deepEqual(
    outcomes.map(({ id }) => id).toSorted((a, b) => a - b),
    Array.from({ length: written }, (_, id) => id),
    'one outcome each',
  );
  const mostMs = plan.timeoutMs + BUSY_MS + (plan.wire === 'binary' ? pingTimeoutMs : 0);
  for (const outcome of outcomes) {
    const { id, status, ranMs } = outcome;
    const times = accepted.get(id) ?? 0;
    const what = JSON.stringify(outcome);
    assert.ok(times <= 1, `accepted ${times} times: ${what}`);
    if (status === 'accepted') assert.equal(times, 1, `falsely accepted: ${what}`);
    else if (status !== 'unknown') assert.equal(times, 0, `falsely ${status}: ${what}`);
    assert.ok(ranMs <= mostMs, `took ${ranMs} ms, ${mostMs} at most: ${what}`);
    if (plan.services === null) checkHealthy(plan, outcome);
  }
}

/** An engine notices a standstill by an alarm that is this late; what is less counts as time that passed. */
const UNNOTICED_MS = 500;

/**
 * A standstill alone does no harm; where connections were cut, what was in flight is unknown. Standstills that end before
 * an alarm is due are not noticed, and what is unanswered can lose its deadline to several of them.
 */
function checkHealthy({ events, timeoutMs }: FreezePlan, outcome: FreezeOutcome): void {
  const stillMs = events.reduce((sum, { kind, ms }) => sum + (kind === 'jump' ? 0 : ms), 0);
  if (outcome.reason === 'DeadlineExceeded' && stillMs >= timeoutMs - UNNOTICED_MS) return;
  const wasCut = events.some((event) => event.kind === 'freeze' && event.cut !== null);
  if (wasCut && outcome.status === 'unknown' && outcome.writtenAfter < outcome.readAfter) return;
  assert.equal(outcome.status, 'accepted', `not accepted: ${JSON.stringify(outcome)}`);
}
