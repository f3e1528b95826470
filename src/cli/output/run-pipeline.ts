/** Sends several inputs, one after the other, through one pipeline to standard output. */
import type { Duplex, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * Runs `read`, which writes into the first stage, then ends that stage and waits for the last one. If `read` fails, the
 * output still gets everything that it wrote. If a stage fails, it aborts `read`, and its error is thrown.
 */
export async function runPipeline(
  stages: readonly [Duplex, ...(Duplex | Writable)[]],
  read: (signal: AbortSignal) => Promise<void>,
  stop: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  const written = pipeline(stages).catch((error) => {
    gone.abort();
    return error as unknown;
  });
  try {
    await read(AbortSignal.any([stop, gone.signal]));
  } finally {
    stages[0].end();
    const failure = await written;
    // biome-ignore lint/correctness/noUnsafeFinally: what happened at the output is the cause of the other
    if (failure !== undefined) throw failure;
  }
}
