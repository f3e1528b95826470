/** Peers that send a byte at a time, and peers that send without end. */
import type { Writable } from 'node:stream';

/** Writes `bytes` one by one, `paceMs` apart, as long as the stream can be written to; then calls back. */
export function trickle(stream: Writable, bytes: Uint8Array, paceMs: number, onDone = (): void => {}): void {
  if (!stream.writable) return;
  if (bytes.length === 0) {
    onDone();
    return;
  }
  stream.write(bytes.subarray(0, 1));
  setTimeout(() => trickle(stream, bytes.subarray(1), paceMs, onDone), paceMs);
}

/** Writes `chunk` again and again, as fast as it is taken, as long as the stream can be written to. */
export function flood(stream: Writable, chunk: Uint8Array): void {
  if (!stream.writable) return;
  const again = (): void => flood(stream, chunk);
  if (stream.write(chunk)) setImmediate(again);
  else stream.once('drain', again);
}
