/** Finds the chunks that a stream has not passed to its `_write` yet. */
import type { Writable } from 'node:stream';

/**
 * The chunks in a Writable's own buffer. Node drops them when a stream is destroyed, but their notifications still need
 * outcomes. Node does not document `writableBuffer`, so a test checks it on each supported version.
 */
export function bufferedChunks(stream: Writable): unknown[] {
  const { writableBuffer = [] } = stream as { writableBuffer?: readonly ({ chunk: unknown } | null)[] };
  // While Node empties its buffer, the entries that it has passed on are null.
  return writableBuffer.flatMap((entry) => (entry === null ? [] : [entry.chunk]));
}
