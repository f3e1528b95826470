import { describe, expect, it } from 'vitest';
import { findValue } from '../../src/rules/find-value.js';

const isNull = (value: unknown): boolean => value === null;

describe('findValue', () => {
  it.each([
    ['a', { a: null, b: null }],
    ['b.1.c', { a: 1, b: [{}, { c: null }], d: null }],
    ['a.b', { a: { b: null }, c: null }],
    ['__proto__', JSON.parse('{"__proto__":null}')],
  ])('gives %s, the first in the order of the text', (path, root) => {
    expect(findValue(root, isNull)).toBe(path);
  });

  it('gives nothing where nothing fits', () => {
    expect(findValue({ a: [1, 'null', {}] }, isNull)).toBe(undefined);
  });

  it('tells the key of each value', () => {
    expect(findValue({ a: { wanted: 1 } }, (_value, key) => key === 'wanted')).toBe('a.wanted');
  });

  it('shows a path that is fit for one line of a message, however long and deep it is', () => {
    const token = '00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0';
    expect(findValue({ [token]: { 'a\nb': null } }, isNull)).toBe('00fc13ad….a\\nb');
    const deep: unknown = JSON.parse(`${'{"key":'.repeat(100_000)}null${'}'.repeat(100_000)}`);
    expect(findValue(deep as object, isNull)).toMatch(/^…(?:\.key){19,20}$/);
  });
});
