import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidNotificationError } from '../../src/core/errors.js';
import { createNdjsonParser } from '../../src/transforms/ndjson-parser.js';
import { createNdjsonStringifier } from '../../src/transforms/ndjson-stringifier.js';

async function stringify(...objects: unknown[]): Promise<string> {
  const stringifier = createNdjsonStringifier();
  for (const object of objects) stringifier.write(object as object);
  stringifier.end();
  return Buffer.concat(await stringifier.toArray()).toString();
}

const turn = () => new Promise(setImmediate);

describe('createNdjsonStringifier', () => {
  test('writes each object as one line of JSON', async () => {
    expect(await stringify({ a: 'é\n\u2028' }, { b: undefined }, [1])).toBe('{"a":"é\\n\u2028"}\n{}\n[1]\n');
    expect(await stringify()).toBe('');
  });

  test('agrees with JSON.stringify on every object', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.object()), async (objects) => {
        expect(await stringify(...objects)).toBe(
          objects.map((object) => `${JSON.stringify(object)}\n`).join(''),
        );
      }),
    );
  });

  test('writes a notification with payload bytes and a Date as its parser wants it', async () => {
    const payload = Buffer.from('{"n":1e400, "i":9007199254740993}');
    const line = await stringify({
      deviceToken: 'ab',
      payload,
      topic: undefined,
      expiration: new Date(1999),
    });
    expect(line).toBe('{"deviceToken":"ab","payload":{"n":1e400, "i":9007199254740993},"expiration":1}\n');
  });

  test.each(['{\n"a":1}', ' {}', '{} ', '{}{}', '{', '[]', 'text', '{"a":"\u0001"}'])(
    'writes payload bytes %j, no object within one line, as a string of the same bytes',
    async (text) => {
      const line = await stringify({ deviceToken: 'ab', payload: new TextEncoder().encode(text) });
      expect(line.match(/\n/g)).toHaveLength(1);
      expect(JSON.parse(line).payload).toBe(text);
    },
  );

  test('is the exact inverse of the parser in raw mode', async () => {
    const json = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value));
    const line = fc
      .tuple(json, fc.constantFrom('', ',"identifier":7', ',"expiration":0,"priority":5'), json)
      .map(
        ([payload, more, context]) =>
          `{"deviceToken":"ab","payload":${payload}${more},"context":${context}}\n`,
      );
    await fc.assert(
      fc.asyncProperty(fc.array(line), async (lines) => {
        const stringifier = createNdjsonStringifier();
        const written = stringifier.toArray();
        await pipeline([lines.join('')], createNdjsonParser({ payload: 'raw' }), stringifier);
        expect(Buffer.concat(await written).toString()).toBe(lines.join(''));
      }),
    );
  });

  test('joins the lines of one turn in one chunk, which does not wait for the next', async () => {
    const stringifier = createNdjsonStringifier();
    const chunks: string[] = [];
    stringifier.on('data', (chunk) => chunks.push(String(chunk)));
    await turn();
    for (const n of [1, 2, 3]) stringifier.write({ n });
    await turn();
    expect(chunks).toEqual(['{"n":1}\n{"n":2}\n{"n":3}\n']);
    stringifier.write({ n: 4 });
    await turn();
    expect(chunks).toHaveLength(2);
    stringifier.destroy();
  });

  test('holds its writer back while nobody reads, one object a turn or many', async () => {
    const stringifier = createNdjsonStringifier({ highWaterMark: 2 });
    let taken = 0;
    for (let i = 0; i < 400; i++) {
      stringifier.write({ text: 'x'.repeat(1000) }, () => taken++);
      if (i % 2 === 0) await turn();
    }
    expect(stringifier.readableLength).toBeLessThan(stringifier.readableHighWaterMark + 2 * 65_536);
    expect(taken).toBeLessThan(300);
    stringifier.end();
    expect(Buffer.concat(await stringifier.toArray())).toHaveLength(400 * 1012);
    expect(taken).toBe(400);
  });

  test('gives a reader that catches up every line, without waiting for another write', async () => {
    const stringifier = createNdjsonStringifier();
    stringifier.write({ text: 'x'.repeat(stringifier.readableHighWaterMark) });
    await turn();
    stringifier.write({ last: true });
    await turn();
    const chunks: string[] = [];
    stringifier.on('data', (chunk) => chunks.push(String(chunk)));
    await turn();
    expect(chunks.at(-1)).toBe('{"last":true}\n');
    stringifier.destroy();
  });

  test('gives a reader that catches up the line that found no room', async () => {
    const stringifier = createNdjsonStringifier();
    // Fewer characters than a chunk has, and more bytes than its reader wants to wait.
    stringifier.write({ text: 'é'.repeat(40_000) });
    await turn();
    expect(stringifier.readableLength).toBeGreaterThan(stringifier.readableHighWaterMark);
    stringifier.write({ last: true });
    await turn();
    const chunks: string[] = [];
    stringifier.on('data', (chunk) => chunks.push(String(chunk)));
    await turn();
    expect(chunks.at(-1)).toBe('{"last":true}\n');
    stringifier.destroy();
  });

  test.each([
    [
      'a cycle',
      () =>
        Object.assign(
          {},
          {
            get self() {
              return this;
            },
          },
        ),
    ],
    ['a BigInt', () => ({ payload: { n: 1n } })],
    ['payload bytes that are not UTF-8', () => ({ payload: Buffer.from([0x7b, 0xff, 0x7d]) })],
    ['a BigInt beside payload bytes', () => ({ payload: Buffer.from('{}'), context: 1n })],
    ['a date that is none', () => ({ payload: {}, expiration: new Date(Number.NaN) })],
    ['an object whose toJSON gives nothing', () => ({ toJSON: () => undefined })],
    ['text', () => 'text'],
    ['bytes', () => Buffer.from('{}')],
    ['a number', () => 1],
  ])('fails with an InvalidNotificationError for %s', async (_name, make) => {
    await expect(stringify(make())).rejects.toBeInstanceOf(InvalidNotificationError);
  });

  test.each([[{ space: 2 }], [{ highWaterMark: -1 }], [{ highWaterMark: '16' }], [{ signal: {} }], [null]])(
    'refuses the options %j',
    (options) => {
      expect(() => createNdjsonStringifier(options as never)).toThrow(
        expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }),
      );
    },
  );
});
