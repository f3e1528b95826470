/**
 * A gateway that sends valid and broken frames at random, a reader that is slow or goes away, an input that
 * ends, is aborted or destroyed at any moment: every notification has exactly one outcome, and a true one.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { settledCount } from '../../../src/core/outcome.js';
import { createHttp2Delivery } from '../../../src/deliveries/delivery.js';
import type { Http2Options } from '../../../src/engine/http2/options.js';
import { createHttp2Sink } from '../../../src/sinks/http2-sink.js';
import { FuzzingGateway, type GatewayPlan, gatewayPlan } from '../../support/http2-fuzzing-gateway.js';
import { type RawPeer, startRawGateway } from '../../support/http2-raw-gateway.js';
import { notifications } from '../../support/http2-sending.js';
import { endings, readings, Sending } from '../../support/sending.js';

/** More of them, by hand: `APNS_STREAMS_MODEL_RUNS=5000 npx vitest run test/engine/http2/model.test.ts`. */
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
    timeoutMs: fc.constantFrom(1, 30, 60),
    pingTimeoutMs: fc.constantFrom(10, 30),
    connectTimeoutMs: fc.constant(60),
    highWaterMark: fc.constantFrom(1, 16, 1000),
  }),
  gateway: fc.oneof(
    { weight: 6, arbitrary: gatewayPlan },
    fc.constant<GatewayPlan>({ connections: [], actions: [] }),
  ),
  reading: readings,
  ending: endings(60),
});

type Plan = typeof plans extends fc.Arbitrary<infer T> ? T : never;

interface Result {
  readonly sending: Sending;
  /** The most that had arrived and were not settled. */
  readonly mostUnsettled: number;
}

function isWell({ gateway }: Plan): boolean {
  return gateway.connections.length === 0 && gateway.actions.length === 0;
}

function* input({ count, payloadBytes }: Plan): Generator<{ chunk: unknown; whole: number }> {
  for (const [i, chunk] of notifications(count, 'x'.repeat(payloadBytes)).entries())
    yield { chunk, whole: i + 1 };
}

async function run(plan: Plan, gateway: FuzzingGateway, target: Http2Options): Promise<Result> {
  const { options, turnsBetweenWrites } = plan;
  const abort = new AbortController();
  const common: Http2Options = {
    ...target,
    ...options,
    // Where nothing is wrong nothing may end in a timeout, however busy the machine is.
    ...(isWell(plan) && { timeoutMs: 60_000, pingTimeoutMs: 60_000, connectTimeoutMs: 60_000 }),
    backoff: { initialMs: 1, maxMs: 4, attempts: 6 },
    signal: abort.signal,
  };
  const stream = plan.form === 'sink' ? createHttp2Sink(common) : createHttp2Delivery(common);
  const sending = new Sending(stream, plan, abort);
  let mostUnsettled = 0;
  gateway.onArrival = () => {
    mostUnsettled = Math.max(mostUnsettled, gateway.seen.size - settledCount(stream.counts));
  };
  try {
    const writing = sending.write(input(plan), turnsBetweenWrites);
    await sending.settle(PATIENCE_MS, sending.read(), writing, sending.interrupt());
  } finally {
    for (const { socket } of gateway.peers) socket.resume();
  }
  return { sending, mostUnsettled };
}

function check(plan: Plan, gateway: FuzzingGateway, { sending, mostUnsettled }: Result): void {
  const { ending, options, count } = plan;
  const { given, outcomes, counts, error } = sending;
  sending.checkAccounts();
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
