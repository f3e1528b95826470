/** Writing to a file descriptor to the last byte. */
import { writeSync } from 'node:fs';

/** How far a write came. */
export interface WriteProgress {
  /** The bytes that the system has taken. */
  readonly writtenBytes: number;
  /** Why it took no more; `undefined` when it took everything. */
  readonly error: unknown;
}

/**
 * Writes `bytes` to a file descriptor. A disk that is nearly full takes a part of a write and reports no error
 * (write(2)); only the next write fails. Node's own standard output to a file ignores how much was taken.
 *
 * For files only: a pipe in non-blocking mode would answer EAGAIN.
 */
export function tryWriteWhole(file: number, bytes: Uint8Array): WriteProgress {
  let writtenBytes = 0;
  try {
    while (writtenBytes < bytes.length) {
      const taken = writeSync(file, bytes, writtenBytes);
      // No system says this of a file; if one did, this loop would never end.
      if (taken === 0) throw Object.assign(new Error('the system wrote no bytes'), { code: 'EIO' });
      writtenBytes += taken;
    }
    return { writtenBytes, error: undefined };
  } catch (error) {
    return { writtenBytes, error };
  }
}

/** Writes `bytes` to a file descriptor, or throws the system's error. */
export function writeWhole(file: number, bytes: Uint8Array): void {
  const { error } = tryWriteWhole(file, bytes);
  if (error !== undefined) throw error;
}
