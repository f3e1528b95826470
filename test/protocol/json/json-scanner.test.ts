import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonScanner, MAX_JSON_DEPTH } from '../../../src/protocol/json/json-scanner.js';

const scanner = new JsonScanner();

function accepts(text: string | Buffer): boolean {
  const bytes = Buffer.from(text as string);
  return scanner.accepts(bytes, 0, bytes.length);
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('JsonScanner', () => {
  test('accepts what JSON.parse accepts, and nothing else, among all short texts of a small alphabet', () => {
    const alphabet = [...'{}[]",:\\-+.eE019unt \n\u0001é'];
    const wrong: string[] = [];
    const visit = (text: string, left: number) => {
      if (accepts(text) !== parses(text)) wrong.push(text);
      if (left > 0) for (const character of alphabet) visit(text + character, left - 1);
    };
    visit('', 3);
    expect(wrong).toEqual([]);
  });

  test('accepts every text that JSON.stringify writes, with and without white space', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 1, '\t'), (value, space) =>
        accepts(JSON.stringify(value, null, space)),
      ),
      { numRuns: 1000 },
    );
  });

  test('agrees with JSON.parse on texts with bytes changed, left out and put in', () => {
    const structural = fc.constantFrom(
      ...Buffer.from('{}[]",:\\-+.eE0159untrfalsed \t\r\n/bx\u0000\u001f\u007f'),
    );
    const byte = fc.oneof(structural, fc.integer({ min: 0, max: 255 }));
    const edit = fc.record({ at: fc.nat(), remove: fc.nat(3), insert: fc.array(byte, { maxLength: 3 }) });
    let accepted = 0;
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.array(edit, { minLength: 1, maxLength: 3 }), (json, edits) => {
        let bytes = [...Buffer.from(json)];
        for (const { at, remove, insert } of edits) {
          const start = at % (bytes.length + 1);
          bytes = [...bytes.slice(0, start), ...insert, ...bytes.slice(start + remove)];
        }
        const changed = Buffer.from(bytes);
        fc.pre(isUtf8(changed));
        const expected = parses(changed.toString());
        if (expected) accepted++;
        expect(accepts(changed)).toBe(expected);
      }),
      { numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test.each([
    '-0',
    '1e400',
    '9007199254740993',
    '1E+2',
    '0.10',
    '"\\ud800"',
    '"\\u00e9\\/\\b"',
    '"\u2028"',
    '{"__proto__":1,"__proto__":2}',
    ' [ ] ',
    '{"":{}}',
  ])('accepts %s', (text) => {
    expect(accepts(text)).toBe(true);
  });

  test.each([
    ['', 'incomplete', 0],
    ['{"a":', 'incomplete', 5],
    ['[1,', 'incomplete', 3],
    ['tru', 'incomplete', 3],
    ['-', 'incomplete', 1],
    ['"ab', 'unterminated', 3],
    ['"a\\', 'unterminated', 3],
    ['"\\u12', 'unterminated', 5],
    ['"\\u12g4"', 'escape', 5],
    ['"\\u', 'unterminated', 3],
    ['[', 'incomplete', 1],
    ['[1', 'incomplete', 2],
    ['{', 'incomplete', 1],
    ['{"a"', 'incomplete', 4],
    ['{"a" 1}', 'unexpected', 5],
    ['{1:2}', 'unexpected', 1],
    ['1.', 'incomplete', 2],
    ['1.x', 'unexpected', 2],
    ['1e', 'incomplete', 2],
    ['1e+', 'incomplete', 3],
    ['-01', 'unexpected', 2],
    ['trux', 'unexpected', 3],
    ['"\\x"', 'escape', 2],
    ['"a\rb"', 'control', 2],
    ['01', 'unexpected', 1],
    ['[1}', 'unexpected', 2],
    ['{"a":1,}', 'unexpected', 7],
    ['1 2', 'unexpected', 2],
    ['\ufeff1', 'unexpected', 0],
  ])('says why and where %j stops it', (text, failure, at) => {
    // What lies around it must make no difference, even where it would complete the text.
    for (const behind of ['', '"', '}', ']', ',', ':1}', '1', 'e', 'e"', '4"', '{', '.5', ' ']) {
      const bytes = Buffer.concat([Buffer.from('[]'), Buffer.from(text), Buffer.from(behind)]);
      expect(scanner.accepts(bytes, 2, bytes.length - behind.length), behind).toBe(false);
      expect([scanner.failure, scanner.failedAt], behind).toEqual([failure, 2 + at]);
    }
  });

  test.each(['1', '-0', '1.5', '1e5', 'true', '"a"', '[]', '{}', '[1]', '{"a":1}', ' 1 '])(
    'accepts %j, whatever lies around it',
    (text) => {
      for (const around of ['', '"', '}', ']', ',', '1', '.5', 'e5', 'x']) {
        const bytes = Buffer.from(around + text + around);
        expect(scanner.accepts(bytes, around.length, bytes.length - around.length), around).toBe(true);
      }
    },
  );

  test('accepts nesting up to its limit, and names depth beyond it', () => {
    const nested = (depth: number) => '[{"a":'.repeat(depth / 2) + 0 + '}]'.repeat(depth / 2);
    expect(accepts(nested(MAX_JSON_DEPTH))).toBe(true);
    expect(accepts(nested(MAX_JSON_DEPTH + 2))).toBe(false);
    expect(scanner.failure).toBe('depth');
    expect(new JsonScanner(100_000).accepts(Buffer.from(nested(100_000)), 0, 400_001)).toBe(true);
  });

  test('looks at no byte outside its bounds', () => {
    const bytes = Buffer.from('[[123]]');
    expect(scanner.accepts(bytes, 2, 4)).toBe(true);
    expect(scanner.value(bytes, 1, 6)).toBe(6);
    expect(scanner.value(bytes, 1, 5)).toBe(-1);
  });
});
