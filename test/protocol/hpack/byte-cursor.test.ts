import { expect, it } from 'vitest';
import { ByteCursor } from '../../../src/protocol/hpack/byte-cursor.js';
import { Http2ErrorCode } from '../../../src/protocol/http2/error-code.js';

it('gives the bytes within its bounds, and then an error, whatever lies behind', () => {
  const cursor = new ByteCursor();
  cursor.reset(Buffer.of(1, 2, 3, 4), 1, 3);
  expect([cursor.next(), cursor.next()]).toEqual([2, 3]);
  expect(() => cursor.next()).toThrow(
    expect.objectContaining({ http2ErrorCode: Http2ErrorCode.COMPRESSION_ERROR, streamId: 0 }),
  );
});
