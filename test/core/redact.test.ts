import { describe, expect, it } from 'vitest';
import { ApnsError, InvalidNotificationError } from '../../src/core/errors.js';
import { checkNotification, type Notification } from '../../src/core/notification.js';
import { printable } from '../../src/core/redact.js';

/** What a terminal obeys, or what reorders, hides or breaks what stands beside it. */
const HOSTILE = '\u001b]0;x\u0007\u007f\u009b31m\u202e\u2066\u2028\u2029\u200b\ufeff\u{e0041}';

describe('printable', () => {
  it.each([
    ['C0', 'a\u001b[31m\r\n\0', 'a\\u001b[31m\\u000d\\u000a\\u0000'],
    ['DEL and C1', '\u007f\u009b', '\\u007f\\u009b'],
    ['bidirectional', '\u202e\u2066\u200f\u061c', '\\u202e\\u2066\\u200f\\u061c'],
    ['separators', '\u2028\u2029', '\\u2028\\u2029'],
    ['invisible', '\u00ad\u200b\ufeff', '\\u00ad\\u200b\\ufeff'],
    ['beyond the BMP', '\u{e0041}', '\\udb40\\udc41'],
    ['a half of a pair', 'a\ud800', 'a\\ud800'],
  ])('escapes %s characters', (_what, text, escaped) => {
    expect(printable(text)).toBe(escaped);
  });

  it('leaves letters, spaces, signs and emoji as they are', () => {
    const text = 'Zoë – 名前 «😀» \u00a0 "a\\b"';
    expect(printable(text)).toBe(text);
  });

  it('keeps the meaning of JSON', () => {
    expect(JSON.parse(printable(JSON.stringify(HOSTILE)))).toBe(HOSTILE);
  });
});

describe('errors', () => {
  const isPrintable = /^[\x20-\x7e…]*$/;

  it('have no unprintable character in their message, whatever it quotes', () => {
    expect(new ApnsError('APNS_ERR_TLS', `a${HOSTILE}`).message).toMatch(isPrintable);
    const error = new InvalidNotificationError(`b${HOSTILE}`, { field: `f${HOSTILE}`, line: 1 });
    for (const text of [error.message, error.problem, error.field]) expect(text).toMatch(isPrintable);
  });

  it('have none where the name of an unknown field has one', () => {
    const notification = { deviceToken: 'aa', payload: {}, [`x${HOSTILE}`]: 1 } as Notification;
    expect(() => checkNotification(notification)).toThrow(isPrintable);
  });
});
