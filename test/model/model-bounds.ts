/** What a run may cost at most: time, memory and writes. The bounds are those of docs/reliability.md. */
import assert from 'node:assert/strict';
import type { ModelPlan } from './model-plan.js';
import type { ModelResult } from './model-run.js';

/** What the model's own reading and the loops of a busy machine may add to a deadline, beside what was measured. */
const BUSY_MS = 200;

/** A stream keeps so many outcomes that nobody has read, beside those of the window. */
const READABLE_OUTCOMES = 16;

/** @throws {assert.AssertionError} naming the bound that was exceeded */
export function checkBounds(plan: ModelPlan, result: ModelResult): void {
  checkTime(plan, result);
  checkWindow(plan, result);
  checkResends(plan, result);
}

/** From being taken until its outcome: the deadline, the time in which the process stood still, an allowance. */
function checkTime({ reading, route }: ModelPlan, { books, options }: ModelResult): void {
  // The others read outcomes when they like.
  if (reading !== 'fast') return;
  const allowanceMs = BUSY_MS + (route.startsWith('http2') ? 0 : options.pingTimeoutMs);
  const { longestMs } = books;
  assert.ok(
    longestMs <= options.timeoutMs + allowanceMs,
    `an outcome took ${longestMs} ms: the deadline is ${options.timeoutMs}, the allowance ${allowanceMs}`,
  );
}

function checkWindow({ reading, options: { window } }: ModelPlan, { books, input }: ModelResult): void {
  assert.ok(books.mostHeld <= window.count, `${books.mostHeld} notifications held of ${window.count}`);
  // While nobody reads outcomes only counts are kept; when the others are read is not known from outside.
  if (reading === 'stops' || reading === 'never') return;
  const largest = Math.max(0, ...input.lineBytes.values());
  const most = window.bytes + (2 + READABLE_OUTCOMES) * largest;
  assert.ok(books.mostHeldBytes <= most, `${books.mostHeldBytes} bytes held of ${most}`);
}

/** How often notifications were written again. */
function checkResends(plan: ModelPlan, { sending, connections, dials }: ModelResult): void {
  const { window, checkpoint, connections: width } = plan.options;
  const { resent } = sending.counts;
  const lost = dials * Math.min(window.count, sending.given);
  if (plan.route.startsWith('http2')) {
    // Each is due to one answer, or to a connection that was lost with it.
    const answers = connections.reduce((sum, it) => sum + it.rejected + it.refused + it.discarded, 0);
    assert.ok(resent <= answers + lost, `${resent} resent, ${answers} refusals and ${dials} connections`);
    return;
  }
  // See src/engine/binary/connection-quota.ts: S is at most what was given, R at most the connections.
  const quota = checkpoint === 'auto' ? Math.max(1, Math.floor(window.count / (2 * width))) : window.count;
  const most = Math.min(lost, width * (2 * Math.min(quota, sending.given) + 4 * sending.given + 8 * dials));
  assert.ok(resent <= most, `${resent} resent of ${sending.given}, ${dials} connections: ${most} at most`);
}
