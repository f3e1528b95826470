import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { heldBytes } from '../../src/core/held-bytes.js';
import { createNdjsonParser } from '../../src/transforms/ndjson-parser.js';

const notification = { deviceToken: 'ab', payload: '{}' };
const held = (context: unknown): number => heldBytes(notification, context);

describe('heldBytes', () => {
  test('is 0 for a notification without a line and without a context', () => {
    expect(held(undefined)).toBe(0);
    expect(heldBytes(null, undefined)).toBe(0);
    expect(heldBytes('no notification', undefined)).toBe(0);
  });

  test('is the length of the line that a parser has read, or that of a larger context put into it later', async () => {
    const line = '{"deviceToken":"ab","payload":{"aps":{}},"context":{"id":5}}';
    const [parsed] = await Readable.from([`${line}\n`])
      .pipe(createNdjsonParser())
      .toArray();
    expect(heldBytes(parsed, parsed?.context)).toBe(line.length);
    expect(heldBytes(parsed, 'x'.repeat(1000))).toBe(1000);
  });

  test.each([
    ['a string', 'x'.repeat(100_000)],
    ['a string inside', { a: [{ b: 'x'.repeat(100_000) }] }],
    ['bytes', new Uint8Array(100_000)],
    ['a buffer of bytes', { bytes: new ArrayBuffer(100_000) }],
    ['a map', new Map([['key', 'x'.repeat(100_000)]])],
    ['a set', new Set(['x'.repeat(100_000)])],
    ['an array of numbers', new Array(6250).fill(1)],
    [
      'an instance of a class',
      new (class {
        text = 'x'.repeat(100_000);
      })(),
    ],
    ['an Error', Object.assign(new Error('x'), { body: 'x'.repeat(100_000) })],
  ])('counts %s', (_name, context) => {
    expect(held(context)).toBeGreaterThanOrEqual(100_000);
    expect(held(context)).toBeLessThan(105_000);
  });

  test.each([5, true, null, Symbol('x'), 10n, () => {}])('is little for %s', (context) => {
    expect(held(context)).toBeLessThan(100);
  });

  test('counts what is there twice once, and comes to an end in a circle', () => {
    const text = { text: 'x'.repeat(1000) };
    const circle: Record<string, unknown> = { a: text, b: text };
    circle['self'] = circle;
    expect(held(circle)).toBeLessThan(1500);
  });

  test('looks at no more than a bounded number of values', () => {
    let reads = 0;
    const counting = (depth: number): object =>
      new Proxy(depth === 0 ? {} : [counting(depth - 1), counting(depth - 1), counting(depth - 1)], {
        get(target, name) {
          reads++;
          return Reflect.get(target, name);
        },
      });
    held(counting(8));
    expect(reads).toBeLessThan(20_000);
  });

  test('runs no getter, and survives a proxy that throws', () => {
    const context = {
      text: 'x'.repeat(500),
      get lazy() {
        throw new Error('must not be read');
      },
    };
    expect(held(context)).toBeGreaterThanOrEqual(500);
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no keys');
        },
      },
    );
    expect(held(hostile)).toBeLessThan(100);
    expect(held({ text: 'x'.repeat(500), hostile })).toBeGreaterThanOrEqual(500);
  });
});
