import { expect, it } from 'vitest';
import { CLIENT_PREFACE, checkFirstFrame, frameFormat } from '../../../src/protocol/http2/frame-header.js';
import { hex } from './bytes.js';

it('a client starts as RFC 9113, section 3.4 says', () => {
  expect(Buffer.from(CLIENT_PREFACE)).toEqual(hex('505249202a20485454502f322e300d0a0d0a534d0d0a0d0a'));
});

it('a frame is measured once its header is there, whatever lies around', () => {
  const bytes = Buffer.concat([Buffer.alloc(20, 0xff), hex('000102 04 00 00000000'), Buffer.alloc(20, 0xff)]);
  const { measure, name } = frameFormat();
  for (let end = 20; end < 29; end++) expect(measure(bytes, 20, end)).toBe(0);
  expect(measure(bytes, 20, 29)).toBe(9 + 0x102);
  expect(name).toBe('HTTP/2 frame');
});

it('the first frame is checked once its header is there, whatever lies around', () => {
  const bytes = Buffer.concat([Buffer.alloc(20), hex('000000 04 00 00000000')]);
  for (let end = 20; end < 29; end++) expect(checkFirstFrame(bytes, 20, end)).toBe(false);
  expect(checkFirstFrame(bytes, 20, 29)).toBe(true);
});
