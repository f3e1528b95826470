import { expect, it } from 'vitest';
import {
  isKnownPushType,
  maxPayloadBytes,
  PUSH_TYPES,
  pushTypeOfTopic,
  topicSuffix,
} from '../../../src/protocol/apns/push-type.js';

/** Apple, "Sending notification requests to APNs": apns-push-type, and the topic that goes with it. */
const SUFFIXES = {
  alert: undefined,
  background: undefined,
  complication: '.complication',
  controls: '.push-type.controls',
  fileprovider: '.pushkit.fileprovider',
  liveactivity: '.push-type.liveactivity',
  location: '.location-query',
  mdm: undefined,
  pushtotalk: '.voip-ptt',
  voip: '.voip',
  widgets: '.push-type.widgets',
};

it.each(Object.entries(SUFFIXES))('wants for push type %s a topic that ends in %s', (pushType, suffix) => {
  expect(isKnownPushType(pushType)).toBe(true);
  expect(topicSuffix(pushType)).toBe(suffix);
  if (suffix !== undefined) expect(pushTypeOfTopic(`com.example.app${suffix}`)).toBe(pushType);
});

it('knows no other push type, and no other suffix', () => {
  expect(PUSH_TYPES).toEqual(Object.keys(SUFFIXES));
  expect(isKnownPushType('Alert')).toBe(false);
  expect(isKnownPushType('constructor')).toBe(false);
  expect(topicSuffix('hologram')).toBeUndefined();
  for (const topic of ['com.example.app', 'com.example.undefined', 'com.example.app.voip.x', 'voip']) {
    expect(pushTypeOfTopic(topic)).toBeUndefined();
  }
});

it.each([
  ['voip', false, 5120],
  ['alert', false, 4096],
  ['hologram', false, 4096],
  [undefined, false, 4096],
  ['', false, 4096],
  ['liveactivity', true, 5120],
  [undefined, true, 5120],
])('allows with push type %s (broadcast: %s) %i bytes', (pushType, broadcast, bytes) => {
  expect(maxPayloadBytes(pushType, broadcast)).toBe(bytes);
});
