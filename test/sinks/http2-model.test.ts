/**
 * A gateway that sends valid and broken frames at random, a reader that is slow or goes away, an input that
 * ends, is aborted or destroyed at any moment: every notification has exactly one outcome, and a true one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHttp2Delivery } from '../../src/delivery.js';
import { type Outcome, type OutcomeCounts, settledCount } from '../../src/outcome.js';
import type { Http2Options } from '../../src/sinks/http2-options.js';
import { createHttp2Sink } from '../../src/sinks/http2-sink.js';
import { FuzzingGateway, type GatewayPlan, gatewayPlan } from '../support/http2-fuzzing-gateway.js';
import { type RawPeer, startRawGateway } from '../support/http2-raw-gateway.js';
import { notifications } from '../support/http2-sending.js';
import { afterTurns } from '../support/unruly-gateway.js';

/** More of them, by hand: `APNS_STREAMS_MODEL_RUNS=5000 npx vitest run test/sinks/http2-model.test.ts`. */
const NUM_RUNS = Number(process.env['APNS_STREAMS_MODEL_RUNS'] ?? 200);

/** Far longer than any run needs. */
const PATIENCE_MS = 5000;

const plans = fc.record({
  form: fc.constantFrom('sink', 'delivery'),
  count: fc.oneof(fc.nat(12), fc.nat(80)),
  payloadBytes: fc.constantFrom(2, 40, 4096),
  turnsBetweenWrites: fc.constantFrom(0, 0, 0, 1, 3),
  options: fc.record({
    connections: fc.constantFrom(1, 1, 2, 5),
    window: fc.record({
      count: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(1000)),
      bytes: fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constant(10_000_000)),
    }),
    onUnknown: fc.constantFrom('report' as const, 'report' as const, 'resend' as const),
    deadlineMs: fc.constantFrom(1, 30, 60),
    closeTimeoutMs: fc.constantFrom(10, 30),
    connectTimeoutMs: fc.constant(60),
    highWaterMark: fc.constantFrom(1, 16, 1000),
  }),
  gateway: fc.oneof(
    { weight: 6, arbitrary: gatewayPlan },
    fc.constant<GatewayPlan>({ connections: [], actions: [] }),
  ),
  reading: fc.constantFrom('fast', 'fast', 'slow', 'late', 'stops', 'never'),
  ending: fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'end' as const, at: 0 }) },
    fc.record({ kind: fc.constantFrom('destroy' as const, 'abort' as const), at: fc.nat(60) }),
    fc.record({ kind: fc.constant('destroy at outcome' as const), at: fc.nat(10) }),
  ),
});

type Plan = typeof plans extends fc.Arbitrary<infer T> ? T : never;

interface Result {
  given: number;
  /** The most that had arrived and were not settled. */
  mostUnsettled: number;
  readonly outcomes: Outcome[];
  readonly counts: Readonly<OutcomeCounts>;
  error: Error | undefined;
}

function isWell({ gateway }: Plan): boolean {
  return gateway.connections.length === 0 && gateway.actions.length === 0;
}

async function run(plan: Plan, gateway: FuzzingGateway, target: Http2Options): Promise<Result> {
  const { options, ending, reading, turnsBetweenWrites } = plan;
  const abort = new AbortController();
  const common: Http2Options = {
    ...target,
    ...options,
    // Where nothing is wrong nothing may end in a timeout, however busy the machine is.
    ...(isWell(plan) && { deadlineMs: 60_000, closeTimeoutMs: 60_000, connectTimeoutMs: 60_000 }),
    backoff: { initialMs: 1, maxMs: 4, attempts: 6 },
    signal: abort.signal,
  };
  const sink = plan.form === 'sink' ? createHttp2Sink(common) : undefined;
  const stream = sink ?? createHttp2Delivery(common);
  const result: Result = {
    given: 0,
    mostUnsettled: 0,
    outcomes: [],
    counts: stream.counts,
    error: undefined,
  };
  stream.on('error', (error) => {
    result.error = error;
  });
  const closed = new Promise((resolve) => stream.once('close', resolve));
  const patience = new AbortController();
  const tooLong = delay(PATIENCE_MS, undefined, patience).then(() => {
    throw new Error(`not settled: ${JSON.stringify(result, undefined, 1)}`);
  });
  tooLong.catch(() => {});
  gateway.onArrival = () => {
    const unsettled = gateway.seen.size - settledCount(stream.counts);
    result.mostUnsettled = Math.max(result.mostUnsettled, unsettled);
  };

  async function read(): Promise<void> {
    if (sink !== undefined && reading === 'never') return;
    const source = sink?.outcomes ?? stream;
    if (reading === 'late') await afterTurns(30);
    try {
      for await (const outcome of source as AsyncIterable<Outcome>) {
        const length = result.outcomes.push(outcome);
        if (reading === 'slow') await afterTurns(1);
        if (ending.kind === 'destroy at outcome' && length > ending.at) stream.destroy();
        if (reading === 'stops' && sink !== undefined && length === 3) return;
      }
    } catch {
      // The stream itself tells its error.
    }
  }

  async function write(): Promise<void> {
    for (const notification of notifications(plan.count, 'x'.repeat(plan.payloadBytes))) {
      if (stream.destroyed) return;
      const hasRoom = stream.write(notification);
      result.given++;
      if (!hasRoom) await Promise.race([closed, new Promise((resolve) => stream.once('drain', resolve))]);
      await afterTurns(turnsBetweenWrites);
    }
    if (!stream.destroyed) stream.end();
  }

  async function interrupt(): Promise<void> {
    if (ending.kind !== 'abort' && ending.kind !== 'destroy') return;
    await afterTurns(ending.at);
    if (ending.kind === 'abort') abort.abort();
    else stream.destroy();
  }

  try {
    await Promise.race([tooLong, Promise.all([read(), write(), interrupt(), closed])]);
  } finally {
    patience.abort();
    stream.destroy();
    for (const { socket } of gateway.peers) socket.resume();
  }
  return result;
}

function check(plan: Plan, gateway: FuzzingGateway, result: Result): void {
  const { form, ending, options, reading, count } = plan;
  const { given, outcomes, counts, error, mostUnsettled } = result;
  const tokens = outcomes.map(({ deviceToken }) => deviceToken);
  expect(settledCount(counts), 'outcomes counted').toBe(given);
  expect(new Set(tokens).size, 'notifications with one outcome').toBe(tokens.length);
  // A delivery that fails while nobody reads is destroyed, and so is one that its reader destroys.
  const isCutOff = ending.kind.startsWith('destroy') || (reading === 'late' && error !== undefined);
  const isReadToTheEnd = form === 'sink' ? !/stops|never/.test(reading) : !isCutOff;
  if (isReadToTheEnd) expect(tokens.length, 'outcomes read').toBe(given);
  if (error === undefined && ending.kind === 'end') expect(given, 'notifications taken').toBe(count);

  const accepted = new Set(gateway.accepted);
  const isOnce = options.onUnknown === 'report';
  for (const { status, deviceToken } of outcomes) {
    if (gateway.perhaps.has(deviceToken!)) continue;
    const wasAccepted = accepted.has(deviceToken!);
    if (status === 'accepted') expect(wasAccepted, `accepted ${deviceToken}`).toBe(true);
    if (status === 'unsent') expect(wasAccepted, `unsent ${deviceToken}`).toBe(false);
    if (status === 'rejected') expect(gateway.rejected, 'rejected').toContain(deviceToken);
    if (status === 'rejected' && isOnce) expect(wasAccepted, `rejected ${deviceToken}`).toBe(false);
  }
  if (isOnce && gateway.perhaps.size === 0)
    expect(gateway.accepted.length, 'times something was accepted').toBe(accepted.size);
  if (isWell(plan) && ending.kind === 'end')
    expect(counts, 'all is well').toMatchObject({ accepted: count, resent: 0 });
  expect(gateway.violations).toEqual([]);
  expect(mostUnsettled, 'notifications in the window').toBeLessThanOrEqual(options.window.count);
  expect(gateway.peers.length, 'connections').toBeLessThanOrEqual(2 * count + 20);
}

test(
  'gives every notification exactly one outcome, and a true one, whatever frames come',
  async () => {
    let fuzzing: FuzzingGateway;
    const owners = new WeakMap<RawPeer, FuzzingGateway>();
    const gateway = await startRawGateway({
      onConnection(peer) {
        owners.set(peer, fuzzing);
        fuzzing.onConnection(peer);
      },
      onHeaders: (peer, request) => owners.get(peer)!.onHeaders(peer, request),
      onRequest: (peer, request) => owners.get(peer)!.onRequest(peer, request),
    });
    const property = fc.asyncProperty(plans, async (plan) => {
      fuzzing = new FuzzingGateway(plan.gateway);
      check(plan, fuzzing, await run(plan, fuzzing, gateway.options));
      await gateway.closed();
    });
    await fc.assert(property, { numRuns: NUM_RUNS, endOnFailure: true });
  },
  60_000 + 200 * NUM_RUNS,
);
