import { on } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import type { InvalidNotificationError } from '../../src/core/errors.js';
import type { Notification } from '../../src/core/notification.js';
import { getSourceLine } from '../../src/core/source-line.js';
import { createNdjsonParser } from '../../src/transforms/ndjson-parser.js';

const lines = (count: number) =>
  Array.from({ length: count }, (_, i) => `{"deviceToken":"ab","payload":{"i":${i + 1}}}\n`).join('');

describe('createNdjsonParser', () => {
  test('reads from an async iterable and is read as one, in order, with lines', async () => {
    const parser = createNdjsonParser();
    const source = (async function* () {
      for (let at = 0; at < 5; at++) yield lines(10).slice(at * 100, at * 100 + 100);
    })();
    const done = pipeline(source, parser);
    const read: unknown[] = [];
    for await (const notification of parser as AsyncIterable<Notification>) {
      read.push([getSourceLine(notification), notification.payload]);
    }
    await done;
    expect(read).toEqual(Array.from({ length: 10 }, (_, i) => [i + 1, { i: i + 1 }]));
  });

  test('takes strings in any encoding, Buffers and plain Uint8Arrays', async () => {
    const parser = createNdjsonParser({ payload: 'raw' });
    parser.write('{"deviceToken":"ab",');
    parser.write('"payload":{"é":1}}\n', 'latin1');
    parser.write(Buffer.from('c3a9', 'hex').toString('hex'), 'hex');
    parser.end(new TextEncoder().encode('\n'));
    await expect(parser.toArray()).rejects.toMatchObject({ code: 'APNS_ERR_INVALID_NOTIFICATION', line: 1 });
  });

  test('fails with line, offset and field when nobody takes invalid lines', async () => {
    const parser = createNdjsonParser();
    parser.end(`${lines(2)}{"deviceToken":"ab","payload":{},"priority":7}\n${lines(1)}`);
    await expect(parser.toArray()).rejects.toMatchObject({
      code: 'APNS_ERR_INVALID_NOTIFICATION',
      line: 3,
      offset: lines(2).length,
      field: 'priority',
    });
  });

  test('hands invalid lines to onInvalid and goes on', async () => {
    const invalid: InvalidNotificationError[] = [];
    const parser = createNdjsonParser({ onInvalid: (error) => invalid.push(error) });
    parser.end(`${lines(1)}oops\n${lines(1)}`);
    expect((await parser.toArray()).map(getSourceLine)).toEqual([1, 3]);
    expect(invalid.map(({ line }) => line)).toEqual([2]);
  });

  test.each(['oops\n', 'oops'])('fails with what onInvalid throws (%j)', async (input) => {
    const thrown = new RangeError('enough');
    const parser = createNdjsonParser({
      onInvalid: () => {
        throw thrown;
      },
    });
    parser.end(input);
    await expect(parser.toArray()).rejects.toBe(thrown);
  });

  test('takes no further chunk while its notifications wait to be read', async () => {
    const parser = createNdjsonParser({ highWaterMark: 4 });
    let written = 0;
    for (let i = 0; i < 10; i++) parser.write(lines(10), () => written++);
    await new Promise(setImmediate);
    expect(written).toBe(0);
    expect(parser.readableLength).toBe(4);
    parser.end();
    expect(await parser.toArray()).toHaveLength(100);
    expect(written).toBe(10);
  });

  test('parses no more of a chunk than its reader wants, whatever its size and however it is read', async () => {
    const chunk = lines(2000);
    const readers: Record<string, (parser: ReturnType<typeof createNdjsonParser>) => Promise<unknown[]>> = {
      toArray: (parser) => parser.toArray(),
      read: async (parser) => {
        const read: unknown[] = [];
        for await (const _ of on(parser, 'readable', { close: ['end'] }))
          for (let one = parser.read(); one !== null; one = parser.read()) read.push(one);
        return read;
      },
      'a slow Writable': async (parser) => {
        const read: unknown[] = [];
        const slow = new Writable({
          objectMode: true,
          highWaterMark: 1,
          write(one, _encoding, callback) {
            expect(parser.readableLength).toBeLessThanOrEqual(parser.readableHighWaterMark + 1);
            read.push(one);
            if (read.length % 7 === 0) setImmediate(callback);
            else callback();
          },
        });
        await pipeline(parser, slow);
        return read;
      },
    };
    for (const [name, readAll] of Object.entries(readers)) {
      for (const highWaterMark of [0, 1, 3, 16]) {
        const parser = createNdjsonParser({ highWaterMark });
        parser.write(chunk);
        parser.end(`${chunk}${'\n'.repeat(5000)}`);
        expect(parser.readableLength).toBe(Math.max(highWaterMark, 1));
        expect(await readAll(parser), `${name}, ${highWaterMark}`).toHaveLength(4000);
      }
    }
  });

  test('gives everything else a turn within a huge chunk', async () => {
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const invalid: unknown[] = [];
    const parser = createNdjsonParser({ onInvalid: (error) => invalid.push(error) });
    parser.end(Buffer.from(`x\n`.repeat(10_000) + lines(10_000)));
    let read = 0;
    await finished(parser.on('data', () => read++));
    isOver = true;
    expect(invalid).toHaveLength(10_000);
    expect(read).toBe(10_000);
    expect(turns).toBeGreaterThan(15);
  });

  test('can be destroyed within a chunk', async () => {
    for (const isRead of [false, true]) {
      let invalid = 0;
      const parser = createNdjsonParser({ onInvalid: () => invalid++ });
      if (isRead) parser.resume();
      parser.write('x\n'.repeat(5000) + lines(100));
      parser.destroy();
      const before = invalid;
      expect(before).toBeGreaterThan(0);
      await new Promise(setImmediate);
      expect(parser.closed).toBe(true);
      expect(parser.readableLength).toBe(0);
      expect(invalid).toBe(before);
    }
  });

  test('pushes the notifications of a chunk within the write that brings its newline', () => {
    const parser = createNdjsonParser();
    parser.write(lines(3).slice(0, -1));
    expect(parser.readableLength).toBe(2);
    parser.write('\n');
    expect(parser.readableLength).toBe(3);
    parser.destroy();
  });

  test('is destroyed by its signal', async () => {
    const abort = new AbortController();
    const parser = createNdjsonParser({ signal: abort.signal });
    const done = pipeline(new PassThrough(), parser, async (source: AsyncIterable<unknown>) => {
      for await (const _ of source) expect.unreachable();
    });
    abort.abort();
    await expect(done).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('stops its source when it fails', async () => {
    const source = Readable.from(['nonsense\n', ...Array(1000).fill(lines(100))]);
    const parser = createNdjsonParser();
    await expect(pipeline(source, parser)).rejects.toMatchObject({ line: 1 });
    expect(source.destroyed).toBe(true);
  });

  test.each([
    [{ payload: 'bytes' }],
    [{ maxLineBytes: 0 }],
    [{ maxLineBytes: 1.5 }],
    [{ onInvalid: true }],
    [{ maxLineByte: 1 }],
    [{ highWaterMark: -1 }],
    [{ highWaterMark: '16' }],
    [{ signal: {} }],
    [null],
  ])('refuses the options %j', (options) => {
    expect(() => createNdjsonParser(options as never)).toThrow(
      expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }),
    );
  });
});
