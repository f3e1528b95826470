/** What a stream was given and has not passed to its `_write` yet. */
import type { Writable } from 'node:stream';

/**
 * The chunks that wait in a Writable's own buffer. When a stream is destroyed Node throws them away, but
 * each holds notifications that are owed an outcome. `writableBuffer` is a getter of every Writable that
 * Node's documentation does not mention; a test on each supported version holds it in place.
 */
export function bufferedChunks(stream: Writable): unknown[] {
  const { writableBuffer = [] } = stream as { writableBuffer?: readonly ({ chunk: unknown } | null)[] };
  // While Node passes its buffer on, what was passed on already is null in it.
  return writableBuffer.flatMap((entry) => (entry === null ? [] : [entry.chunk]));
}
