/** Bytes of the feedback service in, feedback tuples out. */
import {
  decodeFeedbackTuple,
  FEEDBACK_TUPLE_FORMAT,
  type FeedbackTuple,
} from '../protocol/binary/feedback-tuple.js';
import type { TransformOf } from '../typed-stream.js';
import { type DecoderOptions, PacketDecoder } from './packet-decoder.js';

/**
 * A Transform from what the feedback service sends to feedback tuples `{ timestamp, deviceToken }`, with
 * tokens of any length. An end between tuples is the end; inside one it is APNS_ERR_TRUNCATED_PACKET.
 */
export function createFeedbackDecoder(options: DecoderOptions = {}): TransformOf<Uint8Array, FeedbackTuple> {
  return new PacketDecoder(FEEDBACK_TUPLE_FORMAT, decodeFeedbackTuple, options);
}
