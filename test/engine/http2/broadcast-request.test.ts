import { expect, test } from 'vitest';
import type { InvalidNotificationError } from '../../../src/core/errors.js';
import { NotificationRecord } from '../../../src/core/notification.js';
import { createBroadcastRequest } from '../../../src/engine/http2/broadcast-request.js';

const CHANNEL = 'dHN0LXNyY2gtY2hubA==';

function request(fields: object, bundleId?: string) {
  const record = new NotificationRecord().read({ channelId: CHANNEL, payload: '{}', ...fields } as never);
  return createBroadcastRequest(record, bundleId, 'id-1');
}

test('is a POST to the app, with the headers that Apple demands', () => {
  expect(request({ topic: 'com.example.app' })).toEqual({
    method: 'POST',
    path: '/4/broadcasts/apps/com.example.app',
    headers: [
      ['apns-push-type', 'liveactivity'],
      ['apns-channel-id', CHANNEL],
      ['apns-expiration', '0'],
      ['apns-priority', '10'],
      ['apns-request-id', 'id-1'],
    ],
  });
});

test('has the expiration and the priority of the notification', () => {
  const { headers } = request({ expiration: new Date(90_000), priority: 5 }, 'com.example.app');
  expect(headers).toContainEqual(['apns-expiration', '90']);
  expect(headers).toContainEqual(['apns-priority', '5']);
});

test('goes to the bundle identifier: its own topic before the default, without the suffix, and escaped', () => {
  const pathOf = (topic: string | undefined, bundleId?: string): string => request({ topic }, bundleId).path;
  expect(pathOf(undefined, 'com.example.app')).toBe('/4/broadcasts/apps/com.example.app');
  expect(pathOf('com.example.own', 'com.example.app')).toBe('/4/broadcasts/apps/com.example.own');
  expect(pathOf('com.example.app.push-type.liveactivity')).toBe('/4/broadcasts/apps/com.example.app');
  expect(pathOf('a/b?c')).toBe('/4/broadcasts/apps/a%2Fb%3Fc');
});

test('is refused without a topic, and for another push type', () => {
  const fieldOf = (make: () => unknown): string | undefined => {
    try {
      make();
    } catch (error) {
      return (error as InvalidNotificationError).field;
    }
    return undefined;
  };
  expect(fieldOf(() => request({}))).toBe('topic');
  expect(fieldOf(() => request({ pushType: 'alert' }, 'com.example.app'))).toBe('pushType');
  expect(fieldOf(() => request({ pushType: 'liveactivity' }, 'com.example.app'))).toBeUndefined();
});
