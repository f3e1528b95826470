import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidNotificationError } from '../../src/core/errors.js';
import type { Notification } from '../../src/core/notification.js';
import { getSourceLine, setSourceLine } from '../../src/core/source-line.js';
import type { Http2RuleContext } from '../../src/rules/rule.js';
import {
  checkHttp2Notification,
  checkHttp2PayloadBytes,
  HTTP2_RULES,
  type LintFinding,
  lintNotification,
} from '../../src/rules/rules.js';

const TOKEN = '000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';
const APP = 'com.example.app';
const NOW = 1_800_000_000;
const token: Http2RuleContext = { auth: 'token' };
const certificate: Http2RuleContext = { auth: 'certificate' };

/** A notification that no rule has anything to say about, changed. */
function notification(change: object = {}): Notification {
  return {
    deviceToken: TOKEN,
    payload: { aps: { alert: 'hi' } },
    topic: APP,
    pushType: 'alert',
    ...change,
  } as Notification;
}

const live = (aps: object): object => ({
  pushType: 'liveactivity',
  topic: `${APP}.push-type.liveactivity`,
  payload: { aps: { timestamp: NOW, event: 'update', 'content-state': { score: 1 }, ...aps } },
});
/** To a channel: without a push type of its own, and with the bare bundle identifier. */
const broadcast = (aps: object, change: object = {}): object => ({
  ...live(aps),
  deviceToken: undefined,
  channelId: 'dHN0LXNyY2gtY2hubA==',
  topic: APP,
  pushType: undefined,
  ...change,
});
const background = (aps: object): object => ({ pushType: 'background', priority: 5, payload: { aps } });
const text = (bytes: number): string => `{"aps":{"alert":"${'x'.repeat(bytes - 20)}"}}`;

type Case = [name: string, change: object, context?: Http2RuleContext];

/** Each breaks its rule; those that share a rule differ in the condition they meet. */
const BREACHES: Case[] = [
  ['notification', { token: 'x' }],
  ['device-token', { deviceToken: 'xyz' }],
  ['payload', { payload: '' }],
  ['identifier', { identifier: -1 }],
  ['expiration', { expiration: 1_800_000_000_000 }],
  ['priority', { priority: 7 }],
  ['topic', { topic: 'a\r\napns-priority: 1' }],
  ['push-type', { pushType: ' alert' }],
  ['collapse-id', { collapseId: 'x'.repeat(65) }],
  ['collapse-id', { collapseId: 'é'.repeat(33) }],
  ['apns-id', { apnsId: 'AABBCCDD-0011-2233-4455-66778899AABB' }],
  ['expiration-relative', { expiration: 3600 }],
  ['expiration-relative', { expiration: 999_999_999 }],
  ['expiration-relative', { expiration: new Date(3_600_000) }],
  ['priority-background', { ...background({ 'content-available': 1 }), priority: 10 }],
  ['priority-background', { ...background({ 'content-available': 1 }), priority: 1 }],
  ['priority-live-activity', { ...live({}), priority: 1 }],
  ['topic-missing', { topic: undefined }],
  ['topic-missing', broadcast({}, { topic: undefined })],
  ['topic-missing', broadcast({}, { topic: undefined }), certificate],
  ['topic-ascii', { topic: 'com.exämple.app' }],
  ['topic-suffix', { pushType: 'voip' }],
  ['topic-suffix', { pushType: 'voip', topic: `${APP}.voip-ptt` }],
  ['topic-suffix', { pushType: 'pushtotalk', topic: `${APP}.voip` }],
  ['topic-suffix', { pushType: 'location', topic: undefined }, { auth: 'token', defaultTopic: APP }],
  ['topic-suffix-complication', { pushType: 'complication' }],
  ['topic-of-other-push-type', { topic: `${APP}.voip` }],
  ['topic-of-other-push-type', broadcast({}, { topic: `${APP}.voip` })],
  ['push-type-missing', { pushType: undefined }],
  ['push-type-unknown', { pushType: 'Alert' }],
  ['push-type-unknown', { pushType: 'somethingnew' }],
  ['push-type-ascii', { pushType: 'alért' }],
  ['push-type-location', { pushType: 'location', topic: `${APP}.location-query` }, certificate],
  ['push-type-broadcast', broadcast({}, { pushType: 'alert' })],
  ['collapse-id-broadcast', broadcast({}, { collapseId: 'score' })],
  ['collapse-id-ascii', { collapseId: 'spiel-köln' }],
  ['payload-size', { payload: text(4097) }],
  ['payload-size', { payload: { aps: { alert: 'é'.repeat(2040) } } }],
  ['payload-size', { payload: text(5121), pushType: 'voip', topic: `${APP}.voip` }],
  ['payload-size', broadcast({ 'content-state': { text: 'x'.repeat(5060) } })],
  ['payload-json', { payload: '{"aps":' }],
  ['payload-json', { payload: Buffer.from('[]') }],
  ['aps-missing', { payload: { alert: 'hi' } }],
  ['aps-missing', { payload: { aps: [] } }],
  ['aps-key', { payload: { aps: { alert: 'hi', content_available: 1 } } }],
  ['aps-value', { payload: { aps: { alert: 'hi', badge: '1' } } }],
  ['aps-value', { payload: '{"aps":{"alert":"hi","content-available":true}}' }],
  ['aps-value', live({ 'stale-date': 1_800_000_000_000 })],
  ['alert-content', { payload: { aps: { 'content-available': 1 } } }],
  ['background-content', background({})],
  ['background-shown', background({ 'content-available': 1, sound: 'default' })],
  ['live-activity-event', live({ event: undefined })],
  ['live-activity-timestamp', live({ timestamp: undefined })],
  ['live-activity-timestamp', live({ timestamp: 1_800_000_000_000 })],
  ['live-activity-state', live({ 'content-state': undefined })],
  ['live-activity-start', live({ event: 'start', attributes: {}, alert: { title: 't' } })],
  [
    'live-activity-push-type',
    { payload: { aps: { alert: 'hi', timestamp: NOW, event: 'end', 'content-state': {} } } },
  ],
  ['live-activity-timestamp', live({ timestamp: 60 })],
  ['live-activity-timestamp', broadcast({ timestamp: undefined })],
  ['live-activity-dismissal', live({ event: 'end', 'dismissal-date': NOW + 4 * 3600 + 1 })],
  ['live-activity-input-push', live({ 'input-push-token': 1, 'input-push-channel': 'YQ==' })],
  ['broadcast-event', broadcast({ event: 'start' })],
  ['aps-missing', { payload: {} }],
  ['aps-value', { payload: { aps: { badge: -1 } } }],
  ['relevance-score', { payload: { aps: { alert: 'hi', 'relevance-score': 7 } } }],
  ['relevance-score', { payload: { aps: { alert: 'hi', 'relevance-score': -0.1 } } }],
  ['alert-empty', { payload: { aps: { alert: '' } } }],
  ['alert-empty', { payload: { aps: { alert: {} } } }],
  ['alert-empty', live({ alert: {} })],
  ['alert-key', { payload: { aps: { alert: { text: 'hi' } } } }],
  ['alert-key', live({ alert: { subtitle: 's' } })],
  ['alert-key', live({ event: undefined, alert: { subtitle: 's' } })],
  ['alert-value', { payload: { aps: { alert: { 'title-loc-args': 't' } } } }],
  ['alert-value', live({ alert: { title: { 'loc-key': 1 } } })],
  ['sound-key', { payload: { aps: { sound: { critcal: 1 } } } }],
  ['sound-value', { payload: { aps: { sound: { volume: -0.1 } } } }],
  ['mutable-content-alert', { payload: { aps: { badge: 1, 'mutable-content': 1 } } }],
  ['payload-repeated-key', { payload: '{"aps":{"alert":"a"},"aps":{"alert":"b"}}' }],
  ['payload-null', { payload: { aps: { alert: 'hi' }, ours: [{ deep: null }] } }],
  ['payload-surrogate', { payload: { aps: { alert: 'hi \ud83d' } } }],
  ['payload-surrogate', { payload: { aps: { alert: 'hi' }, ['\ud83d']: 1 } }],
  ['payload-object-text', { payload: { aps: { alert: '[object Object]' } } }],
  ['payload-object-text', { payload: { aps: { alert: { body: 'undefined' } } } }],
  ['alert-escape', { payload: { aps: { alert: 'hi \\ud83d\\ude09' } } }],
  ['widgets-content', { pushType: 'widgets', topic: `${APP}.push-type.widgets`, payload: { aps: {} } }],
];

/** No rule has anything to say about these. */
const CLEAN: Case[] = [
  ['an alert', {}],
  [
    'an alert with everything',
    {
      expiration: NOW,
      priority: 10,
      identifier: 7,
      collapseId: 'score.7',
      apnsId: 'aabbccdd-0011-2233-4455-66778899aabb',
      context: { order: 1 },
      payload: {
        aps: {
          alert: { title: 't', 'loc-key': 'k', 'loc-args': ['a'] },
          badge: 0,
          sound: { critical: 1, name: 'default', volume: 0.5 },
          'thread-id': 't',
          'mutable-content': 1,
          'interruption-level': 'time-sensitive',
          'relevance-score': 0.5,
        },
        ours: [1, 2],
      },
    },
  ],
  ['an expiration of 0', { expiration: 0 }],
  ['the first expiration that is plausible', { expiration: 1_000_000_000 }],
  ['a priority of 1', { priority: 1 }],
  ['a call by certificate, whose topic is the only one', { pushType: 'voip', topic: undefined }, certificate],
  ['a badge alone', { payload: { aps: { badge: 3 } } }],
  ['a payload of 4096 bytes', { payload: text(4096) }],
  ['a payload in bytes', { payload: Buffer.from('{"aps":{"alert":"hi"}}') }],
  ['the default topic', { topic: undefined }, { auth: 'token', defaultTopic: APP }],
  ['a certificate without a topic', { topic: undefined }, certificate],
  ['a background notification', background({ 'content-available': 1 })],
  [
    'a background notification without a priority, which is sent with 5',
    { ...background({ 'content-available': 1 }), priority: undefined },
  ],
  ['a broadcast', broadcast({})],
  ['a broadcast with its push type', broadcast({}, { pushType: 'liveactivity' })],
  ['a broadcast with the suffix that it loses', broadcast({}, { topic: `${APP}.push-type.liveactivity` })],
  [
    'a broadcast of the default topic',
    broadcast({}, { topic: undefined }),
    { auth: 'token', defaultTopic: APP },
  ],
  ['a Wallet pass', { topic: 'pass.com.example.ticket', pushType: undefined, payload: {} }],
  ['a call with 5120 bytes', { pushType: 'voip', topic: `${APP}.voip`, payload: text(5120) }],
  ['a call with a payload of its own', { pushType: 'voip', topic: `${APP}.voip`, payload: { call: 1 } }],
  ['push to talk', { pushType: 'pushtotalk', topic: `${APP}.voip-ptt`, payload: { speaker: 'x' } }],
  ['a location query', { pushType: 'location', topic: `${APP}.location-query`, payload: {} }],
  ['a file provider', { pushType: 'fileprovider', topic: `${APP}.pushkit.fileprovider`, payload: {} }],
  ['a complication', { pushType: 'complication', topic: `${APP}.complication`, payload: { v: 1 } }],
  ['device management', { pushType: 'mdm', topic: 'com.apple.mgmt.External.x', payload: { mdm: 'x' } }],
  ['the update of a Live Activity', live({})],
  ['the end of a Live Activity', live({ event: 'end', 'content-state': undefined, 'dismissal-date': 0 })],
  [
    'the start of a Live Activity',
    live({
      event: 'start',
      'attributes-type': 'Game',
      attributes: {},
      alert: { title: { 'loc-key': 'k' }, body: 'b' },
      'input-push-token': 1,
    }),
  ],
  [
    'a widget',
    {
      pushType: 'widgets',
      topic: `${APP}.push-type.widgets`,
      payload: { aps: { 'content-changed': true } },
    },
  ],
];

/** Each rule, how grave a breach of it is, and the field that a finding names. */
const TABLE = `
  notification error undefined
  device-token error deviceToken
  payload error payload
  identifier error identifier
  expiration error expiration
  priority error priority
  topic error topic
  push-type error pushType
  collapse-id error collapseId
  apns-id error apnsId
  expiration-relative warning expiration
  priority-background error priority
  priority-live-activity warning priority
  topic-missing error topic
  topic-ascii error topic
  topic-suffix error topic
  topic-suffix-complication warning topic
  topic-of-other-push-type warning topic
  push-type-missing warning pushType
  push-type-unknown error pushType
  push-type-ascii error pushType
  push-type-location error pushType
  push-type-broadcast error pushType
  collapse-id-broadcast warning collapseId
  collapse-id-ascii warning collapseId
  payload-size error payload
  payload-json warning payload
  aps-missing warning payload
  aps-key warning payload
  aps-value warning payload
  relevance-score warning payload
  background-content warning payload
  background-shown warning payload
  widgets-content warning payload
  alert-content warning payload
  alert-empty warning payload
  alert-key warning payload
  alert-value warning payload
  sound-key warning payload
  sound-value warning payload
  mutable-content-alert warning payload
  live-activity-event warning payload
  live-activity-timestamp warning payload
  live-activity-state warning payload
  live-activity-start warning payload
  live-activity-push-type warning pushType
  live-activity-dismissal warning payload
  live-activity-input-push warning payload
  broadcast-event warning payload
  payload-repeated-key warning payload
  payload-null warning payload
  payload-surrogate warning payload
  payload-object-text warning payload
  alert-escape warning payload`;

const rulesOf = (findings: readonly LintFinding[]): string[] => findings.map(({ rule }) => rule);

/** Undefined values are absent keys once a payload is text. */
function lint(change: object, context = token): readonly LintFinding[] {
  const { payload, ...rest } = notification(change);
  const plain = typeof payload === 'object' && !(payload instanceof Uint8Array);
  return lintNotification({ ...rest, payload: plain ? JSON.stringify(payload) : payload }, context);
}

describe('lintNotification', () => {
  it.each(CLEAN)('has nothing to say about %s', (_what, change, context) => {
    expect(lint(change, context)).toEqual([]);
  });

  it.each(BREACHES)('finds %s in %j', (rule, change, context) => {
    const found = lint(change, context);
    expect(rulesOf(found)).toContain(rule);
    const { severity, field, source } = HTTP2_RULES.find(({ id }) => id === rule)!;
    const { message, ...rest } = found.find((finding) => finding.rule === rule)!;
    expect(rest).toEqual({
      rule,
      severity,
      source: source.url,
      ...(rule === 'notification' ? { field: 'token' } : { field }),
    });
    expect(message).not.toContain(TOKEN);
  });

  it('has a breach for every rule of the table, and no two rules of one name', () => {
    const ids = HTTP2_RULES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...new Set(BREACHES.map(([rule]) => rule))].sort()).toEqual([...ids].sort());
  });

  it('has these rules, which docs/rules.md explains', () => {
    const lines = HTTP2_RULES.map(({ id, severity, field }) => `${id} ${severity} ${field}`);
    expect(lines).toEqual(TABLE.trim().split(/\n */));
  });

  it.each([
    ['"alrt" in aps,', { payload: { aps: { alert: 'hi', alrt: 1 } } }],
    ['aps whose badge', { payload: { aps: { badge: '1' } } }],
    ['"bdy" in aps.alert,', { payload: { aps: { alert: { bdy: 'hi' } } } }],
    ['aps.alert whose title', { payload: { aps: { alert: { title: 1 } } } }],
    ['"nme" in aps.sound,', { payload: { aps: { sound: { nme: 'x' } } } }],
    ['aps.sound whose name', { payload: { aps: { sound: { name: 1 } } } }],
    ['aps.alert ', { payload: { aps: { alert: 'null' } } }],
    ['aps.alert.title-loc-args.0', { payload: { aps: { alert: { 'title-loc-args': ['undefined'] } } } }],
    ['aps.alert.subtitle-loc-args.1', { payload: { aps: { alert: { 'subtitle-loc-args': ['a', 'NaN'] } } } }],
    ['aps.alert.loc-args.0', { payload: { aps: { alert: { 'loc-args': ['undefined'] } } } }],
    ['aps.alert.title ', { payload: { aps: { alert: { title: 'undefined' } } } }],
    ['aps.alert.subtitle ', { payload: { aps: { alert: { subtitle: 'undefined' } } } }],
  ])('names %s where that is what is wrong', (path, change) => {
    const messages = lint(change).map(({ message }) => `${message} `);
    expect(messages.join()).toContain(path);
  });

  it.each([
    ['text that only starts like a missing value', { aps: { alert: 'null and void' } }],
    ['text that only ends like a missing value', { aps: { alert: 'not null' } }],
    ['a backslash before any other letter', { aps: { alert: 'C:\\temp \\u12 \\uzzzz' } }],
    ['a missing value in a key that is not shown', { aps: { alert: { title: 't', 'loc-key': 'null' } } }],
  ])('has nothing to say about %s', (_what, payload) => {
    expect(lint({ payload })).toEqual([]);
  });

  it.each([
    ['alert', ['alert-content']],
    ['background', ['background-content']],
    ['liveactivity', ['live-activity-event']],
    ['widgets', ['widgets-content']],
    ['controls', ['widgets-content']],
  ])('holds an empty aps of push type %s against what it is for', (pushType, rules) => {
    const suffix = {
      liveactivity: '.push-type.liveactivity',
      widgets: '.push-type.widgets',
      controls: '.push-type.controls',
    };
    const topic = `${APP}${suffix[pushType as 'widgets'] ?? ''}`;
    const priority = pushType === 'background' ? 5 : undefined;
    expect(rulesOf(lint({ pushType, topic, priority, payload: { aps: {} } }))).toEqual(
      expect.arrayContaining(rules),
    );
  });

  it.each(['alert', 'background', 'liveactivity', 'widgets', 'controls', undefined])(
    'asks for aps with push type %s',
    (pushType) => {
      expect(rulesOf(lint({ pushType, payload: { ours: 1 } }))).toContain('aps-missing');
    },
  );

  it('holds a Live Activity to the four hours after its own timestamp, and to no other time', () => {
    const rules = (aps: object) => rulesOf(lint(live({ event: 'end', ...aps })));
    expect(rules({ 'dismissal-date': NOW + 4 * 3600 })).toEqual([]);
    expect(rules({ 'dismissal-date': NOW + 4 * 3600 + 1 })).toEqual(['live-activity-dismissal']);
    expect(rules({ 'dismissal-date': NOW + 60 })).toEqual([]);
    expect(rules({ 'dismissal-date': 'soon' })).toEqual(['aps-value']);
    expect(rules({ timestamp: NOW, 'dismissal-date': NOW * 1000 })).toEqual(['aps-value']);
    expect(rules({ timestamp: 1_000_000_000, 'dismissal-date': NOW })).toEqual(['live-activity-dismissal']);
    expect(rules({ timestamp: 60, 'dismissal-date': NOW })).not.toContain('live-activity-dismissal');
    expect(rules({ timestamp: undefined, 'dismissal-date': NOW })).not.toContain('live-activity-dismissal');
  });

  it('asks for the state of a Live Activity that starts or is updated, and of nothing else', () => {
    const state = { 'content-state': undefined };
    expect(rulesOf(lint(live({ ...state, event: 'update' })))).toEqual(['live-activity-state']);
    expect(rulesOf(lint(live({ ...state, event: 'start' })))).toContain('live-activity-state');
    expect(rulesOf(lint({ payload: { aps: { alert: 'hi', event: 'update' } } }))).not.toContain(
      'live-activity-state',
    );
  });

  it('gives every finding, in the order of the table', () => {
    const findings = lint({
      expiration: 60,
      pushType: 'Alert',
      collapseId: 'ß',
      payload: { aps: { badge: 'x' } },
    });
    expect(rulesOf(findings)).toEqual([
      'expiration-relative',
      'push-type-unknown',
      'collapse-id-ascii',
      'aps-value',
    ]);
  });

  it('names every wrong key and every wrong value', () => {
    const aps = { alert: 'hi', bagde: 1, ours: 2, sond: 'x', badge: -1, 'thread-id': 7 };
    expect(lint({ payload: { aps } }).map(({ rule, message }) => `${rule}: ${message}`)).toEqual([
      'aps-key: has "bagde" in aps, did you mean badge?',
      'aps-key: has "ours" in aps, which is not one of Apple\'s keys; put your own keys beside aps',
      'aps-key: has "sond" in aps, did you mean sound?',
      'aps-value: has an aps whose badge must be a whole number of at least 0 (0 removes the badge), got -1',
      'aps-value: has an aps whose thread-id must be a string, got 7',
    ]);
  });

  it('names no more than 100 wrong keys of a dictionary', () => {
    const aps = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`own${i}`, 1]));
    expect(
      rulesOf(lint({ payload: { aps: { alert: 'hi', ...aps } } })).filter((id) => id === 'aps-key'),
    ).toHaveLength(100);
  });

  it.each([0, 0.5, 1])('takes %d as the relevance score of any notification', (score) => {
    expect(lint({ payload: { aps: { alert: 'hi', 'relevance-score': score } } })).toEqual([]);
  });

  it.each([-3, 0, 7, 100])('takes %d as the relevance score of a Live Activity', (score) => {
    expect(lint(live({ 'relevance-score': score }))).toEqual([]);
    expect(lint(broadcast({ 'relevance-score': score }))).toEqual([]);
  });

  it('shows what stands where a number or a word belongs', () => {
    const aps = { alert: 'hi', badge: '3', 'interruption-level': 'loud' };
    const messages = lint({ payload: { aps } }).map(({ message }) => message);
    expect(messages[0]).toContain('got the string "3": remove the quotes');
    expect(messages[1]).toContain('got the string "loud"');
  });

  it('suggests the name that was meant', () => {
    expect(lint({ pushType: 'liveActivity' })[0]?.message).toContain('liveactivity?');
    expect(lint({ payload: { aps: { alert: 'hi', threadId: 'x' } } })[0]?.message).toContain('thread-id?');
  });

  it('holds an alert to the rules of Live Activities where only the payload shows that it is one', () => {
    const alert = { title: { 'loc-key': 'k' }, sound: 'default' };
    expect(rulesOf(lint({ ...live({ alert }), pushType: 'alert', topic: APP }))).toEqual([
      'live-activity-push-type',
    ]);
  });

  it('reads a payload in bytes, and no more of what they lie in', () => {
    const bytes = new TextEncoder().encode('..{"aps":{"alert":"hi"}}..');
    expect(lintNotification(notification({ payload: bytes.subarray(2, -2) }), token)).toEqual([]);
  });

  it('survives a payload that no JSON can express', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(rulesOf(lintNotification(notification({ payload: cycle }), token))).toEqual(['payload']);
  });

  it('answers any payload text with findings, and each of them in one line', () => {
    const texts = fc.oneof(
      fc.json({ stringUnit: 'binary' }),
      fc.string({ minLength: 1 }),
      fc.record({ aps: fc.jsonValue(), ours: fc.jsonValue() }).map((payload) => JSON.stringify(payload)),
      fc
        .record({
          event: fc.constantFrom('start', 'end'),
          alert: fc.oneof(fc.jsonValue(), fc.record({ title: fc.jsonValue(), sound: fc.jsonValue() })),
          sound: fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('name', 'volume'), fc.jsonValue())),
          timestamp: fc.jsonValue(),
          'dismissal-date': fc.double(),
        })
        .map((aps) => JSON.stringify({ aps })),
    );
    fc.assert(
      fc.property(texts, fc.boolean(), (payload, toChannel) => {
        const given = toChannel ? broadcast({}, { payload }) : live({});
        for (const { message } of lintNotification(notification({ ...given, payload }), token)) {
          expect(message).toMatch(/^[^\n]{1,400}$/);
        }
      }),
    );
  });

  it('survives what is no notification', () => {
    for (const value of [null, 7, 'text', []]) {
      expect(rulesOf(lintNotification(value as unknown as Notification, token))).toEqual(['notification']);
    }
  });

  it('takes no key of Object.prototype for one of Apple', () => {
    expect(
      rulesOf(lint({ payload: '{"aps":{"alert":"x","constructor":1,"__proto__":{"badge":"x"}}}' })),
    ).toEqual(['aps-key', 'aps-key']);
  });
});

describe('checkHttp2Notification', () => {
  it.each(CLEAN)('passes %s', (_what, change, context = token) => {
    expect(() => checkHttp2Notification(notification(change), context)).not.toThrow();
  });

  it.each(BREACHES.filter(([rule]) => rule !== 'payload-size'))(
    'throws for %s in %j if that is an error',
    (rule, change, context = token) => {
      const refused = HTTP2_RULES.find(({ id }) => id === rule)!.severity === 'error';
      // APNs decides about push types, so that a new one can be sent.
      const errors = lint(change, context).filter(
        (found) => found.severity === 'error' && found.rule !== 'push-type-unknown',
      );
      const check = () => checkHttp2Notification(notification(change), context);
      if (errors.length === 0) {
        expect(refused).toBe(rule === 'push-type-unknown');
        expect(check).not.toThrow();
        return;
      }
      expect(check).toThrow(InvalidNotificationError);
      try {
        check();
      } catch (error) {
        const { code, field, problem } = error as InvalidNotificationError;
        expect(code).toBe('APNS_ERR_INVALID_NOTIFICATION');
        expect({ field, problem }).toEqual({ field: errors[0]!.field, problem: errors[0]!.message });
      }
    },
  );

  it('takes a payload for one to a device unless told otherwise', () => {
    expect(() => checkHttp2PayloadBytes(notification(), 4097)).toThrow(InvalidNotificationError);
  });

  it('names the line', () => {
    const refused = notification({ topic: undefined });
    setSourceLine(refused, 12);
    expect(getSourceLine(refused)).toBe(12);
    expect(() => checkHttp2Notification(refused, token)).toThrow(expect.objectContaining({ line: 12 }));
  });

  it('lets a push type pass that Apple adds some day', () => {
    expect(() => checkHttp2Notification(notification({ pushType: 'hologram' }), token)).not.toThrow();
  });
});

describe('checkHttp2PayloadBytes', () => {
  it.each([
    ['alert', 4096, false],
    ['voip', 5120, false],
    [undefined, 4096, false],
    ['hologram', 4096, false],
    ['liveactivity', 4096, false],
    ['liveactivity', 5120, true],
  ])('takes with push type %s up to %d bytes (broadcast: %s)', (pushType, max, broadcast) => {
    const given = notification({ pushType });
    expect(() => checkHttp2PayloadBytes(given, max, broadcast)).not.toThrow();
    expect(() => checkHttp2PayloadBytes(given, max + 1, broadcast)).toThrow(
      expect.objectContaining({ code: 'APNS_ERR_INVALID_NOTIFICATION', field: 'payload' }),
    );
  });
});
