/** One sending of an endurance run: lines without end through a route, and everything read that comes of them. */
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { settledCount } from '../../src/core/outcome.js';
import { createFrameEncoder } from '../../src/transforms/frame-encoder.js';
import { createNdjsonParser } from '../../src/transforms/ndjson-parser.js';
import type { ModelBench } from '../model/model-bench.js';
import { encodeLine, tokenOf } from '../model/model-input.js';
import { type LinePlan, linePlans, type Route } from '../model/model-plan.js';
import { countWritten, createStream } from '../model/model-run.js';
import { Sending } from '../support/sending.js';
import type { SoakLedger } from './soak-ledger.js';

export interface SoakStreamOptions {
  readonly bench: ModelBench;
  readonly ledger: SoakLedger;
  readonly route: Route;
  readonly onUnknown: 'report' | 'resend';
  readonly seed: number;
  /** The first of the serials that its device tokens have. */
  readonly firstSerial: number;
  /** Ends the input; what was sent is settled then. */
  readonly over: AbortSignal;
  /** Given what tells how the stream is, as long as it is. */
  readonly onState: (state: object) => void;
}

/** Lines in one burst, at most, and the pause behind it. */
const MAX_BURST = 60;
const MAX_PAUSE_MS = 200;

/** What ends a stream for good, by the rules, or the books of the simulator: not for one that is to last. */
function isLasting(line: LinePlan): boolean {
  if (line.kind !== 'fault') return true;
  const { name, argument } = line;
  return name !== 'expiredProviderToken' && name !== 'earlyResponse' && argument !== 128;
}

const bursts = fc.record({
  lines: fc.array(linePlans.filter(isLasting), { minLength: 1, maxLength: MAX_BURST, size: 'max' }),
  pauseMs: fc.nat(MAX_PAUSE_MS),
});

/** Until the input ends, or the stream fails. @returns how many serials were used */
export async function runSoakStream(
  options: SoakStreamOptions,
): Promise<{ serials: number; error: unknown }> {
  const { bench, ledger, route, onUnknown, seed, firstSerial, over } = options;
  const plan = {
    route,
    command: 2,
    contextBytes: 0,
    auth: seed % 2 === 0 ? 'certificate' : 'token',
    options: {
      connections: 2,
      window: { count: 500, bytes: 1_000_000, ageMs: 300 },
      checkpoint: 'auto',
      onUnknown,
      timeoutMs: 5000,
      pingTimeoutMs: 300,
      connectTimeoutMs: 300,
      highWaterMark: 16,
    },
    // Tried again for ever: the network is bad, and is meant to be.
    backoff: { initialMs: 2, maxMs: 50, attempts: 1_000_000 },
  } as const;
  const abort = new AbortController();
  const stream = createStream(plan, bench, abort.signal);
  const sending = new Sending(stream, { reading: 'fast', ending: { kind: 'end', at: 0 } }, abort);
  countWritten(stream, sending);
  let isRead = false;
  options.onState({
    toJSON: () => {
      const { counts, closed, writableEnded, writableFinished, writableLength } = stream;
      const { given } = sending;
      return {
        route,
        onUnknown,
        given,
        isRead,
        closed,
        writableEnded,
        writableFinished,
        writableLength,
        counts,
      };
    },
  });
  const tokens: string[] = [];
  /** Of lines that are invalid: where the stream fails before it has looked at them, they are unsent. */
  const invalidTokens = new Set<string>();
  let isEnded = false;
  let serial = firstSerial;

  async function* lines(): AsyncGenerator<Buffer> {
    // A generator that is asked to return while it waits goes on until its next yield: with serials that the next
    // stream has been given.
    for (let nth = 0; !over.aborted && !isEnded; nth++) {
      const burst = fc.sample(bursts, { seed: seed + nth, numRuns: 1 })[0]!;
      const chunks: Buffer[] = [];
      for (const line of burst.lines) {
        const token = tokenOf(line, serial++);
        if (line.kind === 'good' || line.kind === 'fault') ledger.expect(token, onUnknown === 'report');
        else if (line.kind === 'invalid') invalidTokens.add(token);
        tokens.push(token);
        chunks.push(encodeLine(plan, line, token, serial));
      }
      yield Buffer.concat(chunks);
      // Those that are settled are the ledger's business.
      for (const token of tokens.splice(0, Math.max(0, tokens.length - 4 * plan.options.window.count)))
        invalidTokens.delete(token);
      await pause(burst.pauseMs, over);
    }
  }

  async function read(): Promise<number> {
    let count = 0;
    try {
      for await (const outcome of stream.outcomes ?? (stream as unknown as Readable)) {
        count++;
        if (outcome.status !== 'invalid' && !invalidTokens.has(outcome.deviceToken ?? ''))
          ledger.settle(outcome);
        if (count % 1000 === 0) await pause(50, over);
      }
    } catch {
      // Told by the pipeline.
    }
    isRead = true;
    return count;
  }

  const parser = createNdjsonParser({ onInvalid: () => {} });
  const encoder =
    route === 'encoder and sink' ? [createFrameEncoder({ onInvalid: () => {} }) as Transform] : [];
  const stages = [Readable.from(lines(), { objectMode: false }), parser, ...encoder, stream];
  const piping = pipeline(stages as unknown as NodeJS.ReadWriteStream[]).catch((error: unknown) => error);
  const [read_, error] = await Promise.all([read(), piping]);
  isEnded = true;
  const settled = settledCount(stream.counts);
  if (settled !== sending.given) ledger.complain(`${route}: ${sending.given} given, ${settled} settled`);
  if (read_ !== settled) ledger.complain(`${route}: ${settled} settled, ${read_} read`);
  ledger.abandon(tokens);
  return { serials: serial - firstSerial, error };
}

/** Waits, and not longer than the run lasts. */
function pause(ms: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      over.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    over.addEventListener('abort', done);
    if (over.aborted) done();
  });
}
