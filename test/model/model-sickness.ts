/**
 * What must be true where sick connections are all that is wrong: with a working connection among them every
 * notification is accepted, but for what a sick one has taken and not answered; without any the peer is left in peace.
 */
import assert from 'node:assert/strict';
import { UNPROVEN_GROWTH_MS } from '../../src/engine/connection-health.js';
import type { ModelPlan } from './model-plan.js';
import type { ModelResult } from './model-run.js';

/** What an HTTP/2 connection is given before anything was answered, at first. */
const UNPROVEN_STREAMS = 8;

/** The failures behind the first that make a connection sick, one notification each. */
const FURTHER_FAILURES = 2;

/** What a loopback connection takes to answer, in a process that runs. */
const RESPONSE_MS = 50;

/** Delays are random: far more attempts than this law of averages allows are a storm. */
const DIALS_AT_ONCE = 12;

/** @throws {assert.AssertionError} naming what was wrong */
export function checkSickness(plan: ModelPlan, result: ModelResult): void {
  assert.equal(result.error, undefined, 'sick connections ended the sending');
  const isHttp2 = plan.route.startsWith('http2');
  const { http2, gateway } = plan.services!;
  const { connections, healthyRequests } = (isHttp2 ? http2 : gateway).sickConnections!;
  if (connections === undefined) {
    checkDials(plan, result);
    return;
  }
  if (isHttp2 && healthyRequests === 0) checkRequests(plan, result);
  checkAccepted(plan, result);
}

/**
 * Full jitter: an attempt waits for half of the longest delay on average. A binary gateway that rejects a frame for good
 * has processed it, and each rejection costs a connection.
 */
function checkDials({ backoff, options, route }: ModelPlan, { dials, ms, sending }: ModelResult): void {
  const rejections = route.startsWith('http2') ? 0 : sending.counts.rejected;
  const most = options.connections + DIALS_AT_ONCE + (4 * ms) / backoff.maxMs + rejections;
  assert.ok(dials <= most, `${dials} dials in ${ms} ms, ${most} at most`);
}

/** The streams that a connection gets until its first answer, which may come late. */
function firstFlight({ lostMs }: ModelResult): number {
  return UNPROVEN_STREAMS * 2 ** Math.min(20, Math.floor((RESPONSE_MS + lostMs) / UNPROVEN_GROWTH_MS));
}

function checkRequests({ services }: ModelPlan, result: ModelResult): void {
  const { how } = services!.http2.sickConnections!;
  // These two answer something, or nothing for a while.
  if (how === 'no-window' || how === 'no-response') return;
  const most = firstFlight(result) + (how === 'shutdown' ? 0 : FURTHER_FAILURES);
  for (const { sick, requests } of result.connections) {
    if (sick !== undefined)
      assert.ok(requests <= most, `${requests} requests to a connection with ${how}, ${most} at most`);
  }
}

function checkAccepted(plan: ModelPlan, result: ModelResult): void {
  const { sending, input } = result;
  const { accepted, unknown, rejected } = sending.counts;
  const most = plan.route.startsWith('http2') ? http2Losses(plan, result) : binaryLosses(plan);
  assert.equal(accepted + unknown + rejected, input.goodCount, 'neither accepted nor taken by a sick one');
  assert.ok(unknown <= most.unknown, `${unknown} unknown, ${most.unknown} at most`);
  assert.ok(rejected <= most.rejected, `${rejected} rejected, ${most.rejected} at most`);
}

interface Losses {
  readonly unknown: number;
  readonly rejected: number;
}

/** With `report`, what was written to a sick connection that does not say what became of it. */
function http2Losses({ services, options }: ModelPlan, result: ModelResult): Losses {
  const { how, connections, healthyRequests } = services!.http2.sickConnections!;
  if (options.onUnknown === 'resend') return { unknown: 0, rejected: 0 };
  const inFlight = options.window.count;
  const isProven = healthyRequests! > 0;
  const first = isProven ? inFlight : Math.min(inFlight, firstFlight(result));
  const each = { 'reset-streams': first + FURTHER_FAILURES, 'no-response': inFlight }[how as string] ?? 0;
  return { unknown: connections! * each, rejected: 0 };
}

/** A status 8 for what was valid is a lie that nobody can tell. */
function binaryLosses({ services, options }: ModelPlan): Losses {
  const { how, connections } = services!.gateway.sickConnections!;
  const quota = Math.max(1, Math.floor(options.window.count / (2 * options.connections)));
  const isSilent = how === 'no-read' || how === 'no-response';
  return {
    unknown: isSilent && options.onUnknown === 'report' ? connections! * quota : 0,
    rejected: how === 'invalid-token' ? connections! : 0,
  };
}
