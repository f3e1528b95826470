/** The three that connect, each given a little to do, and all that came of it: for tables of faults. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect } from 'vitest';
import type { TargetOptions } from '../../src/connection/target.js';
import type { ApnsError } from '../../src/core/errors.js';
import { settledCount } from '../../src/core/outcome.js';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { createHttp2Sink } from '../../src/sinks/http2-sink.js';
import { createFeedbackSource } from '../../src/sources/feedback-source.js';
import { frames } from './frames.js';
import { notifications } from './http2-sending.js';

/** How many notifications each sink is given. */
export const GIVEN = 3;

export interface Consumed {
  /** The code it failed with. */
  readonly code: string | undefined;
  /** Status and reason of each outcome; of a source, nothing. */
  readonly outcomes: readonly string[];
  readonly elapsedMs: number;
}

/** Where every consumer can connect, each by its own protocol. */
type ConsumerOptions = Omit<TargetOptions, 'environment' | 'host'> & { readonly host: string };

type Consumer = (options: ConsumerOptions) => Promise<Consumed>;

const BACKOFF = { initialMs: 1, attempts: 1 };

async function measure(work: () => Promise<string[]>, failure: () => unknown): Promise<Consumed> {
  const start = performance.now();
  const outcomes = await work();
  const error = failure() as ApnsError | undefined;
  if (error !== undefined) expect(error).toMatchObject({ name: 'ApnsError' });
  return { code: error?.code, outcomes, elapsedMs: performance.now() - start };
}

function sinkConsumer(
  create: (
    options: ConsumerOptions,
  ) => ReturnType<typeof createBinarySink> | ReturnType<typeof createHttp2Sink>,
  input: () => readonly unknown[],
): Consumer {
  return (options) => {
    let error: unknown;
    return measure(
      async () => {
        const sink = create(options);
        const reading = sink.outcomes.toArray();
        await pipeline(Readable.from(input()), sink as NodeJS.WritableStream).catch((caught) => {
          error = caught;
        });
        const outcomes = await reading;
        expect(settledCount(sink.counts)).toBe(outcomes.length);
        return outcomes.map(({ status, reason }) => (reason === undefined ? status : `${status} ${reason}`));
      },
      () => error,
    );
  };
}

/** By the name of what connects. An error that a factory throws rejects. */
export const CONSUMERS = {
  'binary sink': sinkConsumer(
    (options) => createBinarySink({ backoff: BACKOFF, pingTimeoutMs: 500, timeoutMs: 2000, ...options }),
    () => frames(GIVEN),
  ),
  'HTTP/2 sink': sinkConsumer(
    (options) => createHttp2Sink({ backoff: BACKOFF, pingTimeoutMs: 500, timeoutMs: 2000, ...options }),
    () => notifications(GIVEN),
  ),
  'feedback source': (options: ConsumerOptions) => {
    let error: unknown;
    return measure(
      async () => {
        const tuples = await createFeedbackSource({ idleTimeoutMs: 1000, ...options })
          .toArray()
          .catch((caught) => {
            error = caught;
            return [];
          });
        expect(tuples).toEqual([]);
        return [];
      },
      () => error,
    );
  },
} as const satisfies Record<string, Consumer>;

export type ConsumerName = keyof typeof CONSUMERS;

export const CONSUMER_NAMES = Object.keys(CONSUMERS) as ConsumerName[];
