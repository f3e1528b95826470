/**
 * Error responses, transcribed by hand from Apple's "Binary Provider API", figure A-2 and table A-1: one
 * per status code, identifiers chosen so that every byte of one is high somewhere.
 */
import type { ErrorResponse } from '../../src/protocol/binary/error-response.js';
import { annotatedHex } from './annotated-hex.js';

export interface ErrorResponseVector {
  readonly name: string;
  readonly bytes: Buffer;
  readonly value: ErrorResponse;
}

export const ERROR_RESPONSE_VECTORS: readonly ErrorResponseVector[] = [
  {
    name: '0, no errors encountered',
    bytes: annotatedHex(`
      08           command 8
      00           status 0
      00 00 00 01  identifier 1`),
    value: { statusCode: 0, reason: 'NoError', identifier: 1 },
  },
  {
    name: '1, processing error',
    bytes: annotatedHex(`
      08           command 8
      01           status 1
      00 00 00 ff  identifier 255`),
    value: { statusCode: 1, reason: 'ProcessingError', identifier: 255 },
  },
  {
    name: '2, missing device token',
    bytes: annotatedHex(`
      08           command 8
      02           status 2
      00 00 01 00  identifier 256`),
    value: { statusCode: 2, reason: 'MissingDeviceToken', identifier: 256 },
  },
  {
    name: '3, missing topic',
    bytes: annotatedHex(`
      08           command 8
      03           status 3
      00 00 ff 00  identifier 65,280`),
    value: { statusCode: 3, reason: 'MissingTopic', identifier: 65_280 },
  },
  {
    name: '4, missing payload',
    bytes: annotatedHex(`
      08           command 8
      04           status 4
      00 01 00 00  identifier 65,536`),
    value: { statusCode: 4, reason: 'MissingPayload', identifier: 65_536 },
  },
  {
    name: '5, invalid token size',
    bytes: annotatedHex(`
      08           command 8
      05           status 5
      00 ff 00 00  identifier 16,711,680`),
    value: { statusCode: 5, reason: 'InvalidTokenSize', identifier: 16_711_680 },
  },
  {
    name: '6, invalid topic size',
    bytes: annotatedHex(`
      08           command 8
      06           status 6
      01 00 00 00  identifier 16,777,216`),
    value: { statusCode: 6, reason: 'InvalidTopicSize', identifier: 16_777_216 },
  },
  {
    name: '7, invalid payload size',
    bytes: annotatedHex(`
      08           command 8
      07           status 7
      7f ff ff ff  identifier 2,147,483,647`),
    value: { statusCode: 7, reason: 'InvalidPayloadSize', identifier: 2_147_483_647 },
  },
  {
    name: '8, invalid token',
    bytes: annotatedHex(`
      08           command 8
      08           status 8
      80 00 00 00  identifier 2,147,483,648: the top bit is no sign`),
    value: { statusCode: 8, reason: 'InvalidToken', identifier: 2_147_483_648 },
  },
  {
    name: '10, shutdown',
    bytes: annotatedHex(`
      08           command 8
      0a           status 10
      00 00 00 00  identifier 0, as a gateway says that does not know`),
    value: { statusCode: 10, reason: 'Shutdown', identifier: 0 },
  },
  {
    name: '128, protocol error',
    bytes: annotatedHex(`
      08           command 8
      80           status 128
      00 00 00 00  identifier 0`),
    value: { statusCode: 128, reason: 'ProtocolError', identifier: 0 },
  },
  {
    name: '255, none (unknown)',
    bytes: annotatedHex(`
      08           command 8
      ff           status 255
      ff ff ff ff  identifier 4,294,967,295: no sign, nor -1`),
    value: { statusCode: 255, reason: 'Unknown', identifier: 4_294_967_295 },
  },
];
