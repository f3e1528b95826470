/** Feedback tuples, transcribed by hand from Apple's "Binary Provider API", "The Feedback Service", table A-2. */
import type { FeedbackTuple } from '../../src/protocol/binary/feedback-tuple.js';
import { annotatedHex } from './annotated-hex.js';

export interface FeedbackTupleVector {
  readonly name: string;
  readonly bytes: Buffer;
  readonly value: FeedbackTuple;
}

export const FEEDBACK_TUPLE_VECTORS: readonly FeedbackTupleVector[] = [
  {
    name: 'a token of 32 bytes',
    bytes: annotatedHex(`
      4b 3d 3b 00  timestamp 1,262,304,000: 2010-01-01T00:00:00Z
      00 20        token length 32
      00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f
      f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff`),
    value: {
      timestamp: 1_262_304_000,
      deviceToken: '000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff',
    },
  },
  {
    name: 'a token of 1 byte, in the far future',
    bytes: annotatedHex(`
      ff ff ff ff  timestamp 4,294,967,295: 2106-02-07T06:28:15Z
      00 01        token length 1
      80           token`),
    value: { timestamp: 4_294_967_295, deviceToken: '80' },
  },
  {
    name: 'a token without bytes, at timestamp 0',
    bytes: annotatedHex(`
      00 00 00 00  timestamp 0: 1970-01-01T00:00:00Z
      00 00        token length 0`),
    value: { timestamp: 0, deviceToken: '' },
  },
  {
    name: 'a token of 100 bytes',
    bytes: Buffer.concat([
      annotatedHex(`
        80 00 00 00  timestamp 2,147,483,648: 2038-01-19T03:14:08Z, the top bit is no sign
        00 64        token length 100`),
      Buffer.alloc(100, 0xab),
    ]),
    value: { timestamp: 2_147_483_648, deviceToken: 'ab'.repeat(100) },
  },
  {
    name: 'a token of 65535 bytes',
    bytes: Buffer.concat([
      annotatedHex(`
        00 00 00 ff  timestamp 255
        ff ff        token length 65,535`),
      Buffer.alloc(0xffff, 0xcd),
    ]),
    value: { timestamp: 255, deviceToken: 'cd'.repeat(0xffff) },
  },
];
