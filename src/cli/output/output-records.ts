/** The records of a command's output. A record has a meaning only if it is written completely. */
import { FRAME_FORMAT } from '../../protocol/binary/frame.js';

/** The complete records at the beginning of a chunk. */
export interface WholeRecords {
  readonly count: number;
  /** The offset at which the last of them ends. */
  readonly bytes: number;
}

/** Divides a type of output into records. Every chunk begins with a record. */
export interface RecordFormat {
  /** The word for one record. */
  readonly noun: string;
  /** Finds the complete records in `bytes`. */
  measure(bytes: Buffer): WholeRecords;
}

const NEWLINE = 0x0a;

/** Text: every line ends in a newline. */
export const LINES: RecordFormat = {
  noun: 'line',
  measure(bytes) {
    let count = 0;
    let end = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, end)) {
      count++;
      end = at + 1;
    }
    return { count, bytes: end };
  },
};

/** Consecutive frames of the binary provider protocol. */
export const FRAMES: RecordFormat = {
  noun: 'frame',
  measure(bytes) {
    let count = 0;
    let end = 0;
    for (;;) {
      const length = FRAME_FORMAT.measure(bytes, end, bytes.length);
      if (length === 0 || end + length > bytes.length) return { count, bytes: end };
      count++;
      end += length;
    }
  },
};
