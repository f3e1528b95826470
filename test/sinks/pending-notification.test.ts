import { expect, test } from 'vitest';
import type { Notification } from '../../src/notification.js';
import { NotificationPreparer } from '../../src/sinks/pending-notification.js';
import { startRawGateway } from '../support/http2-raw-gateway.js';
import { sendAll, tokenOf } from '../support/http2-sending.js';

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
    const preparer = new NotificationPreparer({ auth: 'token' });
    const prepare = (fields: object) => preparer.prepare(fields as Notification, 0);
    for (let i = 0; i < 2; i++) {
      expect(() => prepare(passing)).not.toThrow();
      expect(() => prepare({ ...passing, ...change })).toThrow(
        expect.objectContaining({ code: 'APNS_ERR_INVALID_NOTIFICATION', field }),
      );
    }
  },
);
