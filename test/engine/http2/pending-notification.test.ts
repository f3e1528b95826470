import { describe, expect, it, test } from 'vitest';
import { InvalidNotificationError } from '../../../src/core/errors.js';
import type { Notification } from '../../../src/core/notification.js';
import { setParsed } from '../../../src/core/source-line.js';
import { RequestPreparer } from '../../../src/engine/http2/pending-notification.js';
import { TOKEN } from '../../support/frames.js';
import { startRawGateway } from '../../support/http2-raw-gateway.js';
import { sendAll, tokenOf } from '../../support/http2-sending.js';

test('sends background notifications that name no priority with 5, since APNs would take 10', async () => {
  const gateway = await startRawGateway({});
  const background = { pushType: 'background', topic: 'com.example.app', payload: '{"aps":{}}' };
  await sendAll(gateway.options, [
    { ...background, deviceToken: tokenOf(0) },
    { ...background, deviceToken: tokenOf(1), priority: 5 as const },
    { ...background, deviceToken: tokenOf(2), pushType: 'alert' },
  ]);
  expect(gateway.requests.map(({ headers }) => headers['apns-priority'])).toEqual(['5', '5', undefined]);
});

const ALERT = { deviceToken: 'ab', payload: '{}', topic: 'com.example.app', pushType: 'alert', priority: 10 };
const BACKGROUND = { ...ALERT, pushType: 'background', priority: 5 };

test.each([
  ['topic', ALERT, { topic: 'com.exämple.app' }, 'topic'],
  ['topic, to none', ALERT, { topic: undefined }, 'topic'],
  ['push type', ALERT, { pushType: 'voip' }, 'topic'],
  ['priority', BACKGROUND, { priority: 10 }, 'priority'],
])(
  'checks a notification anew whose %s alone differs from one that passed',
  (_what, passing, change, field) => {
    const preparer = new RequestPreparer({ auth: 'token' });
    const prepare = (fields: object) => preparer.prepare(fields as Notification, 0);
    for (let i = 0; i < 2; i++) {
      expect(() => prepare(passing)).not.toThrow();
      expect(() => prepare({ ...passing, ...change })).toThrow(
        expect.objectContaining({ code: 'APNS_ERR_INVALID_NOTIFICATION', field }),
      );
    }
  },
);

describe('a notification', () => {
  const good = { deviceToken: TOKEN, payload: '{"aps":{}}', topic: 'com.example.app', pushType: 'alert' };

  it.each([
    ['topic', good, { topic: 'töpic' }],
    ['topic', good, { topic: undefined }],
    ['topic', good, { pushType: 'voip' }],
    ['topic', { ...good, pushType: 'voip', topic: 'com.example.app.voip' }, { topic: 'com.example.app' }],
    ['priority', { ...good, priority: 10 }, { pushType: 'background' }],
    ['priority', { ...good, pushType: 'background', priority: 5 }, { priority: 10 }],
    ['priority', { ...good, pushType: 'background' }, { priority: 10 }],
  ] as [string, Notification, Partial<Notification>][])(
    'is checked again where it differs from the one that passed last, and breaks a rule of %s (%#)',
    (field, passed, change) => {
      const preparer = new RequestPreparer({ auth: 'token' });
      preparer.prepare(passed, 0);
      const broken = { ...passed, ...change };
      for (let i = 0; i < 2; i++)
        expect(() => preparer.prepare(broken, 0)).toThrow(expect.objectContaining({ field }));
      preparer.prepare(passed, 0);
    },
  );

  it('is not checked again where topic, push type and priority are those that passed last', () => {
    let looks = 0;
    const rules = {
      get auth(): 'token' {
        looks++;
        return 'token';
      },
    };
    const preparer = new RequestPreparer(rules);
    preparer.prepare(good, 0);
    const once = looks;
    expect(once).toBeGreaterThan(0);
    for (let i = 0; i < 9; i++) preparer.prepare({ ...good, payload: '{}' }, 0);
    expect(looks).toBe(once);
    preparer.prepare({ ...good, topic: 'com.example.other' }, 0);
    expect(looks).toBe(2 * once);
  });

  it('is checked where it is the first, and names nothing', () => {
    const preparer = new RequestPreparer({ auth: 'token' });
    const bare = { deviceToken: TOKEN, payload: '{"aps":{}}' };
    for (let i = 0; i < 2; i++) {
      expect(() => preparer.prepare(bare, 0)).toThrow(expect.objectContaining({ field: 'topic' }));
    }
  });

  it('may be as long as its push type allows in UTF-8, and no longer', () => {
    const preparer = new RequestPreparer({ auth: 'token' });
    const sized = (pushType: string, topic: string, bytes: number, filler: string) => ({
      deviceToken: TOKEN,
      payload: `"${filler.repeat((bytes - 2) / Buffer.byteLength(filler))}"`,
      topic,
      pushType,
    });
    for (const filler of ['x', 'ä']) {
      preparer.prepare(sized('alert', 'com.example.app', 4096, filler), 0);
      expect(() => preparer.prepare(sized('alert', 'com.example.app', 4098, filler), 0)).toThrow(
        expect.objectContaining({ field: 'payload' }),
      );
    }
    preparer.prepare(sized('voip', 'com.example.app.voip', 5120, 'x'), 0);
    expect(() => preparer.prepare(sized('voip', 'com.example.app.voip', 5121, 'x'), 0)).toThrow(
      InvalidNotificationError,
    );
  });

  it('has each of its fields read once, even by a getter that returns another value each time', () => {
    const reads: Record<string, number> = {};
    const fields: Record<string, unknown> = {
      ...good,
      apnsId: '01234567-89ab-cdef-0123-456789abcdef',
      priority: 5,
    };
    const notification = {};
    for (const name of Object.keys(fields)) {
      const get = (): unknown => {
        reads[name] = (reads[name] ?? 0) + 1;
        return reads[name] === 1 ? fields[name] : 'changed';
      };
      Object.defineProperty(notification, name, { enumerable: true, get });
    }
    const preparer = new RequestPreparer({ auth: 'token' });
    const pending = preparer.prepare(notification as Notification, 0);
    expect(pending).toMatchObject(fields);
    expect(Object.values(reads)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('that breaks a rule of every protocol is refused', () => {
    const preparer = new RequestPreparer({ auth: 'token' });
    for (const [field, value] of [
      ['deviceToken', 'xyz'],
      ['payload', ''],
      ['apnsId', 'x'],
      ['expiration', -1],
      ['collapseId', 'c'.repeat(65)],
    ] as const) {
      const broken = { ...good, [field]: value };
      expect(() => preparer.prepare(broken, 0)).toThrow(expect.objectContaining({ field }));
    }
  });

  it('that a parser made has its fields in the record, too', () => {
    const notification = { ...good, collapseId: 'c', context: 7 };
    setParsed(notification, 3, 100);
    const pending = new RequestPreparer({ auth: 'token' }).prepare(notification, 0);
    expect(pending.given).toBe(notification);
    expect(pending).toMatchObject({ ...notification, heldBytes: pending.payload.length + 100 });
  });

  it('to a channel is a broadcast with the rules of one, and 5,120 bytes', () => {
    const preparer = new RequestPreparer({ auth: 'token', defaultTopic: 'com.example.app' });
    const channel = { channelId: 'dHN0LXNyY2gtY2hubA==', payload: '{"aps":{}}' } as unknown as Notification;
    const pending = preparer.prepare(channel, 3);
    expect(pending.broadcast?.path).toBe('/4/broadcasts/apps/com.example.app');
    expect(pending.broadcast?.headers).toContainEqual(['apns-request-id', pending.apnsId]);
    const topic = 'com.example.app.push-type.liveactivity';
    expect(preparer.prepare({ ...channel, topic }, 0).broadcast?.path).toBe(pending.broadcast?.path);
    const long = (bytes: number) => ({ ...channel, payload: `"${'x'.repeat(bytes - 2)}"` });
    preparer.prepare(long(5120), 0);
    expect(() => preparer.prepare(long(5121), 0)).toThrow(expect.objectContaining({ field: 'payload' }));
    expect(preparer.prepare(good, 0).broadcast).toBeUndefined();
  });

  it('to a device does not pass for what a broadcast with the same fields has passed', () => {
    const preparer = new RequestPreparer({ auth: 'token' });
    const fields = { payload: '{"aps":{}}', topic: 'com.example.app', pushType: 'liveactivity' };
    preparer.prepare({ ...fields, channelId: 'dHN0LXNyY2gtY2hubA==' } as unknown as Notification, 0);
    expect(() => preparer.prepare({ ...fields, deviceToken: TOKEN }, 0)).toThrow(
      expect.objectContaining({ field: 'topic' }),
    );
  });

  it('holds its own copy of a payload in bytes, and the fields that it was given', () => {
    const preparer = new RequestPreparer({ auth: 'token', defaultTopic: 'com.example.other' });
    const payload = Buffer.from('{"aps":{}}');
    const apnsId = '01234567-89ab-cdef-0123-456789abcdef';
    const given = {
      ...good,
      payload,
      apnsId,
      collapseId: 'c',
      expiration: new Date(90_000),
      priority: 5 as const,
      identifier: 7,
      context: 'x'.repeat(50),
    };
    const pending = preparer.prepare(given, 1234);
    payload.fill(0);
    expect(String(pending.payload)).toBe('{"aps":{}}');
    expect(pending.given).toBe(given);
    expect(pending).toMatchObject({
      apnsId,
      topic: 'com.example.app',
      pushType: 'alert',
      collapseId: 'c',
      expiration: 90,
      priority: 5,
      identifier: 7,
      enqueuedAt: 1234,
      heldBytes: 10 + 50,
      isReauthorized: false,
    });
    const plain = preparer.prepare({ deviceToken: TOKEN, payload: '{}' }, 0);
    expect(plain).toMatchObject({ topic: 'com.example.other', priority: undefined, expiration: undefined });
    expect([plain.apnsId.length, plain.heldBytes, plain.payload]).toEqual([36, 2, '{}']);
  });
});
