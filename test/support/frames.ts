/** Numbered frames and the outcomes they come back as. */
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Outcome } from '../../src/core/outcome.js';
import type { FrameBatch } from '../../src/engine/binary/frame-batch.js';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import type { BinarySink } from '../../src/sinks/binary-sink.js';

export const TOKEN: string = 'ab'.repeat(32);

/** Frames with the identifiers from `first` on. */
export function frames(count: number, first = 1): Buffer[] {
  return Array.from({ length: count }, (_, i) =>
    encodeFrame({ deviceToken: TOKEN, payload: '{"aps":{}}', identifier: first + i }),
  );
}

/** These frames as one run that has never been written. */
export function batchOf(...parts: Buffer[]): FrameBatch {
  const bytes = Buffer.concat(parts);
  const { length } = bytes;
  return {
    bytes,
    start: 0,
    end: length,
    count: parts.length,
    extraBytes: 0,
    since: 0,
    attempts: 0,
    writtenAt: 0,
  };
}

/** Pipes chunks into a sink and returns all of its outcomes. */
export async function send(sink: BinarySink, chunks: Iterable<Buffer>): Promise<Outcome[]> {
  const outcomes = sink.outcomes.toArray();
  await pipeline(Readable.from(chunks), sink);
  return outcomes;
}

/** Outcomes as `status:identifier`, for comparisons of whole lists. */
export function brief(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ status, identifier }) => `${status}:${identifier}`);
}

/** What {@link brief} makes of these, each with the same status. */
export function range(status: string, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${status}:${from + i}`);
}

/** Turns of the event loop until `isTrue`; the test's own timeout ends the waiting. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate);
}

/** Waits for 'close', whether or not an 'error' comes before it. */
export function closed(stream: Writable): Promise<unknown> {
  return new Promise((resolve) => stream.once('close', resolve));
}
