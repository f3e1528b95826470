import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repeatedKey } from '../../../src/protocol/json/repeated-key.js';

const repeated = (text: string): string | undefined => repeatedKey(Buffer.from(text));

describe('repeatedKey', () => {
  it.each([
    ['at the top', '{"a":1,"b":2,"a":3}', 'a'],
    ['deep inside', '{"a":[{"b":{}},{"b":{"c":1,"c":2}}]}', 'c'],
    ['behind an object that has ended', '{"a":{"b":1},"b":2,"a":3}', 'a'],
    ['in another spelling', String.raw`{"\u0061":1,"a":2}`, 'a'],
    ['with white space before the colon', '{"a" : 1, "a"\t: 2}', 'a'],
    ['that is empty', '{"":1,"":2}', ''],
    ['of Object.prototype', '{"__proto__":1,"__proto__":2}', '__proto__'],
    ['beyond ASCII', '{"é":1,"é":2}', 'é'],
  ])('finds a key %s', (_where, text, key) => {
    expect(repeated(text)).toBe(key);
  });

  it.each([
    ['one key in several objects', '[{"a":1},{"a":2},{"b":{"a":3}}]'],
    ['a key that its own object has inside', '{"a":{"a":{"a":1}}}'],
    ['strings that are no keys', '{"a":["a","a"],"b":"a"}'],
    ['braces, quotes and colons in strings', String.raw`{"a":"{\"a\":","b":"}\\"}`],
    ['an empty object', '{}'],
  ])('passes %s', (_what, text) => {
    expect(repeated(text)).toBe(undefined);
  });

  it('passes whatever JSON.stringify makes, and finds a key that is put in once more', () => {
    const key = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue(), { minKeys: 1 }), (object) => {
        const text = JSON.stringify(object);
        expect(repeated(text)).toBe(undefined);
        const [first] = Object.keys(object);
        expect(repeated(`{${JSON.stringify(first)}:0,${text.slice(1)}`)).toBe(first);
      }),
    );
  });

  it('reads 100,000 levels', () => {
    expect(repeated(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)).toBe(undefined);
  });
});
