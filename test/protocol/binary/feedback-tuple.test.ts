import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeFeedbackTuple,
  encodeFeedbackTuple,
  FEEDBACK_TUPLE_FORMAT,
} from '../../../src/protocol/binary/feedback-tuple.js';
import { FEEDBACK_TUPLE_VECTORS } from '../../vectors/feedback-tuples.js';

const truncated = expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_TRUNCATED_PACKET' });
const refused = { name: 'ApnsError', code: 'APNS_ERR_INVALID_OPTION' };

describe.each(FEEDBACK_TUPLE_VECTORS)('$name', ({ bytes, value }) => {
  it('decodes', () => {
    expect(decodeFeedbackTuple(bytes)).toEqual(value);
  });

  it('encodes', () => {
    expect(encodeFeedbackTuple(value)).toEqual(bytes);
    expect(encodeFeedbackTuple({ ...value, deviceToken: value.deviceToken.toUpperCase() })).toEqual(bytes);
  });

  it('decodes between other bytes', () => {
    const among = Buffer.concat([Buffer.of(0xff, 0xff), bytes, Buffer.of(0xff)]);
    expect(decodeFeedbackTuple(among, 2)).toEqual(value);
  });

  it('fits the format', () => {
    expect(FEEDBACK_TUPLE_FORMAT.maxBytes).toBeGreaterThanOrEqual(bytes.length);
  });

  it('asks for more until its header is there, whatever lies around', () => {
    const among = Buffer.concat([Buffer.alloc(20, 0xff), bytes]);
    for (let end = 20; end < 26; end++) expect(FEEDBACK_TUPLE_FORMAT.measure(among, 20, end)).toBe(0);
    expect(FEEDBACK_TUPLE_FORMAT.measure(among, 20, 26)).toBe(bytes.length);
  });

  it('refuses shorter parts of itself as truncated', () => {
    for (let end = 0; end < Math.min(bytes.length, 200); end++) {
      expect(() => decodeFeedbackTuple(bytes, 0, end)).toThrow(truncated);
    }
    expect(() => decodeFeedbackTuple(bytes.subarray(0, -1))).toThrow(truncated);
  });
});

it('decodes any tuple as it was encoded', () => {
  const tokens = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('hex'));
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), tokens, (timestamp, deviceToken) => {
      const tuple = { timestamp, deviceToken };
      expect(decodeFeedbackTuple(encodeFeedbackTuple(tuple))).toEqual(tuple);
    }),
  );
});

it('gives random bytes as a tuple or as a typed error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        const { deviceToken } = decodeFeedbackTuple(Buffer.from(bytes));
        expect(deviceToken.length / 2).toBeLessThanOrEqual(bytes.length - 6);
      } catch (error) {
        expect(error).toEqual(truncated);
      }
    }),
  );
});

it.each([
  ['a token that is not hex', { deviceToken: 'abzz12' }],
  ['a token of odd length', { deviceToken: 'abc' }],
  ['a token of 65536 bytes', { deviceToken: 'ab'.repeat(0x1_0000) }],
  ['a negative timestamp', { timestamp: -1 }],
  ['a timestamp in milliseconds', { timestamp: 1_800_000_000_000 }],
  ['a timestamp that is no number', { timestamp: Number.NaN }],
  ['half a second', { timestamp: 0.5 }],
])('refuses to encode %s, and names the field', (_name, fields) => {
  expect(() => encodeFeedbackTuple({ timestamp: 1, deviceToken: 'ab', ...fields })).toThrow(
    expect.objectContaining({ ...refused, message: expect.stringContaining(Object.keys(fields)[0]!) }),
  );
});
