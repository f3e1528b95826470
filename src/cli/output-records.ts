/** What a command's output consists of: records that mean something only when they are written whole. */
import { FRAME_FORMAT } from '../protocol/binary/frame.js';

/** The whole records at the beginning of some bytes. */
export interface WholeRecords {
  readonly count: number;
  /** Where the last of them ends. */
  readonly bytes: number;
}

/** How a kind of output is cut into records. Every chunk of it begins with a record. */
export interface RecordFormat {
  /** What one record is called. */
  readonly noun: string;
  /** Finds the records that lie whole in `bytes`. */
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

/** Frames of the binary provider protocol, one behind the other. */
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
