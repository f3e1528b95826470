import { describe, expect, test } from 'vitest';
import { InvalidNotificationError } from '../../../src/core/errors.js';
import { setSourceLine } from '../../../src/core/source-line.js';
import { LineStringifier } from '../../../src/protocol/json/stringify-line.js';

const stringify = (object: unknown): string => new LineStringifier().stringify(object);

function refusal(object: unknown): InvalidNotificationError {
  try {
    stringify(object);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidNotificationError);
    return error as InvalidNotificationError;
  }
  return expect.unreachable();
}

describe('LineStringifier', () => {
  test('writes an object as JSON.stringify does, with a newline', () => {
    expect(stringify({ a: 'é\n', b: undefined, payload: {}, expiration: 5 })).toBe(
      '{"a":"é\\n","payload":{},"expiration":5}\n',
    );
    expect(stringify([1])).toBe('[1]\n');
    expect(stringify({ payload: 'text', toJSON: () => ({ b: 1 }) })).toBe('{"b":1}\n');
  });

  test('writes payload bytes as they are, between the other fields and without those that are undefined', () => {
    const payload = Buffer.from('{"n":1e400, "i":9007199254740993,"s":"\ufffd"}');
    const notification = {
      topic: undefined,
      deviceToken: 'ab',
      payload,
      context: [1],
      expiration: undefined,
    };
    expect(stringify(notification)).toBe(`{"deviceToken":"ab","payload":${payload},"context":[1]}\n`);
  });

  test('writes the bytes of a view, and no more of what they lie in', () => {
    const bytes = new TextEncoder().encode('..{"a":1}..');
    expect(stringify({ payload: bytes.subarray(2, 9) })).toBe('{"payload":{"a":1}}\n');
  });

  test.each(['{\n"a":1}', ' {}', '{} ', '{}{}', '{', '[]', 'text', '"text"', ''])(
    'writes payload bytes %j, no object within one line, as a string of the same bytes',
    (text) => {
      expect(stringify({ payload: Buffer.from(text) })).toBe(`{"payload":${JSON.stringify(text)}}\n`);
    },
  );

  test('writes a Date as UNIX seconds where it is the expiration, and as JSON does elsewhere', () => {
    const date = new Date(1999);
    expect(stringify({ payload: {}, expiration: date })).toBe('{"payload":{},"expiration":1}\n');
    expect(stringify({ expiration: date, context: date })).toBe(
      '{"expiration":1,"context":"1970-01-01T00:00:01.999Z"}\n',
    );
  });

  test('writes bytes elsewhere as JSON does', () => {
    expect(stringify({ payload: Buffer.from('{}'), context: new Uint8Array([1]) })).toBe(
      '{"payload":{},"context":{"0":1}}\n',
    );
  });

  test.each([
    ['bytes that are not UTF-8', { payload: Buffer.from([0x7b, 0xff, 0x7d]) }, 'payload'],
    ['a date that is none', { payload: {}, expiration: new Date(Number.NaN) }, 'expiration'],
    ['a BigInt beside payload bytes', { payload: Buffer.from('{}'), context: 1n }, 'context'],
    ['a BigInt anywhere', { payload: { n: 1n } }, undefined],
    ['an object whose toJSON() gives nothing', { toJSON: () => undefined }, undefined],
  ])('refuses %s, and names the field, the line and the notification', (_what, object, field) => {
    setSourceLine(object as never, 7);
    expect(refusal(object)).toMatchObject({ field, line: 7, notification: object });
  });

  test.each([['text'], [1], [null], [undefined], [Buffer.from('{}')], [() => ({})]])(
    'refuses %s, which is no object',
    (value) => {
      expect(refusal(value).notification).toBeUndefined();
    },
  );

  test('says why JSON cannot express an object', () => {
    expect(refusal({ n: 1n }).cause).toBeInstanceOf(TypeError);
  });
});
