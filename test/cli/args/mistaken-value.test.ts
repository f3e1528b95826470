import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  adviceForOperand,
  certainlyMistaken,
  type Mistaken,
  mistakenFor,
  shownValue,
} from '../../../src/cli/args/mistaken-value.js';
import { Secrets } from '../../support/secrets.js';

const secrets = new Secrets();
const base64 = secrets.providerKey.split('\n').slice(1, -2).join('');
const hex = randomBytes(32).toString('hex');

const MISTAKEN: [what: string, value: string, as: Mistaken][] = [
  ['a PEM key', secrets.providerKey, 'the key'],
  ['a PEM key in one line', secrets.providerKey.replaceAll('\n', ' '), 'the key'],
  ['a PEM key with escaped newlines', secrets.providerKey.replaceAll('\n', '\\n'), 'the key'],
  ['the first word of a PEM key', '-----BEGIN', 'the key'],
  ['the base64 of a key', base64, 'the key'],
  ['base64 of base64', Buffer.from(secrets.providerKey).toString('base64'), 'the key'],
  ['a provider token', 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJERUYxMjNHSElKIn0.c2ln', 'a provider token'],
  ['a bearer header', 'bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJERUYxMjNHSElKIn0.c2ln', 'a provider token'],
  ['a notification', JSON.stringify(secrets.notification), 'a notification'],
  ['an empty object', '{}', 'a notification'],
  ['two lines', 'a\nb', 'text'],
  ['a device token', hex, 'a device token'],
  ['a device token in capitals', hex.toUpperCase(), 'a device token'],
  ['a device token as iOS 12 printed it', `<${hex.replace(/.{8}(?!$)/g, '$& ')}>`, 'a device token'],
  ['a long device token', hex + hex, 'a device token'],
];

const PATHS = [
  'in.ndjson',
  'AuthKey_ABC123DEFG.p8',
  '/etc/apns/keys/AuthKey_ABC123DEFG.p8',
  '/home/User1/exports/2026/notifications/of/the/last/week/with/many/parts',
  'exports/User1/2026/notifications/of/the/last/week/with/many/parts/and/more',
  'a-very-long-name-of-a-file-that-somebody-has-chosen-for-good-reasons',
  'C:\\Users\\Me\\Documents\\apns\\AuthKey_ABC123DEFG.p8',
  'deadbeef',
  'hunter2',
  '[a] file with {braces}.ndjson',
];

describe('mistaken values', () => {
  it.each(MISTAKEN)('are recognized: %s', (_what, value, as) => {
    expect(mistakenFor(value)).toBe(as);
    expect(shownValue(value)).toBe(`(${value.length} characters, not repeated here)`);
    expect(adviceForOperand(value)).toMatch(/^this looks like /);
  });

  it.each(PATHS)('are not suspected: %s', (path) => {
    expect(mistakenFor(path)).toBeUndefined();
    expect(certainlyMistaken(path)).toBeUndefined();
    expect(shownValue(path)).toBe(path);
    expect(adviceForOperand(path)).toBeUndefined();
  });

  it('are certain only if no file has that name', () => {
    expect(certainlyMistaken(hex)).toBeUndefined();
    expect(certainlyMistaken(secrets.providerKey)).toBe('the key');
  });

  it('are cut and escaped', () => {
    expect(shownValue(`{deviceToken:${hex},payload:{}}`)).toBe(
      `{deviceToken:${hex.slice(0, 8)}…,payload:{}}`,
    );
    expect(mistakenFor(`${hex}.ndjson`)).toBeUndefined();
    expect(shownValue('.'.repeat(300))).toBe(`${'.'.repeat(200)}…`);
    expect(shownValue('a\u202eb')).toBe('a\\u202eb');
  });
});
