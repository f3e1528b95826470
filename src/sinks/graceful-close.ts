/** Implements `await using` for streams with outcomes. */
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ApnsError } from '../core/errors.js';

/**
 * Ends a stream and waits until everything in it is settled. Node's own disposal would destroy a Writable and drop its
 * buffer, even after `end()`.
 *
 * @param fail makes the stream fail; if that does not destroy it, it is destroyed after another `timeoutMs`
 * @throws {ApnsError} APNS_ERR_TIMEOUT if that takes longer than `timeoutMs`
 */
export async function closeGracefully(
  stream: Writable,
  timeoutMs: number,
  fail: (error: ApnsError) => void = (error) => stream.destroy(error),
): Promise<void> {
  if (stream.closed) return;
  let timer = setTimeout(() => {
    const message = `the stream was not settled within ${timeoutMs} ms of its disposal`;
    const error = new ApnsError('APNS_ERR_TIMEOUT', message);
    fail(error);
    timer = setTimeout(() => stream.destroy(error), timeoutMs);
  }, timeoutMs);
  try {
    stream.end();
    await finished(stream, { readable: false });
  } finally {
    clearTimeout(timer);
  }
}
