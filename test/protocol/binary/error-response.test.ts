import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeErrorResponse, encodeErrorResponse } from '../../../src/protocol/binary/error-response.js';
import { ERROR_RESPONSE_VECTORS } from '../../vectors/error-responses.js';

const malformed = expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_MALFORMED_PACKET' });
const truncated = expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_TRUNCATED_PACKET' });
const refused = { name: 'ApnsError', code: 'APNS_ERR_INVALID_OPTION' };

describe.each(ERROR_RESPONSE_VECTORS)('status code $name', ({ bytes, value }) => {
  it('decodes', () => {
    expect(decodeErrorResponse(bytes)).toEqual(value);
  });

  it('encodes', () => {
    expect(encodeErrorResponse(value)).toEqual(bytes);
  });

  it('refuses a shorter part of itself behind other bytes', () => {
    const behind = Buffer.concat([Buffer.of(0xff, 0xff), bytes.subarray(0, -1)]);
    expect(() => decodeErrorResponse(behind, 2)).toThrow(truncated);
  });

  it('decodes between other bytes', () => {
    expect(decodeErrorResponse(Buffer.concat([Buffer.of(0xff, 0xff), bytes, Buffer.of(0xff)]), 2)).toEqual(
      value,
    );
  });

  it('refuses every shorter part of itself as truncated', () => {
    for (let end = 0; end < bytes.length; end++) {
      expect(() => decodeErrorResponse(bytes.subarray(0, end))).toThrow(truncated);
    }
  });
});

describe('decodeErrorResponse', () => {
  it.each([0, 1, 2, 7, 9, 0x88, 0xff])('refuses command %d', (command) => {
    expect(() => decodeErrorResponse(Buffer.of(command, 8, 0, 0, 0, 1))).toThrow(malformed);
  });

  it('calls each status code that Apple does not list Unknown, and keeps its number', () => {
    const listed = new Set(ERROR_RESPONSE_VECTORS.map(({ value }) => value.statusCode));
    for (let statusCode = 0; statusCode < 256; statusCode++) {
      if (listed.has(statusCode)) continue;
      expect(decodeErrorResponse(Buffer.of(8, statusCode, 0, 0, 0, 1))).toEqual({
        statusCode,
        reason: 'Unknown',
        identifier: 1,
      });
    }
  });

  it('gives random bytes as a response or as a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const decode = () => decodeErrorResponse(Buffer.from(bytes));
        if (bytes.length < 6) expect(decode).toThrow(truncated);
        else if (bytes[0] !== 8) expect(decode).toThrow(malformed);
        else expect(decode()).toMatchObject({ statusCode: bytes[1] });
      }),
    );
  });
});

describe('encodeErrorResponse', () => {
  it('is undone by decodeErrorResponse', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(0xffff_ffff), (statusCode, identifier) => {
        expect(decodeErrorResponse(encodeErrorResponse({ statusCode, identifier }))).toMatchObject({
          statusCode,
          identifier,
        });
      }),
    );
  });

  it.each([
    ['a status code of 256', { statusCode: 256 }],
    ['a negative status code', { statusCode: -1 }],
    ['an identifier of 2^32', { identifier: 0x1_0000_0000 }],
    ['an identifier that is no number', { identifier: Number.NaN }],
    ['half an identifier', { identifier: 0.5 }],
  ])('refuses %s, and names the field', (_name, fields) => {
    expect(() => encodeErrorResponse({ statusCode: 8, identifier: 1, ...fields })).toThrow(
      expect.objectContaining({ ...refused, message: expect.stringContaining(Object.keys(fields)[0]!) }),
    );
  });
});
