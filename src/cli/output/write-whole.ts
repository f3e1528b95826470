/** Writes complete buffers to a file descriptor. */
import { writeSync } from 'node:fs';

/** The progress of a write. */
export interface WriteProgress {
  /** How many bytes the system has written. */
  readonly writtenBytes: number;
  /** The error that stopped the write; `undefined` if all bytes were written. */
  readonly error: unknown;
}

/**
 * Writes `bytes` to a file descriptor. On a disk that is nearly full, a write is partial and reports no error
 * (write(2)); only the next write fails. Node's standard output to a file ignores the returned byte count.
 *
 * Use it for files only: a pipe in non-blocking mode would fail with EAGAIN.
 */
export function tryWriteWhole(file: number, bytes: Uint8Array): WriteProgress {
  let writtenBytes = 0;
  try {
    while (writtenBytes < bytes.length) {
      const taken = writeSync(file, bytes, writtenBytes);
      // No known system returns 0 for a file; if one did, this loop would never end.
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
