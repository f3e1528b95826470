/** A file that a command writes its output to. */
import { fstatSync, ftruncateSync } from 'node:fs';
import type { RecordFormat } from './output-records.js';
import { tryWriteWhole } from './write-whole.js';

/** What came of writing a chunk. */
export interface ChunkResult {
  /** The records of the chunk that are in the file from the first to the last byte. */
  readonly wholeRecords: number;
  /** Why not all of the chunk is in the file. */
  readonly error: unknown;
  /** The file ends in a part of a record. */
  readonly isCutOff: boolean;
}

/** An open file descriptor of a file. It is not closed here. */
export class OutputFile {
  readonly #file: number;
  readonly #format: RecordFormat;
  /** Where the file ends if no other process writes to it. */
  #expectedSize: number;

  constructor(file: number, format: RecordFormat) {
    this.#file = file;
    this.#format = format;
    this.#expectedSize = fstatSync(file).size;
  }

  /**
   * Writes a chunk. When the disk gets full in the middle of a record, the part that was written is taken back, so
   * that the file ends with a whole record.
   */
  write(chunk: Buffer): ChunkResult {
    const { writtenBytes, error } = tryWriteWhole(this.#file, chunk);
    this.#expectedSize += writtenBytes;
    const { count, bytes } = this.#format.measure(
      error === undefined ? chunk : chunk.subarray(0, writtenBytes),
    );
    const isCutOff = error !== undefined && writtenBytes > bytes && !this.#takeBack(writtenBytes - bytes);
    return { wholeRecords: count, error, isCutOff };
  }

  /** Shortens the file by what was written last; false where that is not possible. */
  #takeBack(bytes: number): boolean {
    try {
      const found = fstatSync(this.#file);
      // A device cannot be shortened, and what another process has written behind it is not ours.
      if (!found.isFile() || found.size !== this.#expectedSize) return false;
      ftruncateSync(this.#file, found.size - bytes);
      this.#expectedSize -= bytes;
      return true;
    } catch {
      return false;
    }
  }
}
