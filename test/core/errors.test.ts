import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest';
import {
  ApnsError,
  type ApnsErrorCode,
  describe as describeValue,
  describeWord,
  InvalidNotificationError,
  invalidOption,
} from '../../src/core/errors.js';
import { redactToken } from '../../src/core/redact.js';

const TOKEN = '000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';

describe('ApnsError', () => {
  it('takes a code of the closed set only', () => {
    expectTypeOf(ApnsError).toBeConstructibleWith('APNS_ERR_CLOSED', 'closed');
    // @ts-expect-error: a gateway's code, or a mistyped one, is no code of this package
    new ApnsError('InvalidToken', 'never compiled');
    expectTypeOf<ApnsError['code']>().toEqualTypeOf<ApnsErrorCode>();
  });

  it('has its name on the prototype, so that inspecting an instance does not repeat it', () => {
    const error = new ApnsError('APNS_ERR_CLOSED', 'closed');
    expect(error.name).toBe('ApnsError');
    expect(Object.keys(error)).toEqual(['code']);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toBe('ApnsError: closed');
  });

  it('keeps the underlying error as its cause, and has none where there is none', () => {
    const cause = new Error('underneath');
    expect(new ApnsError('APNS_ERR_CLOSED', 'closed', { cause }).cause).toBe(cause);
    expect('cause' in new ApnsError('APNS_ERR_CLOSED', 'closed')).toBe(false);
  });
});

describe('InvalidNotificationError', () => {
  const notification = { deviceToken: TOKEN, payload: { aps: { alert: 'a secret' } } };
  const details = { field: 'priority', line: 3, offset: 120, notification };
  const error = new InvalidNotificationError('must be 10 or 5, got 7', details);

  it('tells where and what', () => {
    expect(error).toBeInstanceOf(ApnsError);
    expect(error).toMatchObject({
      name: 'InvalidNotificationError',
      code: 'APNS_ERR_INVALID_NOTIFICATION',
      field: 'priority',
      line: 3,
      offset: 120,
      problem: 'must be 10 or 5, got 7',
    });
    expect(error.notification).toBe(notification);
  });

  it('starts its message with line and field, where there are any', () => {
    expect(error.message).toBe('line 3: priority must be 10 or 5, got 7');
    expect(new InvalidNotificationError('is not JSON', { line: 3 }).message).toBe('line 3: is not JSON');
    expect(new InvalidNotificationError('is not JSON').message).toBe('is not JSON');
  });

  it('has a stack only where no line says where the fault is', () => {
    const { stackTraceLimit } = Error;
    expect(error.stack).toBe(`InvalidNotificationError: ${error.message}`);
    expect(new InvalidNotificationError('is not JSON').stack).toContain('errors.test');
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  });

  it('can be made where Error is frozen', () => {
    const { stackTraceLimit } = Error;
    onTestFinished(() => void Object.defineProperty(Error, 'stackTraceLimit', { writable: true }));
    Object.defineProperty(Error, 'stackTraceLimit', { writable: false });
    expect(new InvalidNotificationError('is not JSON', { line: 3 }).line).toBe(3);
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  });

  it('prints neither token nor payload, however it is printed', () => {
    for (const text of [
      inspect(error, { depth: 9 }),
      JSON.stringify(error),
      String(error),
      inspect({ ...error }),
    ]) {
      expect(text).not.toContain(TOKEN.slice(0, 16));
      expect(text).not.toContain('secret');
    }
  });

  it('has a cause only where one is given', () => {
    const cause = new TypeError('underneath');
    expect(new InvalidNotificationError('no', { cause }).cause).toBe(cause);
    expect('cause' in error).toBe(false);
  });
});

describe('invalidOption', () => {
  it('names the path, what would be right and what came', () => {
    const error = invalidOption('window.count', 'a whole number', -1);
    expect(error).toMatchObject({ name: 'ApnsError', code: 'APNS_ERR_INVALID_OPTION' });
    expect(error.message).toBe('window.count must be a whole number, got -1');
  });

  it('does not show text, which may be a secret', () => {
    expect(invalidOption('tls.passphrase', 'a string', 'hunter2').message).not.toContain('hunter2');
  });
});

describe('a value in a message', () => {
  it.each<[unknown, string]>([
    [1.5, '1.5'],
    [Number.NaN, 'NaN'],
    [true, 'true'],
    [undefined, 'undefined'],
    [null, 'null'],
    ['', 'an empty string'],
    [TOKEN, 'a string of 64 characters'],
    [[1], 'an array'],
    [{ a: 1 }, 'an object (Object)'],
    [new Map(), 'an object (Map)'],
    [Object.create(null), 'an object'],
    [1n, 'a bigint'],
    [Symbol('s'), 'a symbol'],
    [() => 1, 'a function'],
  ])('%o is %s', (value, text) => {
    expect(describeValue(value)).toBe(text);
  });

  it.each<[unknown, string]>([
    ['high', 'the string "high"'],
    ['time-sensitive', 'the string "time-sensitive"'],
    ['10', 'the string "10": remove the quotes'],
    ['1.5', 'the string "1.5": remove the quotes'],
    [TOKEN, 'a string of 64 characters'],
    ['abcdefabcdef', 'a string of 12 characters'],
    ['hunter2', 'a string of 7 characters'],
    ['two words', 'a string of 9 characters'],
    [7, '7'],
  ])('%o is %s where a number is meant', (value, text) => {
    expect(describeWord(value, true)).toBe(text);
    expect(describeWord(value)).toBe(text.replace(': remove the quotes', ''));
  });

  it('is not taken from the value itself', () => {
    expect(describeValue({ constructor: { name: TOKEN } })).toBe('an object (Object)');
    expect(describeValue(JSON.parse('{"constructor":{"name":{"toString":1,"valueOf":1}}}'))).toBe(
      'an object (Object)',
    );
  });

  it('never throws', () => {
    const options = {
      withNullPrototype: true,
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
    };
    const keys = fc.oneof(fc.constantFrom('constructor', 'name', 'toString', '__proto__'), fc.string());
    fc.assert(
      fc.property(fc.anything({ ...options, key: keys }), (value) => {
        expect(describeValue(value)).toBeTypeOf('string');
      }),
    );
  });
});

describe('redactToken', () => {
  it('cuts a device token to 8 hex digits', () => {
    expect(redactToken(TOKEN)).toBe('00010203…');
    expect(redactToken('00010203')).toBe('00010203');
  });
});
