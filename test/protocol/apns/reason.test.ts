import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REASON_STATUS } from '../../../src/core/reason.js';
import { decodeReasonBody, encodeReasonBody, isTemporary } from '../../../src/protocol/apns/reason.js';

describe('the body of a rejection', () => {
  it.each([
    ['a reason', '{"reason":"BadDeviceToken"}', { reason: 'BadDeviceToken' }],
    [
      'a reason and a timestamp in milliseconds',
      '{"reason":"Unregistered","timestamp":1741190400000}',
      { reason: 'Unregistered', timestamp: 1_741_190_400_000 },
    ],
  ])('is %s, in both directions', (_what, text, body) => {
    expect(decodeReasonBody(Buffer.from(text))).toEqual(body);
    expect(encodeReasonBody(body).toString()).toBe(text);
  });

  it.each([
    ['a reason nobody knows', '{"reason":"SolarFlare","more":[]}', { reason: 'SolarFlare' }],
    ['a timestamp that is a string', '{"reason":"Unregistered","timestamp":"1"}', { reason: 'Unregistered' }],
    ['a timestamp below 0', '{"reason":"Unregistered","timestamp":-1}', { reason: 'Unregistered' }],
    ['a timestamp of -0', '{"timestamp":-0}', { timestamp: 0 }],
    ['a fractional timestamp', '{"reason":"Unregistered","timestamp":1.5}', { reason: 'Unregistered' }],
    ['a reason that is a number', '{"reason":7}', {}],
    ['a reason that is empty', '{"reason":""}', {}],
    ['a reason as long as a page', JSON.stringify({ reason: 'x'.repeat(10_000) }), {}],
    ['no reason', '{}', {}],
    ['null', 'null', {}],
    ['an array', '["BadDeviceToken"]', {}],
    ['a string', '"BadDeviceToken"', {}],
    ['HTML', '<html><body>502 Bad Gateway</body></html>', {}],
    ['broken JSON', '{"reason":"BadDev', {}],
    ['nothing', '', {}],
    ['no text', '\u0000\ufffd', {}],
  ])('may be %s', (_what, text, body) => {
    expect(decodeReasonBody(Buffer.from(text))).toEqual(body);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        decodeReasonBody(Buffer.from(text));
      }),
    );
  });
});

describe('a rejection', () => {
  it('is documented with its status', () => {
    expect(Object.keys(REASON_STATUS)).toHaveLength(43);
    expect(REASON_STATUS).toMatchObject({
      BadDeviceToken: 400,
      BadEnvironmentKeyInToken: 403,
      BadPath: 404,
      MethodNotAllowed: 405,
      Unregistered: 410,
      PayloadTooLarge: 413,
      TooManyRequests: 429,
      Shutdown: 503,
    });
  });

  it('of up to 256 characters is read, and nothing of a body that is no object', () => {
    const reasonOf = (reason: string) => decodeReasonBody(encodeReasonBody({ reason })).reason;
    expect(reasonOf('x'.repeat(256))).toBe('x'.repeat(256));
    expect(reasonOf('x'.repeat(257))).toBeUndefined();
    for (const body of ['"reason"', '1', 'null', '[]', '{']) {
      expect(decodeReasonBody(Buffer.from(body))).toEqual({});
    }
  });

  it('of a broadcast has status 400, but for a channel of another app', () => {
    expect(REASON_STATUS).toMatchObject({
      BadChannelId: 400,
      ChannelNotRegistered: 400,
      MissingChannelId: 400,
      CannotCreateChannelConfig: 400,
      FeatureNotEnabled: 400,
      MissingPushType: 400,
      BadRequestParams: 400,
      BadRequestPayload: 400,
      MissingChannelQueueSize: 400,
      TopicMismatch: 403,
    });
  });

  it.each([
    [429, 'TooManyRequests', true],
    [429, undefined, true],
    [429, 'TooManyProviderTokenUpdates', false],
    [500, 'InternalServerError', true],
    [502, undefined, true],
    [503, 'ServiceUnavailable', true],
    [503, 'Shutdown', true],
    [400, 'BadDeviceToken', false],
    [403, 'ExpiredProviderToken', false],
    [410, 'Unregistered', false],
    [418, 'SolarFlare', false],
  ])('%i %s is temporary: %s', (statusCode, reason, temporary) => {
    expect(isTemporary(statusCode, reason)).toBe(temporary);
  });
});
