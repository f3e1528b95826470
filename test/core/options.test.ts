import { describe, expect, it } from 'vitest';
import {
  callbackOption,
  checkOptionNames,
  choiceOption,
  integerOption,
  streamOptions,
} from '../../src/core/options.js';

it.each<[() => unknown, string]>([
  [
    () => integerOption('port', '2195' as never, { default: 1, max: 65_535 }),
    'port must be a whole number from 1 to 65535, got the string "2195": remove the quotes',
  ],
  [
    () => choiceOption('environment', 'prod' as never, ['production', 'sandbox'], 'sandbox'),
    'environment must be one of production, sandbox, got the string "prod": did you mean production?',
  ],
  [
    () => choiceOption('environment', 'hunter2-hunter2' as never, ['production', 'sandbox'], 'sandbox'),
    'environment must be one of production, sandbox, got a string of 15 characters',
  ],
])('%s says what was wrong with the text', (read, message) => {
  expect(read).toThrow(expect.objectContaining({ message }));
});

const invalid = expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_INVALID_OPTION' });

describe('checkOptionNames', () => {
  it('passes known names and no options at all', () => {
    checkOptionNames('options', undefined, ['a']);
    checkOptionNames('options', { a: undefined }, ['a']);
  });

  it.each<[unknown]>([
    [null],
    ['a'],
    [1],
    [[]],
    [{ b: 1 }],
    [{ a: 1, A: 2 }],
    [JSON.parse('{"__proto__":1}')],
  ])('refuses %j', (options) => {
    expect(() => checkOptionNames('options', options, ['a'])).toThrow(invalid);
  });
});

describe('integerOption', () => {
  const bounds = { default: 7, min: 2, max: 9 };

  it('passes the bounds and what lies between, and the default for nothing', () => {
    expect([2, 5, 9, undefined].map((value) => integerOption('n', value, bounds))).toEqual([2, 5, 9, 7]);
  });

  it.each<[unknown]>([[1], [10], [2.5], [Number.NaN], [Infinity], ['5'], [null], [5n]])(
    'refuses %s',
    (value) => {
      expect(() => integerOption('n', value as number, bounds)).toThrow(invalid);
    },
  );

  it('begins at 1 unless told otherwise', () => {
    expect(integerOption('n', 1, { default: 7 })).toBe(1);
    expect(() => integerOption('n', 0, { default: 7 })).toThrow(invalid);
    expect(() => integerOption('n', 2 ** 53, { default: 7 })).toThrow(invalid);
  });
});

describe('choiceOption', () => {
  it('passes a choice, and the default for nothing', () => {
    expect(choiceOption('c', 1, [2, 1, 0], 2)).toBe(1);
    expect(choiceOption('c', undefined, [2, 1, 0], 2)).toBe(2);
  });

  it.each<[unknown]>([[3], ['2'], [null], [Number.NaN]])('refuses %j', (value) => {
    expect(() => choiceOption('c', value as number, [2, 1, 0], 2)).toThrow(invalid);
  });
});

describe('callbackOption', () => {
  it('passes a function or nothing', () => {
    expect(callbackOption('onInvalid', expect)).toBe(expect);
    expect(callbackOption('onInvalid', undefined)).toBe(undefined);
  });

  it.each<[unknown]>([[null], [true], [{}]])('refuses %j', (value) => {
    expect(() => callbackOption('onInvalid', value)).toThrow(invalid);
  });
});

describe('streamOptions', () => {
  const { signal } = new AbortController();

  it('gives what is there under the name that Node has for it, and nothing else', () => {
    expect(streamOptions({}, 'readableHighWaterMark')).toEqual({});
    expect(streamOptions({ highWaterMark: 0, signal }, 'writableHighWaterMark')).toEqual({
      writableHighWaterMark: 0,
      signal,
    });
  });

  it.each<[unknown]>([[-1], [1.5], [Number.NaN], ['16'], [null]])(
    'refuses a highWaterMark of %j',
    (highWaterMark) => {
      expect(() => streamOptions({ highWaterMark: highWaterMark as number }, 'highWaterMark')).toThrow(
        invalid,
      );
    },
  );

  it.each<[unknown]>([[null], [{}], ['abort'], [true]])('refuses a signal of %j', (value) => {
    expect(() => streamOptions({ signal: value as AbortSignal }, 'highWaterMark')).toThrow(invalid);
  });
});
