/** What must be true of every run of the end-to-end model, whatever went wrong in it. */
import assert from 'node:assert/strict';
import { settledCount } from '../../src/core/outcome.js';
import { decodeTokenFault } from '../../src/simulator/token-fault.js';
import { checkBounds } from './model-bounds.js';
import { contextOf } from './model-input.js';
import { isOnlySick, isWell, type ModelPlan } from './model-plan.js';
import type { ModelResult } from './model-run.js';
import { checkSickness } from './model-sickness.js';

/** @throws {assert.AssertionError} naming the promise that was broken */
export function checkModel(plan: ModelPlan, result: ModelResult): void {
  result.sending.checkAccounts(plan.source.failsAt !== null);
  checkInput(plan, result);
  checkOutcomes(plan, result);
  checkDuplicates(plan, result);
  checkOrder(plan, result);
  checkError(plan, result);
  checkBounds(plan, result);
  if (isOnlySick(plan)) checkSickness(plan, result);
  const { sending, input } = result;
  // Without checkpoints silence has to last for a while, which on a busy machine it does not.
  const isProved = plan.options.checkpoint === 'auto' || plan.route.startsWith('http2');
  if (!isWell(plan) || !isProved) return;
  assert.equal(result.error, undefined, 'error where nothing is wrong');
  const { accepted, resent } = sending.counts;
  assert.deepEqual({ accepted, resent }, { accepted: input.goodCount, resent: 0 }, 'all is well');
}

/** Every line has one of: a report of the parser, one of the encoder, an outcome. */
function checkInput(_plan: ModelPlan, { sending, unparsed, unencoded, input, error }: ModelResult): void {
  const known = settledCount(sending.counts) + unparsed + unencoded;
  if (error === undefined) assert.equal(known, input.count, 'lines with an end');
  else assert.ok(known <= input.count, `${known} ends of ${input.count} lines`);
}

function checkOutcomes(plan: ModelPlan, { sending, written, input, accepted }: ModelResult): void {
  const isOnce = plan.options.onUnknown === 'report';
  for (const outcome of sending.outcomes) {
    const { status, deviceToken = '', notification, context } = outcome;
    const place = input.places.get(deviceToken);
    assert.notEqual(place, undefined, `${status} for a token of nobody: ${deviceToken}`);
    if (plan.route !== 'encoder and sink') {
      assert.ok(written.has(notification), `the notification of ${deviceToken} is another object`);
      assert.deepEqual(context, contextOf(plan, place!), `the context of ${deviceToken}`);
    }
    const isAccepted = accepted.has(deviceToken);
    const what = () => JSON.stringify(outcome);
    if (status === 'accepted')
      assert.ok(isAccepted || isAnsweredEarly(deviceToken), `falsely accepted: ${what()}`);
    if (status === 'unsent' || status === 'invalid') assert.ok(!isAccepted, `falsely ${status}: ${what()}`);
    if (status === 'rejected' && isOnce) assert.ok(!isAccepted, `falsely rejected: ${what()}`);
    if (status === 'presumed') assert.notEqual(plan.options.checkpoint, 'auto', `presumed: ${what()}`);
  }
  const early = [...input.places.keys()].filter(isAnsweredEarly).length;
  const recorded = [...accepted.values()].reduce((sum, { length }) => sum + length, early);
  assert.ok(sending.counts.accepted <= recorded, `${sending.counts.accepted} accepted of ${recorded}`);
}

/** Answered 200 at once, and recorded only if the client goes on to send the body: see docs/simulator.md. */
function isAnsweredEarly(deviceToken: string): boolean {
  return decodeTokenFault(deviceToken)?.name === 'earlyResponse';
}

/** With `report` nothing is accepted twice; with `resend` no more than what was under way at each end. */
function checkDuplicates({ options }: ModelPlan, { accepted, dials }: ModelResult): void {
  const twice = [...accepted].filter(([, { length }]) => length > 1);
  if (options.onUnknown === 'report') {
    assert.deepEqual(twice, [], 'accepted more than once');
    return;
  }
  const duplicates = twice.reduce((sum, [, { length }]) => sum + length - 1, 0);
  const most = dials * options.window.count;
  assert.ok(duplicates <= most, `${duplicates} duplicates, ${most} at most`);
}

/** On the binary wire. What was written once goes out in the order of the input, on each connection. */
function checkOrder(plan: ModelPlan, { sending, accepted, input }: ModelResult): void {
  if (plan.route.startsWith('http2')) return;
  const { connections, checkpoint, onUnknown } = plan.options;
  const isRetried = plan.lines.some(
    (line) => line.kind === 'fault' && (line.name === 'temporary' || line.argument === 1),
  );
  // With one connection that is never left for its checkpoint, what was discarded is in order too.
  const isStrict = connections === 1 && checkpoint !== 'auto' && onUnknown === 'report' && !isRetried;
  const again = new Set(
    sending.outcomes.filter(({ attempts = 1 }) => attempts > 1).map(({ deviceToken }) => deviceToken),
  );
  if (!isStrict && sending.outcomes.length < settledCount(sending.counts)) return;
  const lastPlaces = new Map<number, number>();
  // The record is in the order of acceptance.
  for (const [token, numbers] of accepted) {
    if (!isStrict && again.has(token)) continue;
    const place = input.places.get(token)!;
    const last = lastPlaces.get(numbers[0]!) ?? -1;
    assert.ok(last < place, `line ${place} came behind line ${last} on connection ${numbers[0]}`);
    lastPlaces.set(numbers[0]!, place);
  }
}

const STREAM_ERRORS = ['ABORT_ERR', 'ERR_STREAM_PREMATURE_CLOSE'];

/** Whatever a pipeline fails with has a code of ours, or was planned. */
function checkError({ source, ending }: ModelPlan, { error }: ModelResult): void {
  if (error === undefined) return;
  // On Node 26 a pipeline that both ends have failed tells of both.
  const causes = error instanceof AggregateError ? error.errors : [error];
  if (source.failsAt !== null && causes.some((cause) => cause.constructor.name === 'SourceError')) return;
  const { code = error.message } = error as NodeJS.ErrnoException;
  const isOurs = code.startsWith('APNS_ERR_') || (ending.kind !== 'end' && STREAM_ERRORS.includes(code));
  assert.ok(isOurs, `the pipeline failed with ${code}: ${error.stack}`);
}
