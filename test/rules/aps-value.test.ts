import { describe, expect, it } from 'vitest';
import {
  ALERT_KEYS,
  APS_KEYS,
  isObject,
  type KeyChecks,
  LIVE_ACTIVITY_ALERT_KEYS,
  SOUND_KEYS,
  valueProblem,
} from '../../src/rules/aps-value.js';

const NOW = 1_800_000_000;

/** By type: how a problem with it is put, values that are of it, and values that are not. */
const TYPES = {
  text: ['a string', ['', 'x'], [1, null, {}, ['x']]],
  number: ['a number', [0, 0.5, -1], ['1', null, {}]],
  whole: ['a whole number of at least 0', [0, 7], [-1, 0.5, '1', null]],
  object: ['an object', [{}], ['x', null, []]],
  textOrObject: ['a string or an object', ['x', {}], [1, null, ['x']]],
  flag: ['1 or 0', [0, 1], [2, true, '1', null]],
  boolean: ['true or false', [true, false], [1, 'true', null]],
  one: ['1', [1], [0, true, '1']],
  array: ['an array', [[], [1]], ['x', {}, null]],
  texts: ['an array of strings', [[], ['x', 'y']], ['x', [1], ['x', null], null]],
  volume: ['a number from 0 to 1', [0, 0.5, 1], [-0.1, 1.1, '1', null]],
  level: [
    'passive, active, time-sensitive or critical',
    ['passive', 'active', 'time-sensitive', 'critical'],
    ['', 'urgent', 1, null],
  ],
  event: ['start, update or end', ['start', 'update', 'end'], ['', 'stop', null]],
  seconds: ['UNIX seconds', [NOW, 1_000_000_000], ['1800000000', -1, null, NOW * 1000]],
  localized: ['a string or an object', ['x', {}, { 'loc-key': 'k' }], [1, null, ['x']]],
} as const;

const TABLES: readonly [name: string, checks: KeyChecks, types: Record<string, keyof typeof TYPES>][] = [
  [
    'aps',
    APS_KEYS,
    {
      alert: 'textOrObject',
      badge: 'whole',
      sound: 'textOrObject',
      'thread-id': 'text',
      category: 'text',
      'content-available': 'flag',
      'mutable-content': 'flag',
      'target-content-id': 'text',
      'interruption-level': 'level',
      'relevance-score': 'number',
      'filter-criteria': 'text',
      'content-changed': 'boolean',
      'url-args': 'array',
      event: 'event',
      timestamp: 'seconds',
      'content-state': 'object',
      'stale-date': 'seconds',
      'dismissal-date': 'seconds',
      'attributes-type': 'text',
      attributes: 'object',
      'input-push-token': 'one',
      'input-push-channel': 'text',
    },
  ],
  [
    'alert',
    ALERT_KEYS,
    {
      title: 'text',
      subtitle: 'text',
      body: 'text',
      'launch-image': 'text',
      'title-loc-key': 'text',
      'title-loc-args': 'texts',
      'subtitle-loc-key': 'text',
      'subtitle-loc-args': 'texts',
      'loc-key': 'text',
      'loc-args': 'texts',
      'action-loc-key': 'text',
      action: 'text',
      'summary-arg': 'text',
      'summary-arg-count': 'number',
    },
  ],
  [
    'alert of a Live Activity',
    LIVE_ACTIVITY_ALERT_KEYS,
    { title: 'localized', body: 'localized', sound: 'text' },
  ],
  ['sound', SOUND_KEYS, { critical: 'flag', name: 'text', volume: 'volume' }],
];

describe.each(TABLES)('the keys of %s', (_name, checks, types) => {
  it('are those that Apple defines', () => {
    expect(Object.keys(checks).toSorted()).toEqual(Object.keys(types).toSorted());
  });

  it.each(Object.entries(types))('take for %s what is %s, and say so of anything else', (key, type) => {
    const [wanted, good, bad] = TYPES[type];
    for (const value of good) expect(valueProblem(checks, { [key]: value }), `${value}`).toBeUndefined();
    for (const value of bad) {
      const problem = expect.stringMatching(new RegExp(`^must be ${wanted}`));
      expect(valueProblem(checks, { [key]: value }), `${value}`).toEqual({ key, problem });
    }
  });
});

it('a time in milliseconds is told from other wrong times', () => {
  const problemOf = (timestamp: unknown) => valueProblem(APS_KEYS, { timestamp })?.problem;
  expect(problemOf(100_000_000_000)).toContain('milliseconds');
  expect(problemOf(99_999_999_999)).toBeUndefined();
  expect(problemOf('100000000000')).not.toContain('milliseconds');
});

it('a localized text is checked key by key', () => {
  const problemOf = (title: unknown) => valueProblem(LIVE_ACTIVITY_ALERT_KEYS, { title })?.problem;
  expect(problemOf({ 'loc-key': 'k', 'loc-args': ['a'] })).toBeUndefined();
  expect(problemOf({ 'loc-key': 1 })).toMatch(/^has a loc-key that must be a string/);
  expect(problemOf({ 'loc-args': [1] })).toMatch(/^has a loc-args that must be an array of strings/);
});

it('the first key with a wrong value is named, and unknown keys are passed over', () => {
  expect(valueProblem(SOUND_KEYS, { other: 1, toString: 1, critical: 1, name: 2, volume: 3 })).toMatchObject({
    key: 'name',
  });
  expect(valueProblem(SOUND_KEYS, {})).toBeUndefined();
});

it('a JSON object is no array and not null', () => {
  expect([{}, [], null, 'x', 1, undefined].map(isObject)).toEqual([true, false, false, false, false, false]);
});
