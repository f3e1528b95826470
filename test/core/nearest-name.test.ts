import { expect, it } from 'vitest';
import { nearestName } from '../../src/core/nearest-name.js';
import { NOTIFICATION_FIELDS } from '../../src/core/notification.js';

it.each([
  ['token', 'deviceToken'],
  ['device_token', 'deviceToken'],
  ['DEVICETOKEN', 'deviceToken'],
  ['paylod', 'payload'],
  ['expiratoin', 'expiration'],
  ['prio', 'priority'],
  ['id', undefined],
  ['paylaod', 'payload'],
  ['colapse-id', 'collapseId'],
  ['sound', undefined],
  ['aps', undefined],
  ['ident', 'identifier'],
  ['apns-topic', 'topic'],
  ['', undefined],
  ['x'.repeat(41), undefined],
])('takes %j for %j', (name, nearest) => {
  expect(nearestName(name, NOTIFICATION_FIELDS)).toBe(nearest);
});

it('prefers the nearest name to one that merely contains it', () => {
  expect(nearestName('outcome', ['json-outcomes-extra', 'outcomes'])).toBe('outcomes');
});

it('takes two letters in the wrong order for one mistake', () => {
  expect(nearestName('sned', ['feedback', 'send'])).toBe('send');
});
