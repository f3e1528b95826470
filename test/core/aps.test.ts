/**
 * Half of this is checked by the compiler alone (`npm run types`): a line under `@ts-expect-error` that
 * compiles is an error. The other half holds the types against the rules that look at payloads at run time.
 */
import { describe, expect, expectTypeOf, it } from 'vitest';
import type {
  Aps,
  ApsPayload,
  LiveActivityAps,
  LiveActivityStartAps,
  Notification,
} from '../../src/index.js';
import { APS_KEYS } from '../../src/rules/aps-value.js';
import { lintNotification } from '../../src/rules/rules.js';

const NOW = 1_800_000_000;

const alert = {
  aps: {
    alert: { title: 'Game', subtitle: 'Five Card Draw', 'loc-key': 'INVITE', 'loc-args': ['Bob'] },
    badge: 9,
    sound: { critical: 1, name: 'bell.aiff', volume: 0.5 },
    'thread-id': 'game-7',
    category: 'INVITE',
    'content-available': 1,
    'mutable-content': 1,
    'target-content-id': 'window-1',
    'interruption-level': 'time-sensitive',
    'relevance-score': 0.5,
    'filter-criteria': 'work',
  },
  gameId: 7,
} satisfies ApsPayload;

const start = {
  event: 'start',
  timestamp: NOW,
  'content-state': { score: 0 },
  'attributes-type': 'GameAttributes',
  attributes: { home: 'A' },
  alert: { title: { 'loc-key': 'KICK_OFF', 'loc-args': ['A'] }, body: 'Kick-off', sound: 'default' },
  'input-push-token': 1,
  'stale-date': NOW + 600,
} satisfies LiveActivityAps;

const events: Record<string, LiveActivityAps> = {
  start,
  update: { event: 'update', timestamp: NOW, 'content-state': {}, 'relevance-score': 75 },
  end: { event: 'end', timestamp: NOW, 'dismissal-date': NOW },
};

describe('the types of payloads', () => {
  it('fit what the rules have nothing to say about', () => {
    const context = { auth: 'token', defaultTopic: 'com.example.app' } as const;
    const notification: Notification = { deviceToken: 'ab', payload: alert, pushType: 'alert' };
    expect(lintNotification(notification, context)).toEqual([]);
    const topic = 'com.example.app.push-type.liveactivity';
    for (const aps of Object.values(events)) {
      const update = { deviceToken: 'ab', payload: { aps }, pushType: 'liveactivity', topic };
      expect(lintNotification(update, context)).toEqual([]);
    }
  });

  it('name the keys that the rules know', () => {
    for (const key of [...Object.keys(alert.aps), ...Object.values(events).flatMap(Object.keys)]) {
      expect(Object.keys(APS_KEYS)).toContain(key);
    }
    expectTypeOf<keyof typeof APS_KEYS>().toEqualTypeOf<
      keyof Aps | keyof LiveActivityStartAps | 'dismissal-date'
    >();
  });

  it('are what an editor completes inside a notification', () => {
    type Payload = Exclude<Notification['payload'], string | Uint8Array>;
    expectTypeOf<Payload>().toEqualTypeOf<ApsPayload>();
    expectTypeOf<NonNullable<Payload['aps']>>().toEqualTypeOf<Aps | LiveActivityAps>();
    expectTypeOf<LiveActivityAps['event']>().toEqualTypeOf<'start' | 'update' | 'end'>();
  });

  it('refuse what Apple would not understand', () => {
    const payloads: ApsPayload[] = [
      // @ts-expect-error a badge is a number
      { aps: { badge: '1' } },
      // @ts-expect-error content-available, with a hyphen
      { aps: { content_available: 1 } },
      // @ts-expect-error one of four levels
      { aps: { 'interruption-level': 'urgent' } },
      // @ts-expect-error an event needs its timestamp
      { aps: { event: 'end' } },
      // @ts-expect-error what starts a Live Activity says of which type it is
      { aps: { event: 'start', timestamp: NOW, 'content-state': {}, attributes: {}, alert: {} } },
    ];
    expect(payloads).toHaveLength(5);
  });

  it('let every other object, text and bytes pass', () => {
    interface Ours {
      order: number;
    }
    class Message {
      readonly id = 1;
    }
    const ours: Ours = { order: 1 };
    const anything: object = {};
    const payloads: Notification['payload'][] = [
      {},
      { mdm: 'magic' },
      { aps: {}, ours },
      ours,
      new Message(),
      anything,
      '{}',
      new Uint8Array(2),
    ];
    expect(payloads).toHaveLength(8);
  });
});
