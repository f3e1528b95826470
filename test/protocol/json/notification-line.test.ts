import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidNotificationError } from '../../../src/core/errors.js';
import { NOTIFICATION_FIELDS, type Notification } from '../../../src/core/notification.js';
import { MAX_DEVICE_TOKEN_BYTES } from '../../../src/core/notification-rules.js';
import { getSourceLine } from '../../../src/core/source-line.js';
import { NotificationLineParser } from '../../../src/protocol/json/notification-line.js';

const TOKEN = '00Ff'.repeat(16);
const whole = {
  deviceToken: TOKEN,
  payload: { aps: { alert: 'hi' } },
  identifier: 7,
  expiration: 1_800_000_000,
  priority: 10,
  topic: 'com.example.app',
  pushType: 'alert',
  collapseId: 'c',
  apnsId: '123e4567-e89b-12d3-a456-426614174000',
  context: { any: ['JSON', null, 1.5] },
};

/** What may lie behind a line in its chunk, and must not be read as a part of it. */
const BEHIND = ['}', '"', '":1}', ',', ',"context":1}', '{', '{}', ':1}', '1}', '0', 'ab"}', 'l}', '\n'];

/** Parses a line that lies between other bytes. */
function parseBetween(line: string | Buffer, mode: 'parsed' | 'raw', behind: string): unknown {
  const bytes = Buffer.concat([Buffer.from('{"a":1}\n'), Buffer.from(line as string), Buffer.from(behind)]);
  return new NotificationLineParser(mode).parse(bytes, 8, bytes.length - behind.length, 3, 99);
}

/** Parses a line, and sees to it that the bytes behind it play no part. */
function parseAnywhere(line: string | Buffer, mode: 'parsed' | 'raw'): unknown {
  const alone = parseBetween(line, mode, '');
  for (const behind of BEHIND) expect(parseBetween(line, mode, behind), behind).toStrictEqual(alone);
  return alone;
}

function parse(line: string | Buffer, mode: 'parsed' | 'raw' = 'parsed'): Notification {
  const parsed = parseAnywhere(line, mode);
  expect(parsed).not.toBeInstanceOf(Error);
  return parsed as Notification;
}

function refusal(line: string | object): InvalidNotificationError {
  const parsed = parseAnywhere(typeof line === 'string' ? line : JSON.stringify(line), 'parsed');
  expect(parsed).toBeInstanceOf(InvalidNotificationError);
  return parsed as InvalidNotificationError;
}

describe('NotificationLineParser', () => {
  test('gives a notification that equals what was written, and knows its line', () => {
    const notification = parse(JSON.stringify(whole));
    expect(notification).toStrictEqual(whole);
    expect(Object.getPrototypeOf(notification)).toBe(Object.prototype);
    expect(getSourceLine(notification)).toBe(3);
  });

  test('agrees with JSON.parse on every subset of fields in every order, in the documented order', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
    const printable = text.filter((value) => !/^ | $|\p{Cc}/u.test(value));
    const notification = fc.record(
      {
        deviceToken: fc.stringMatching(/^([0-9a-fA-F]{2}){1,100}$/),
        payload: fc.dictionary(text, fc.jsonValue()),
        identifier: fc.nat(0xffff_ffff),
        expiration: fc.integer({ min: 0, max: 0xffff_ffff }),
        priority: fc.constantFrom(10, 5, 1),
        topic: printable,
        pushType: printable,
        collapseId: printable.filter((value) => Buffer.byteLength(value) <= 64),
        apnsId: fc.uuid(),
        context: fc.jsonValue(),
      },
      { requiredKeys: ['deviceToken', 'payload'], noNullPrototype: true },
    );
    const order = fc.shuffledSubarray([...NOTIFICATION_FIELDS], { minLength: NOTIFICATION_FIELDS.length });
    fc.assert(
      fc.property(notification, order, fc.constantFrom(undefined, 1), (fields, names, space) => {
        const entries = names.filter((name) => name in fields).map((name) => [name, fields[name as 'topic']]);
        const line = JSON.stringify(Object.fromEntries(entries), null, space);
        const parsed = parseBetween(line, 'parsed', '') as Notification;
        expect(parsed).toStrictEqual(JSON.parse(line));
        expect(Object.keys(parsed)).toEqual(NOTIFICATION_FIELDS.filter((name) => name in fields));
        const raw = parseBetween(line, 'raw', '') as Notification;
        expect(JSON.parse(String(raw.payload))).toStrictEqual(parsed.payload);
        expect({ ...raw, payload: 0 }).toStrictEqual({ ...parsed, payload: 0 });
      }),
      { numRuns: 500 },
    );
  });

  test('gives a raw payload as a view of exactly its bytes', () => {
    const payload = '{ "n":1e400, "i":9007199254740993,"s":"\\ud800", "s":{} }';
    const bytes = Buffer.from(`{"payload" : ${payload} ,"deviceToken":"${TOKEN}"}`);
    const { payload: view } = parse(bytes, 'raw');
    expect(view).toBeInstanceOf(Buffer);
    expect(String(view)).toBe(payload);
    const inPlace = new NotificationLineParser('raw').parse(bytes, 0, bytes.length, 1, 0) as Notification;
    expect((inPlace.payload as Buffer).buffer).toBe(bytes.buffer);
  });

  test.each(['parsed', 'raw'] as const)('decodes a payload that is a JSON string (%s)', (mode) => {
    const line = JSON.stringify({ deviceToken: TOKEN, payload: '{"aps":"\u00e9\\n"}' });
    expect(parse(line, mode).payload).toBe('{"aps":"\u00e9\\n"}');
  });

  test('reads field names and values that are written with escapes', () => {
    const line =
      '{"\\u0064eviceToken":"\\u0061b","p\\u0061yload":{},"topic":"a\\/b","identifi\\u0065r":1e2,"expiration":-0}';
    expect(parse(line)).toStrictEqual({
      deviceToken: 'ab',
      payload: {},
      topic: 'a/b',
      identifier: 100,
      expiration: -0,
    });
  });

  test.each([
    '0',
    '-1',
    '999999999999999',
    '12345678901234567890',
    '8349265211493767432',
    '1.50',
    '"\\n"',
    '""',
  ])('reads %s as JSON.parse does', (json) => {
    expect(parse(`{"deviceToken":"ab","payload":{},"context":${json}}`).context).toBe(JSON.parse(json));
  });

  test.each(['deviceToken', 'context'])('refuses a second %s, also with its name escaped', (field) => {
    const twice = (name: string) => `{"${field}":"ab","payload":{},"${name}":"cd"}`;
    const first = field.charCodeAt(0).toString(16);
    for (const name of [field, `\\u00${first}${field.slice(1)}`]) {
      expect(refusal(twice(name))).toMatchObject({ field, line: 3, offset: 99 });
    }
  });

  test('reports the first problem, with line, offset and the object it parsed', () => {
    const error = refusal({ ...whole, priority: 7, topic: '' });
    expect(error).toMatchObject({
      code: 'APNS_ERR_INVALID_NOTIFICATION',
      field: 'priority',
      line: 3,
      offset: 99,
    });
    expect(error.notification).toMatchObject({ context: whole.context, priority: 7 });
  });

  test('puts broken JSON before the problem of a field', () => {
    expect(refusal('{"token":"ab","payload":{},').field).toBeUndefined();
  });

  test('suggests the known field for an unknown one, and shows neither newlines nor more than 8 digits of a token', () => {
    expect(refusal({ token: TOKEN, payload: {} }).problem).toContain('deviceToken');
    const { field, message } = refusal(`{"${TOKEN}\\n\\u001b":1,"a\\nb":{}}`);
    expect(field).toBe(`${TOKEN.slice(0, 8)}…\\n\\u001b`);
    expect(message).not.toContain(TOKEN.slice(0, 9));
    expect(refusal(`{"${'n'.repeat(1000)}":1}`).field).toHaveLength(41);
    expect(refusal('{"a\\nb":1}').message).not.toContain('\n');
  });

  test.each([
    ['{}', 'deviceToken'],
    [{ deviceToken: TOKEN }, 'payload'],
    [{ ...whole, payload: null }, 'payload'],
    [{ ...whole, payload: [] }, 'payload'],
    [{ ...whole, payload: 1 }, 'payload'],
    [{ ...whole, payload: '' }, 'payload'],
    [{ ...whole, payload: '\ud800' }, 'payload'],
    [{ ...whole, identifier: null }, 'identifier'],
    [{ ...whole, identifier: '7' }, 'identifier'],
    [{ ...whole, topic: null }, 'topic'],
    [{ ...whole, collapseId: 'é'.repeat(33) }, 'collapseId'],
    [{ ...whole, apnsId: 'ABC' }, 'apnsId'],
    [{ ...whole, deviceToken: 12 }, 'deviceToken'],
    [{ ...whole, deviceToken: '' }, 'deviceToken'],
    [{ ...whole, deviceToken: 'abc' }, 'deviceToken'],
    [{ ...whole, deviceToken: 'ab cd' }, 'deviceToken'],
    [{ ...whole, deviceToken: 'xy', context: 'ab' }, 'deviceToken'],
    [{ ...whole, deviceToken: 'ab'.repeat(MAX_DEVICE_TOKEN_BYTES + 1) }, 'deviceToken'],
    [{ ...whole, channelId: 'dHN0LXNyY2gtY2hubA==' }, 'channelId'],
    [{ payload: {}, channelId: '' }, 'channelId'],
    [{ channelId: 'dHN0LXNyY2gtY2hubA==' }, 'payload'],
    [{ ...whole, toString: 1 }, 'toString'],
  ])('refuses %j for its %s', (line, field) => {
    expect(refusal(line).field).toBe(field);
  });

  test.each([
    '',
    ' ',
    'null',
    '1',
    '"x"',
    '[]',
    'true',
    '{',
    '{"a"',
    '{"a":1',
    '{"a":1,}',
    '{} {}',
    '{a:1}',
    "{'a':1}",
    '["deviceToken":"ab","payload":{}}',
    '{ deviceToken":"ab","payload":{}}',
    '{"deviceToken":"ab";"payload":{}}',
    '{"deviceToken":"ab" "payload":{}}',
    '{"deviceToken" "ab","payload":{}}',
    '{"deviceToken":1ab","payload":{}}',
    '{"deviceToken":"ab,"payload":{}}',
    '{"deviceToken":"ab","payload"{}}',
    '{"deviceToken":"ab","payload":}',
    '{"deviceToken":"ab","payload":{}',
    '{"deviceToken":"ab","payload":{}} 1',
    '{"deviceToken":"ab","payload":{},',
    '{"deviceToken":"ab","payload":{},"context":1',
    '{"deviceToken":"ab","payload":{},"context":tru',
    '{"deviceToken":"ab',
  ])('refuses %j, naming no field', (line) => {
    const error = refusal(line);
    expect(error.field).toBeUndefined();
    expect(error.notification).toBeUndefined();
  });

  test('takes a device token of the greatest length', () => {
    const deviceToken = 'ab'.repeat(MAX_DEVICE_TOKEN_BYTES);
    expect(parse(JSON.stringify({ deviceToken, payload: {} }))).toStrictEqual({ deviceToken, payload: {} });
  });

  test('takes no field from the line before', () => {
    const parser = new NotificationLineParser('parsed');
    const parseLine = (line: string) => parser.parse(Buffer.from(line), 0, line.length, 1, 0);
    expect(parseLine('{"deviceToken":"ab","payload":{}}')).not.toBeInstanceOf(Error);
    expect(parseLine('{"context":"abcdef","payload":{}}')).toMatchObject({ field: 'deviceToken' });
    expect(parseLine('{"deviceToken":"ab","context":{}}')).toMatchObject({ field: 'payload' });
  });

  test('takes a channel id in place of a device token', () => {
    const channelId = 'dHN0LXNyY2gtY2hubA==';
    const broadcast = parse(JSON.stringify({ expiration: 0, channelId, payload: { aps: {} } }));
    expect(broadcast).toStrictEqual({ payload: { aps: {} }, expiration: 0, channelId });
  });

  test.each([...NOTIFICATION_FIELDS, 'channelId'])(
    'knows no name that differs from %s in one letter',
    (name) => {
      for (let i = 0; i < name.length; i++) {
        const other = `${name.slice(0, i)}_${name.slice(i + 1)}`;
        expect(refusal({ ...whole, [other]: 'ab' }).field).toBe(other);
      }
      expect(refusal({ ...whole, [`${name}s`]: 'ab' }).field).toBe(`${name}s`);
      expect(refusal({ ...whole, [name.slice(1)]: 'ab' }).field).toBe(name.slice(1));
    },
  );

  test('names an unknown field in every line that has it, also an empty one', () => {
    const parser = new NotificationLineParser('parsed');
    for (const [name, times] of Object.entries({ token: 2, title: 1, '': 1 })) {
      for (let i = 0; i < times; i++) {
        const bytes = Buffer.from(`{"${name}":1}`);
        expect(parser.parse(bytes, 0, bytes.length, 1, 0)).toMatchObject({ field: name });
      }
    }
  });

  test('tells an incomplete line from a broken one', () => {
    const parser = new NotificationLineParser('parsed');
    const incomplete = (line: string) => {
      const bytes = Buffer.from(line);
      expect(parser.parse(bytes, 0, bytes.length, 1, 0)).toBeInstanceOf(InvalidNotificationError);
      return parser.incomplete;
    };
    for (const line of ['{', '{"a":', '{"payload":{', '{"a":1,']) expect(incomplete(line)).toBe(true);
    for (const line of ['{}', '[]', '{"a', '{"a":1}}', '{]']) expect(incomplete(line)).toBe(false);
  });
});
