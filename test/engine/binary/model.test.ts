/**
 * A gateway that misbehaves at random, a reader that is slow or goes away, an input that ends, is aborted or
 * destroyed at any moment: whatever happens, every notification has exactly one outcome, and a true one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { settledCount } from '../../../src/core/outcome.js';
import { createBinaryDelivery } from '../../../src/deliveries/delivery.js';
import { encodeFrame } from '../../../src/protocol/binary/frame.js';
import { createBinarySink } from '../../../src/sinks/binary-sink.js';
import { type GatewayPeer, startScriptedGateway } from '../../support/scripted-gateway.js';
import { endings, readings, Sending } from '../../support/sending.js';
import { connectionFaults, UnrulyGateway } from '../../support/unruly-gateway.js';

/** More of them, by hand: `APNS_STREAMS_MODEL_RUNS=5000 npx vitest run test/engine/binary/model.test.ts`. */
const NUM_RUNS = Number(process.env['APNS_STREAMS_MODEL_RUNS'] ?? 300);

/** Far longer than any run needs. */
const PATIENCE_MS = 5000;

const plans = fc.record({
  form: fc.constantFrom('sink', 'delivery'),
  count: fc.oneof(fc.nat(12), fc.nat(80)),
  command: fc.constantFrom(2 as const, 2 as const, 1 as const, 0 as const),
  identifiers: fc.constantFrom('rising', 'wrapping', 'highest', 'repeated', 'zero', 'absent'),
  chunkBytes: fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 5 }),
  turnsBetweenWrites: fc.constantFrom(0, 0, 0, 1, 3),
  options: fc.record({
    connections: fc.constantFrom(1, 1, 2, 16),
    window: fc.record({
      count: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(1000)),
      bytes: fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constant(1_000_000)),
      ageMs: fc.constantFrom(1, 15, 60_000),
    }),
    checkpoint: fc.constantFrom('auto' as const, 'auto' as const, 'end' as const, 'never' as const),
    onUnknown: fc.constantFrom('report' as const, 'report' as const, 'resend' as const),
    timeoutMs: fc.constantFrom(1, 30, 300, 300),
    pingTimeoutMs: fc.constantFrom(10, 30),
    highWaterMark: fc.constantFrom(1, 16, 1000),
  }),
  faults: fc.array(connectionFaults, { maxLength: 6 }),
  /** What the gateway answers to every frame of every connection. */
  always: fc.constantFrom(undefined, undefined, undefined, undefined, 1 as const, 8 as const),
  reading: readings,
  ending: endings(60),
});

type Plan = typeof plans extends fc.Arbitrary<infer T> ? T : never;

const IDENTIFIERS: Record<Plan['identifiers'], (i: number) => number | undefined> = {
  rising: (i) => i + 1,
  wrapping: (i) => (0xffff_fff8 + i) >>> 0,
  highest: (i) => 0xffff_ffff - (i % 40),
  repeated: (i) => 1 + (i % 3),
  zero: () => 0,
  absent: () => undefined,
};

/** Pieces of input, each with how many notifications are whole by then. Device tokens tell them apart. */
function* input(plan: Plan): Generator<{ chunk: unknown; whole: number }> {
  const { form, count, command, identifiers, chunkBytes } = plan;
  const notifications = Array.from({ length: count }, (_, i) => {
    const identifier = IDENTIFIERS[identifiers](i);
    const deviceToken = (i + 1).toString(16).padStart(64, '0');
    return { deviceToken, payload: `{"n":${i}}`, ...(identifier !== undefined && { identifier }) };
  });
  if (form === 'delivery') {
    for (const [i, chunk] of notifications.entries()) yield { chunk, whole: i + 1 };
    return;
  }
  const frames = notifications.map((notification) => encodeFrame(notification, command));
  const ends: number[] = [];
  for (const frame of frames) ends.push((ends.at(-1) ?? 0) + frame.length);
  const bytes = Buffer.concat(frames);
  for (let start = 0, i = 0; start < bytes.length; i++) {
    const end = start + chunkBytes[i % chunkBytes.length]!;
    yield { chunk: bytes.subarray(start, end), whole: ends.filter((it) => it <= end).length };
    start = end;
  }
}

/** Whether nothing goes wrong at the gateway. */
function isHealthy({ faults, always }: Plan): boolean {
  return faults.length === 0 && always === undefined;
}

interface Result {
  readonly sending: Sending;
  /** The most that had arrived and were not settled. */
  readonly mostUnsettled: number;
}

async function run(plan: Plan, gateway: UnrulyGateway, target: object): Promise<Result> {
  const { options, command, turnsBetweenWrites } = plan;
  const abort = new AbortController();
  const common = {
    ...target,
    ...options,
    // Without checkpoints a full window waits out its age, again and again.
    ...(options.checkpoint !== 'auto' && { window: { ...options.window, ageMs: 2 } }),
    // Where nothing is wrong nothing may end in a timeout, however busy the machine is.
    ...(isHealthy(plan) && { timeoutMs: 60_000, pingTimeoutMs: 60_000 }),
    backoff: { initialMs: 1, maxMs: 4, attempts: 4 },
    signal: abort.signal,
  } as Parameters<typeof createBinarySink>[0];
  const stream =
    plan.form === 'sink' ? createBinarySink(common) : createBinaryDelivery({ ...common, command });
  const sending = new Sending(stream, plan, abort);
  let mostUnsettled = 0;
  gateway.onArrival = () => {
    mostUnsettled = Math.max(mostUnsettled, gateway.seen - settledCount(stream.counts));
  };
  try {
    const writing = sending.write(input(plan), turnsBetweenWrites);
    await sending.settle(PATIENCE_MS, sending.read(), writing, sending.interrupt());
  } finally {
    gateway.release();
  }
  return { sending, mostUnsettled };
}

function check(plan: Plan, gateway: UnrulyGateway, { sending, mostUnsettled }: Result): void {
  const { ending, options, faults, count, always } = plan;
  const { given, outcomes, counts, error } = sending;
  sending.checkAccounts();
  if (error === undefined && ending.kind === 'end') expect(given, 'notifications taken').toBe(count);

  const processed = new Set(gateway.processed);
  const isOnce = options.onUnknown === 'report';
  for (const { status, deviceToken, statusCode } of outcomes) {
    const wasProcessed = processed.has(deviceToken!);
    if (status === 'accepted') expect(wasProcessed, `accepted ${deviceToken}`).toBe(true);
    if (status === 'unsent') expect(wasProcessed, `unsent ${deviceToken}`).toBe(false);
    if (status === 'rejected' && isOnce) expect(wasProcessed, `${statusCode} for ${deviceToken}`).toBe(false);
  }
  if (isOnce) {
    expect(gateway.processed.length, 'times something was processed').toBe(processed.size);
    expect(counts.accepted, 'accepted').toBeLessThanOrEqual(processed.size);
  }
  if (options.checkpoint === 'auto') expect(counts.presumed, 'presumed').toBe(0);
  if (options.checkpoint === 'auto' && isHealthy(plan) && ending.kind === 'end')
    expect(counts, 'all is well').toMatchObject({ accepted: count, resent: 0 });

  expect(mostUnsettled, 'frames in the window').toBeLessThanOrEqual(options.window.count);
  // Where nothing succeeds there are delays, until the deadlines of the notifications. In a narrow window these run one
  // after the other.
  const inWindow = Math.min(options.window.count, Math.max(1, Math.floor(options.window.bytes / 64)));
  const mostRetries = always === undefined ? 0 : options.timeoutMs * Math.ceil(count / inWindow);
  expect(gateway.arrivals.length, 'connections').toBeLessThanOrEqual(2 * count + 8 + mostRetries);
  // Each connection ends in one rejection, failure or checkpoint at the most: the law of `connection-quota`.
  const mostResent = options.window.count + options.connections * (4 * count + 8 * gateway.arrivals.length);
  if (options.checkpoint === 'auto') expect(counts.resent, 'resent').toBeLessThanOrEqual(mostResent);
  const isRetried = always === 1 || faults.some(({ onFrame }) => onFrame?.statusCode === 1);
  const usesOneConnection = options.connections === 1 && options.window.count === 1000;
  const isNeverChecked = options.checkpoint !== 'auto';
  if (usesOneConnection && isNeverChecked && !isRetried)
    for (const arrivals of gateway.arrivals) expect(arrivals).toEqual(arrivals.toSorted());
}

test(
  'gives every notification exactly one outcome, and a true one, whatever happens',
  async () => {
    let unruly: UnrulyGateway;
    const owners = new WeakMap<GatewayPeer, UnrulyGateway>();
    const gateway = await startScriptedGateway({
      onConnection(peer) {
        owners.set(peer, unruly);
        unruly.onConnection(peer);
      },
      onFrame: (peer, frame) => owners.get(peer)!.onFrame(peer, frame),
      onCheckpoint: (peer, frame) => owners.get(peer)!.onCheckpoint(peer, frame),
    });
    const property = fc.asyncProperty(plans, async (plan) => {
      unruly = new UnrulyGateway(plan.faults, plan.always);
      check(plan, unruly, await run(plan, unruly, gateway.options));
      const until = performance.now() + PATIENCE_MS;
      while (gateway.openSockets > 0 && performance.now() < until) await delay(1);
      expect(gateway.openSockets, 'open sockets').toBe(0);
    });
    await fc.assert(property, { numRuns: NUM_RUNS, endOnFailure: true });
  },
  60_000 + 200 * NUM_RUNS,
);
