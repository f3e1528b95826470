import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidNotificationError } from '../../src/core/errors.js';
import {
  checkNotification,
  NOTIFICATION_FIELDS,
  type Notification,
  payloadText,
} from '../../src/core/notification.js';
import { expirationSeconds } from '../../src/core/notification-rules.js';
import { getSourceLine, setParsed, setSourceLine } from '../../src/core/source-line.js';
import { DEVICE_TOKEN_VECTORS } from '../vectors/device-tokens.js';

const TOKEN = '000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';
const valid: Notification = { deviceToken: TOKEN, payload: { aps: {} } };

/** The error of a notification that must be refused. */
function refusal(fields: object): InvalidNotificationError {
  try {
    checkNotification({ ...valid, ...fields } as Notification);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidNotificationError);
    return error as InvalidNotificationError;
  }
  return expect.fail(`accepted ${inspect(fields)}`);
}

describe('checkNotification', () => {
  it.each<[string, object]>([
    ['the required fields alone', {}],
    [
      'every field',
      {
        identifier: 7,
        expiration: 1_800_000_000,
        priority: 10,
        topic: 'com.example.app',
        pushType: 'alert',
        collapseId: 'c',
        apnsId: 'aabbccdd-0011-2233-4455-66778899aabb',
        context: Symbol('anything'),
      },
    ],
    [
      'absent optional fields',
      { identifier: undefined, expiration: undefined, priority: undefined, context: undefined },
    ],
    ['a token in upper case', { deviceToken: TOKEN.toUpperCase() }],
    ['a token of 1 byte', { deviceToken: 'ab' }],
    ['a token of 100 bytes', { deviceToken: 'ab'.repeat(100) }],
    ['a payload as text', { payload: '{}' }],
    ['a payload as bytes', { payload: new Uint8Array([0x7b, 0x7d]) }],
    ['identifier 0', { identifier: 0 }],
    ['the highest identifier', { identifier: 0xffff_ffff }],
    ['expiration 0', { expiration: 0 }],
    ['the latest expiration', { expiration: 0xffff_ffff }],
    ['a date', { expiration: new Date('2027-01-15T08:00:00Z') }],
    ['priority 1', { priority: 1 }],
    ['a collapse id of 64 bytes', { collapseId: 'é'.repeat(32) }],
  ])('passes %s', (_name, fields) => {
    checkNotification({ ...valid, ...fields });
  });

  it.each<[string, string, unknown]>([
    ['missing', 'deviceToken', undefined],
    ['empty', 'deviceToken', ''],
    ['of odd length', 'deviceToken', TOKEN.slice(1)],
    ['with spaces', 'deviceToken', '00010203 04050607'],
    ['with angle brackets', 'deviceToken', `<${TOKEN}>`],
    ['over 100 bytes', 'deviceToken', 'ab'.repeat(101)],
    ['not hex', 'deviceToken', 'xyz!'],
    ['with one digit that is not hex', 'deviceToken', 'abzz12'],
    ['base64', 'deviceToken', 'AAECAwQFBgcICQoLDA0ODw=='],
    ['with a newline at its end', 'deviceToken', `${TOKEN}\n`],
    ['bytes', 'deviceToken', Buffer.from(TOKEN, 'hex')],
    ['a number', 'deviceToken', 12],
    ['missing', 'payload', undefined],
    ['null', 'payload', null],
    ['a number', 'payload', 1],
    ['an array', 'payload', []],
    ['empty text', 'payload', ''],
    ['no bytes', 'payload', new Uint8Array()],
    ['text with a lone surrogate', 'payload', '{"a":"\ud800"}'],
    ['2^32', 'identifier', 0x1_0000_0000],
    ['negative', 'identifier', -1],
    ['a fraction', 'identifier', 1.5],
    ['NaN', 'identifier', Number.NaN],
    ['text', 'identifier', '7'],
    ['null', 'identifier', null],
    ['negative', 'expiration', -1],
    ['NaN', 'expiration', Number.NaN],
    ['infinite', 'expiration', Infinity],
    ['a fraction', 'expiration', 1_800_000_000.5],
    ['in milliseconds', 'expiration', 1_800_000_000_000],
    ['2^32', 'expiration', 0x1_0000_0000],
    ['text', 'expiration', '2027-01-15'],
    ['no date', 'expiration', new Date('no date')],
    ['a date before 1970', 'expiration', new Date(-1)],
    ['a date after 2106', 'expiration', new Date('2106-02-07T06:28:16Z')],
    [
      'an object that cannot be made text',
      'expiration',
      JSON.parse('{"constructor":{"name":{"toString":1}}}'),
    ],
    ['7', 'priority', 7],
    ['0', 'priority', 0],
    ['text', 'priority', '10'],
    ['empty', 'topic', ''],
    ['a number', 'topic', 1],
    ['with a newline', 'topic', 'com.example\r\napns-priority: 10'],
    ['with a NUL', 'topic', 'com.example\0'],
    ['with DEL', 'topic', 'com.example\u007f'],
    ['beginning with a space', 'topic', ' com.example'],
    ['ending with a space', 'topic', 'com.example '],
    ['with a lone surrogate', 'topic', 'com.example\ud800'],
    ['with a newline', 'pushType', 'alert\n'],
    ['with a newline', 'collapseId', 'a\nb'],
    ['of 65 bytes', 'collapseId', `${'é'.repeat(32)}x`],
    ['empty', 'collapseId', ''],
    ['in upper case', 'apnsId', 'AABBCCDD-0011-2233-4455-66778899AABB'],
    ['without hyphens', 'apnsId', 'aabbccdd00112233445566778899aabb'],
    ['a number', 'apnsId', 1],
  ])('refuses what is %s as %s', (_name, field, value) => {
    const error = refusal({ [field]: value });
    expect(error.field).toBe(field);
    expect(error.code).toBe('APNS_ERR_INVALID_NOTIFICATION');
  });

  it.each([
    ['token', 'deviceToken'],
    ['device_token', 'deviceToken'],
    ['paylod', 'payload'],
    ['expiraton', 'expiration'],
    ['collapse-id', 'collapseId'],
    ['Topic', 'topic'],
  ])('refuses the field %s and suggests %s', (name, nearest) => {
    const error = refusal({ [name]: 'x' });
    expect(error.field).toBe(name);
    expect(error.problem).toContain(`did you mean ${nearest}?`);
  });

  it.each(DEVICE_TOKEN_VECTORS)(
    'gives advice that helps for $what in place of a device token',
    ({ deviceToken, advice }) => {
      const { field, problem } = refusal({ deviceToken });
      expect(field).toBe('deviceToken');
      expect(problem).toContain(advice);
      // A wrong advice beside the right one would be taken by half of the readers.
      if (!advice.startsWith('decode it')) expect(problem).not.toContain('base64');
      if (deviceToken.length > 10) expect(problem).not.toContain(deviceToken.replace(/^\W|\W$/g, ''));
    },
  );

  it('says where aps belongs', () => {
    expect(refusal({ aps: {} }).problem).toMatch(/^is not a notification field.* payload$/);
  });

  it.each([['sound'], ['__proto__'], ['toString'], ['']])(
    'refuses the field %j and suggests nothing',
    (name) => {
      const error = refusal(JSON.parse(`{"deviceToken":"ab","payload":{},${JSON.stringify(name)}:1}`));
      expect(error.field).toBe(name);
      expect(error.problem).not.toContain('did you mean');
      for (const known of NOTIFICATION_FIELDS) expect(error.problem).toContain(known);
    },
  );

  it.each<[unknown]>([[null], [undefined], ['{}'], [7], [[]]])(
    'refuses %j, which is no notification',
    (value) => {
      expect(() => checkNotification(value as Notification)).toThrow(InvalidNotificationError);
    },
  );

  it('names line and notification', () => {
    const notification = { ...valid, priority: 7 } as unknown as Notification;
    setSourceLine(notification, 12);
    const error = expect.objectContaining({ line: 12, field: 'priority', notification });
    expect(() => checkNotification(notification)).toThrow(error);
  });

  it('tells milliseconds from seconds, but only of numbers', () => {
    expect(refusal({ expiration: 1_800_000_000_000 }).problem).toContain('milliseconds');
    expect(refusal({ expiration: new Date('3000-01-01') }).problem).not.toContain('milliseconds');
  });

  it('never puts a whole device token, nor a long or many-lined name, into an error', () => {
    const long = 'ab'.repeat(101);
    for (const fields of [
      { deviceToken: long },
      { deviceToken: `<${TOKEN}>` },
      { [TOKEN]: 1 },
      { topic: `${TOKEN}\n` },
    ]) {
      expect(inspect(refusal(fields))).not.toMatch(/[0-9a-f]{41}/);
    }
    const error = refusal({ [`a\n\u001b[2J${'x'.repeat(1_000_000)}`]: 1 });
    expect(error.message).toMatch(/^[\u0020-\u007e…]{1,300}$/);
    expect(error.field!.length).toBeLessThan(100);
  });

  it('answers any object by passing it or with a typed error', () => {
    const fields = fc.record(
      {
        deviceToken: fc.oneof(fc.constant(TOKEN), fc.string(), fc.anything()),
        payload: fc.oneof(fc.object(), fc.anything()),
        identifier: fc.anything(),
        expiration: fc.oneof(fc.date({ noInvalidDate: false }), fc.double(), fc.anything()),
        priority: fc.anything(),
        topic: fc.oneof(fc.string(), fc.anything()),
        collapseId: fc.anything(),
        apnsId: fc.anything(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, (notification) => {
        try {
          checkNotification(notification as Notification);
          expect(notification).toMatchObject({ deviceToken: expect.stringMatching(/^([0-9a-f]{2})+$/i) });
        } catch (error) {
          expect(error).toMatchObject({ code: 'APNS_ERR_INVALID_NOTIFICATION', field: expect.any(String) });
        }
      }),
    );
  });
});

describe('payloadText', () => {
  it('passes text and bytes through as they are', () => {
    const bytes = Buffer.from('{"a": 1e400}');
    expect(payloadText({ ...valid, payload: bytes })).toBe(bytes);
    expect(payloadText({ ...valid, payload: ' {"a":1} ' })).toBe(' {"a":1} ');
  });

  it('gives an object as JSON', () => {
    expect(payloadText({ ...valid, payload: { aps: { alert: 'é' } } })).toBe('{"aps":{"alert":"é"}}');
  });

  const cycle: Record<string, unknown> = {};
  cycle['cycle'] = cycle;
  const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
  it.each<[string, object]>([
    ['a cycle', cycle],
    ['a BigInt', { a: 1n }],
    ['a toJSON that throws', { toJSON: () => expect.fail('thrown on purpose') }],
    ['a toJSON that gives nothing', { toJSON: () => undefined }],
    ['a toJSON that gives text', new Date(0)],
    ['a toJSON that gives an array', { toJSON: () => [] }],
  ])('refuses %s', (_name, payload) => {
    const error = expect.objectContaining({ code: 'APNS_ERR_INVALID_NOTIFICATION', field: 'payload' });
    expect(() => payloadText({ ...valid, payload })).toThrow(error);
  });

  it('gives a payload of 100,000 levels as JSON or as a typed error, whichever this Node can', () => {
    try {
      expect(payloadText({ ...valid, payload: deep })).toHaveLength(600_001);
    } catch (error) {
      expect(error).toMatchObject({ code: 'APNS_ERR_INVALID_NOTIFICATION', field: 'payload' });
    }
  });
});

describe('expirationSeconds', () => {
  it('gives seconds as they are and a date in whole seconds', () => {
    expect(expirationSeconds(0)).toBe(0);
    expect(expirationSeconds(new Date('2027-01-15T08:00:00.999Z'))).toBe(1_800_000_000);
  });
});

describe('the line of a notification', () => {
  it('is remembered without being a property', () => {
    const notification = { ...valid };
    expect(getSourceLine(notification)).toBe(undefined);
    setSourceLine(notification, 3);
    expect(getSourceLine(notification)).toBe(3);
    expect(notification).toEqual(valid);
    expect(Reflect.ownKeys(notification)).toEqual(Object.keys(valid));
    expect(getSourceLine({ ...notification })).toBe(undefined);
  });

  it('can be set again, and on a frozen notification', () => {
    const notification = { ...valid };
    setSourceLine(notification, 3);
    setSourceLine(notification, 4);
    expect(getSourceLine(notification)).toBe(4);
    const frozen = Object.freeze({ ...valid });
    setSourceLine(frozen, 5);
    expect(getSourceLine(frozen)).toBe(5);
  });

  it('is given with a device token that was checked, and another one is checked again', () => {
    const notification = { ...valid };
    setParsed(notification, 3, 0);
    expect(getSourceLine(notification)).toBe(3);
    expect(() => checkNotification(notification)).not.toThrow();
    notification.deviceToken = 'not hex';
    expect(() => checkNotification(notification)).toThrow(
      expect.objectContaining({ field: 'deviceToken', line: 3 }),
    );
  });
});

it('says how to give a device token that is bytes', () => {
  const notification = { deviceToken: Buffer.from('aabb', 'hex'), payload: '{}' } as unknown as Notification;
  expect(() => checkNotification(notification)).toThrow("toString('hex')");
});
