/** Decodes the bytes of a feedback service into feedback tuples. */
import { checkOptionNames } from '../core/options.js';
import type { TransformOf } from '../core/typed-stream.js';
import {
  decodeFeedbackTuple,
  FEEDBACK_TUPLE_FORMAT,
  type FeedbackTuple,
} from '../protocol/binary/feedback-tuple.js';
import { DECODER_OPTION_NAMES, type DecoderOptions, PacketDecoder } from './packet-decoder.js';

/**
 * A Transform from the bytes of a feedback service to feedback tuples `{ timestamp, deviceToken }`, with
 * tokens of any length. If the bytes end inside a tuple, it fails with APNS_ERR_TRUNCATED_PACKET.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION
 */
export function createFeedbackDecoder(options: DecoderOptions = {}): TransformOf<Uint8Array, FeedbackTuple> {
  checkOptionNames('options', options, DECODER_OPTION_NAMES);
  return new PacketDecoder(FEEDBACK_TUPLE_FORMAT, decodeFeedbackTuple, options);
}
