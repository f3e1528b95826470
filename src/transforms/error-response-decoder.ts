/** Decodes the bytes of a gateway into error responses. */
import { checkOptionNames } from '../core/options.js';
import type { TransformOf } from '../core/typed-stream.js';
import {
  decodeErrorResponse,
  ERROR_RESPONSE_FORMAT,
  type ErrorResponse,
} from '../protocol/binary/error-response.js';
import { DECODER_OPTION_NAMES, type DecoderOptions, PacketDecoder } from './packet-decoder.js';

/**
 * A Transform from the bytes of a gateway to error responses `{ statusCode, reason, identifier }`. The six
 * bytes may arrive in any pieces. Bytes that are no error response fail it with APNS_ERR_MALFORMED_PACKET,
 * an end inside one with APNS_ERR_TRUNCATED_PACKET.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION
 */
export function createErrorResponseDecoder(
  options: DecoderOptions = {},
): TransformOf<Uint8Array, ErrorResponse> {
  checkOptionNames('options', options, DECODER_OPTION_NAMES);
  return new PacketDecoder(ERROR_RESPONSE_FORMAT, decodeErrorResponse, options);
}
