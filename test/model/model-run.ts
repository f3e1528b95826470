/** One run of the end-to-end model: a source, a pipeline, a simulator behind a bad network, and a reader. */
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BackoffOptions } from '../../src/connection/backoff.js';
import type { Outcome } from '../../src/core/outcome.js';
import { createBinaryDelivery, createHttp2Delivery } from '../../src/deliveries/delivery.js';
import type { BinaryOptions } from '../../src/engine/binary/options.js';
import type { Http2Options } from '../../src/engine/http2/options.js';
import { FRAME_FORMAT } from '../../src/protocol/binary/frame.js';
import { PacketReader } from '../../src/protocol/packet-reader.js';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { createHttp2Sink } from '../../src/sinks/http2-sink.js';
import { createFrameEncoder } from '../../src/transforms/frame-encoder.js';
import { createNdjsonParser } from '../../src/transforms/ndjson-parser.js';
import { Sending, type SendingStream, within } from '../support/sending.js';
import { afterTurns } from '../support/unruly-gateway.js';
import type { ModelBench, SimulatorBooks } from './model-bench.js';
import { ModelBooks } from './model-books.js';
import { createInput, createSource, type ModelInput } from './model-input.js';
import { type BlockPlan, isWell, type ModelPlan } from './model-plan.js';
import type { StandstillMeter } from './standstill-meter.js';

export interface ModelResult extends SimulatorBooks {
  readonly input: ModelInput;
  readonly sending: Sending;
  /** The objects that were written to the stream, where it takes objects. */
  readonly written: ReadonlySet<unknown>;
  /** Lines that the parser reported. */
  readonly unparsed: number;
  /** Notifications that the encoder reported. */
  readonly unencoded: number;
  /** What the pipeline failed with. */
  readonly error: Error | undefined;
  /** Times, and what was held. */
  readonly books: ModelBooks;
  /** The options that the stream was given. */
  readonly options: ModelPlan['options'];
  /** Connections that reached the proxies, and ended one way or another. */
  readonly dials: number;
  /** How long the run took, and how much of it the process stood still. */
  readonly ms: number;
  readonly lostMs: number;
}

/** Beyond what all deadlines of a run can add up to: with a narrow window they run one after the other. */
function patienceOf({ lines, options }: ModelPlan): number {
  const { timeoutMs, window } = options;
  return 10_000 + 4 * Math.ceil(lines.length / window.count) * (timeoutMs + 500);
}

/** Runs a plan, and waits until all of it has come to its end. @throws {Error} if something never ends */
export async function runModel(
  plan: ModelPlan,
  bench: ModelBench,
  meter: StandstillMeter,
): Promise<ModelResult> {
  const input = createInput(plan, bench.prepare(plan));
  const { binary, http2 } = bench.proxies;
  const before = binary.made + http2.made;
  const abort = new AbortController();
  const over = new AbortController();
  const options = patientOptions(plan);
  const stream = createStream({ ...plan, options }, bench, abort.signal);
  const sending = new Sending(stream, plan, abort);
  const written = new Set<unknown>();
  const books = new ModelBooks(meter, heldSizes(plan, input));
  books.watch(stream);
  sending.onOutcome = (outcome) => books.note(outcome);
  const startedAt = performance.now();
  const lostBefore = meter.lostMs;
  countWritten(stream, sending, written);
  const reports = { unparsed: 0, unencoded: 0 };
  const parser = createNdjsonParser({
    payload: plan.payload,
    onInvalid: () => {
      reports.unparsed++;
    },
  });
  const onInvalid = (): void => {
    reports.unencoded++;
  };
  const encoder =
    plan.route === 'encoder and sink'
      ? [createFrameEncoder({ command: plan.command, onInvalid }) as Transform]
      : [];
  let error: Error | undefined;
  const isOne = plan.isOnePipeline && plan.route.endsWith('delivery');
  const reader = async (outcomes: AsyncIterable<Outcome>): Promise<void> => sending.read(outcomes);
  const stages = [
    createSource(plan, input, over.signal),
    parser,
    ...encoder,
    stream,
    ...(isOne ? [reader] : []),
  ];
  const piping = pipeline(stages as unknown as NodeJS.ReadWriteStream[]).catch((caught) => {
    error = caught;
  });
  const patienceMs = patienceOf(plan);
  try {
    const reading = isOne ? Promise.resolve() : sending.read();
    await sending.settle(patienceMs, reading, sending.interrupt(), block(plan.blocks, over.signal));
    await within(patienceMs, piping, () => ({ hangs: 'pipeline', plan }));
  } finally {
    over.abort();
  }
  const ms = performance.now() - startedAt;
  const lostMs = meter.lostMs - lostBefore;
  const known = await within(patienceMs, bench.conclude(input.places.keys()), () => ({
    hangs: 'simulator',
    counts: bench.simulator.counts,
  }));
  const dials = binary.made + http2.made - before;
  return { input, sending, written, ...reports, error, ...known, books, options, dials, ms, lostMs };
}

/** What a notification holds: its line where the parser made it from one, its frame without it. */
function heldSizes({ route }: ModelPlan, { lineBytes }: ModelInput): ReadonlyMap<string, number> {
  return route === 'encoder and sink' ? new Map() : lineBytes;
}

/** Blocks the event loop as planned, and not after the run has ended. */
async function block(blocks: readonly BlockPlan[], over: AbortSignal): Promise<void> {
  for (const { afterTurns: turns, ms } of blocks) {
    for (let turn = 0; turn < turns && !over.aborted; turn += 10) await afterTurns(10);
    const until = performance.now() + ms;
    while (!over.aborted && performance.now() < until);
  }
}

/** Where nothing is wrong nothing may end in a timeout, however busy the machine is. */
function patientOptions(plan: ModelPlan): ModelPlan['options'] {
  if (!isWell(plan)) return plan.options;
  return { ...plan.options, timeoutMs: 60_000, pingTimeoutMs: 60_000, connectTimeoutMs: 60_000 };
}

/** What a stream of a plan's route needs to know. */
export type StreamPlan = Pick<ModelPlan, 'route' | 'command' | 'auth' | 'options'> & {
  readonly backoff: BackoffOptions;
};

/** The sink or the delivery of a route, with the bench's simulator, behind its proxies, as its target. */
export function createStream(plan: StreamPlan, bench: ModelBench, signal: AbortSignal): SendingStream {
  const { route, options, command, auth, backoff } = plan;
  const { ca, cert, key, providerKey, keyId, teamId, topic } = bench.simulator.credentials;
  const isToken = auth === 'token' && route.startsWith('http2');
  const common = {
    ...options,
    tls: isToken ? { ca } : { ca, cert, key },
    backoff,
    signal,
  };
  const { checkpoint, ...others } = common;
  const gateway: BinaryOptions = {
    ...others,
    checkpoint,
    // Without checkpoints a full window waits out its age, again and again.
    ...(checkpoint !== 'auto' && { window: { ...options.window, ageMs: 5 } }),
    ...addressOf(bench.proxies.binary),
  };
  const { ageMs: _, ...http2Window } = options.window;
  const http2: Http2Options = {
    ...others,
    window: http2Window,
    ...addressOf(bench.proxies.http2),
    topic,
    ...(isToken && { providerToken: { key: providerKey, keyId, teamId } }),
  };
  switch (route) {
    case 'encoder and sink':
      return createBinarySink(gateway);
    case 'binary delivery':
      return createBinaryDelivery({ ...gateway, command });
    case 'http2 sink':
      return createHttp2Sink({ ...http2, onInvalid: () => {} });
    case 'http2 delivery':
      return createHttp2Delivery(http2);
  }
}

function addressOf({ host, port }: { readonly host: string; readonly port: number }): {
  host: string;
  port: number;
} {
  return { host, port };
}

/** Counts, in front of the stream, what it is given; `written` gets the objects among it. */
export function countWritten(stream: SendingStream, sending: Sending, written?: Set<unknown>): void {
  const reader = new PacketReader(FRAME_FORMAT);
  const write = stream.write.bind(stream) as (chunk: unknown) => boolean;
  stream.write = (chunk: unknown): boolean => {
    // What is written to a stream that is gone is not taken: it says so itself.
    if (!stream.destroyed && !stream.writableEnded) {
      if (Buffer.isBuffer(chunk)) {
        reader.read(chunk, () => {
          sending.given++;
        });
      } else {
        sending.given++;
        written?.add(chunk);
      }
    }
    return write(chunk);
  };
}
