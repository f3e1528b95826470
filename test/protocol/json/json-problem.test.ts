import { describe, expect, test } from 'vitest';
import { jsonProblem } from '../../../src/protocol/json/json-problem.js';
import { JsonScanner } from '../../../src/protocol/json/json-scanner.js';

/** What is said of a text that lies behind two other bytes. */
function problemOf(text: string | Buffer): string {
  const bytes = Buffer.concat([Buffer.from('[]'), Buffer.from(text as string)]);
  const scanner = new JsonScanner();
  expect(scanner.accepts(bytes, 2, bytes.length)).toBe(false);
  return jsonProblem(scanner, bytes, 2);
}

describe('jsonProblem', () => {
  test.each([
    ['{"a":1', /ends too early, at column 7$/],
    ['', /ends too early, at column 1$/],
    ['{"a', /ends inside a string, at column \d$/],
    ['["\t"]', /control character 0x09 at column 3; /],
    ['["\u001f"]', /control character 0x1f at column 3; /],
    ['["\\x"]', /an invalid escape, at column \d$/],
    ['['.repeat(100_000), /nested too deeply, at column \d+$/],
    ['{a', /unexpected 'a' at column 2$/],
    ['[!', /unexpected '!' at column 2$/],
    ['[~', /unexpected '~' at column 2$/],
    ['[1 1]', /unexpected '1' at column 4$/],
    ['[1. 5]', /unexpected byte 0x20 at column 4$/],
    ['[\u007f]', /unexpected byte 0x7f at column 2$/],
    ['[\u0000]', /unexpected byte 0x00 at column 2$/],
    ['[\ud83d\ude00]', /unexpected byte 0xf0 at column 2$/],
  ])('says what is wrong with %j, and in which column', (text, expected) => {
    expect(problemOf(text)).toMatch(expected);
  });
});
