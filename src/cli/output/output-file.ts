/** A file that a command writes its output to. */
import { fstatSync, ftruncateSync } from 'node:fs';
import type { RecordFormat } from './output-records.js';
import { tryWriteWhole } from './write-whole.js';

/** The result of writing a chunk. */
export interface ChunkResult {
  /** How many records of the chunk are completely in the file. */
  readonly wholeRecords: number;
  /** The reason why a part of the chunk is missing in the file. */
  readonly error: unknown;
  /** Whether the file ends with a partial record. */
  readonly isCutOff: boolean;
}

/** An open file descriptor of a file. It is not closed here. */
export class OutputFile {
  readonly #file: number;
  readonly #format: RecordFormat;
  /** The end of the file if no other process writes to it. */
  #expectedSize: number;

  constructor(file: number, format: RecordFormat) {
    this.#file = file;
    this.#format = format;
    this.#expectedSize = fstatSync(file).size;
  }

  /**
   * Writes a chunk. If the disk becomes full in the middle of a record, this removes the partial record, so that the
   * file ends with a complete one.
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

  /** Removes the bytes that were written last; returns false if that is not possible. */
  #takeBack(bytes: number): boolean {
    try {
      const found = fstatSync(this.#file);
      // A device cannot be truncated, and bytes that another process has appended must stay.
      if (!found.isFile() || found.size !== this.#expectedSize) return false;
      ftruncateSync(this.#file, found.size - bytes);
      this.#expectedSize -= bytes;
      return true;
    } catch {
      return false;
    }
  }
}
