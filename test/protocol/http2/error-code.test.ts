import { expect, it } from 'vitest';
import { Http2ErrorCode, http2ErrorName } from '../../../src/protocol/http2/error-code.js';

// RFC 9113, section 7.
it.each([
  [0x00, 'NO_ERROR'],
  [0x01, 'PROTOCOL_ERROR'],
  [0x02, 'INTERNAL_ERROR'],
  [0x03, 'FLOW_CONTROL_ERROR'],
  [0x04, 'SETTINGS_TIMEOUT'],
  [0x05, 'STREAM_CLOSED'],
  [0x06, 'FRAME_SIZE_ERROR'],
  [0x07, 'REFUSED_STREAM'],
  [0x08, 'CANCEL'],
  [0x09, 'COMPRESSION_ERROR'],
  [0x0a, 'CONNECT_ERROR'],
  [0x0b, 'ENHANCE_YOUR_CALM'],
  [0x0c, 'INADEQUATE_SECURITY'],
  [0x0d, 'HTTP_1_1_REQUIRED'],
] as const)('names error code %i', (code, name) => {
  expect(Http2ErrorCode[name]).toBe(code);
  expect(http2ErrorName(code)).toBe(name);
});

it('shows a code that the RFC does not name as hex', () => {
  expect(http2ErrorName(0xbeef)).toBe('0xbeef');
});
