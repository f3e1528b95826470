import { expect, it } from 'vitest';
import type { Notification } from '../../src/core/notification.js';
import {
  goesWithoutAps,
  impliedPushType,
  isBroadcast,
  pushTypeOf,
  topicOf,
} from '../../src/rules/rule-subject.js';

const TO_CHANNEL = { channelId: 'dHN0LXNyY2gtY2hubA==' };
const DEFAULT = { auth: 'token', defaultTopic: 'com.example.app' } as const;
const NONE = { auth: 'certificate' } as const;

function notification(fields: object): Notification {
  return { deviceToken: 'channelId' in fields ? undefined : 'ab', payload: {}, ...fields } as Notification;
}

it.each([
  ['the one it names', { pushType: 'voip', topic: 'com.example.app.complication' }, 'voip', 'voip'],
  ['the one it names, in a broadcast', { ...TO_CHANNEL, pushType: 'alert' }, 'alert', 'alert'],
  ['liveactivity in a broadcast that names none', TO_CHANNEL, 'liveactivity', 'liveactivity'],
  ['none', { topic: 'com.example.app' }, undefined, undefined],
  ['none, while its topic names one', { topic: 'com.example.app.voip' }, undefined, 'voip'],
])('a notification is sent with the push type: %s', (_what, fields, pushType, implied) => {
  expect(pushTypeOf(notification(fields))).toBe(pushType);
  expect(impliedPushType(notification(fields), NONE)).toBe(implied);
});

it('a notification without topic is for the push type of the default topic, if there is one', () => {
  expect(impliedPushType(notification({}), NONE)).toBeUndefined();
  expect(impliedPushType(notification({}), { auth: 'token', defaultTopic: 'com.example.app.voip' })).toBe(
    'voip',
  );
});

it('a notification is sent with its own topic, or else the default one', () => {
  expect(topicOf(notification({ topic: 'a' }), DEFAULT)).toBe('a');
  expect(topicOf(notification({}), DEFAULT)).toBe('com.example.app');
  expect(topicOf(notification({}), NONE)).toBeUndefined();
});

it('a notification is a broadcast where it has a channel', () => {
  expect(isBroadcast(notification(TO_CHANNEL))).toBe(true);
  expect(isBroadcast(notification({}))).toBe(false);
});

it.each([
  ['pass.com.example.ticket', true],
  ['com.apple.mgmt.External.x', true],
  ['com.example.pass.app', false],
  ['com.example.com.apple.mgmt.x', false],
  ['passXcom.example', false],
  [undefined, false],
])('Wallet and device management take a notification of topic %s without aps: %s', (topic, expected) => {
  expect(goesWithoutAps(notification({ topic }), NONE)).toBe(expected);
});
