/** A place in some bytes that moves on as they are read: what the HPACK readers share. */
import { connectionError } from '../http2/http2-error.js';

/** Reads from `at` up to `end`, and never beyond. One cursor is reused for all blocks of a connection. */
export class ByteCursor {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  end = 0;

  reset(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** @throws {Http2Error} COMPRESSION_ERROR at the end: a header block is always whole when it is decoded */
  next(): number {
    if (this.at === this.end)
      throw connectionError('COMPRESSION_ERROR', 'a header block ends inside a field');
    return this.bytes[this.at++]!;
  }
}
