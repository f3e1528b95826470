/** What `await using` does to a stream that owes outcomes. */
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ApnsError } from '../errors.js';

/**
 * Ends a stream and waits until everything in it is settled. Node's own disposal destroys a Writable and
 * throws away what is queued in it, even after `end()`.
 *
 * @throws {ApnsError} APNS_ERR_TIMEOUT if that takes longer than `timeoutMs`; the stream is destroyed then
 */
export async function closeGracefully(stream: Writable, timeoutMs: number): Promise<void> {
  if (stream.closed) return;
  const timer = setTimeout(() => {
    stream.destroy(
      new ApnsError('APNS_ERR_TIMEOUT', `the stream was not settled within ${timeoutMs} ms of its disposal`),
    );
  }, timeoutMs);
  try {
    stream.end();
    await finished(stream, { readable: false });
  } finally {
    clearTimeout(timer);
  }
}
