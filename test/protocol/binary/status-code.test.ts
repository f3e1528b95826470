import { expect, it } from 'vitest';
import { decodeStatusCode, encodeStatusCode, StatusCode } from '../../../src/protocol/binary/status-code.js';
import { ERROR_RESPONSE_VECTORS } from '../../vectors/error-responses.js';

it.each(ERROR_RESPONSE_VECTORS)('names status code $name', ({ value: { statusCode, reason } }) => {
  expect(decodeStatusCode(statusCode)).toBe(reason);
  expect(encodeStatusCode(reason)).toBe(statusCode);
});

it('lists the status codes of the table and no others', () => {
  const table = Object.fromEntries(
    ERROR_RESPONSE_VECTORS.map(({ value }) => [value.reason, value.statusCode]),
  );
  expect(StatusCode).toEqual(table);
});
