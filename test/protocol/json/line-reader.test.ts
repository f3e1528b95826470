import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineReader } from '../../../src/protocol/json/line-reader.js';

/** @param isMoreWanted what is said of each line */
function readLines(
  chunks: readonly (string | Buffer)[],
  maxLineBytes = 1000,
  isMoreWanted: (line: number) => boolean = () => true,
): unknown[] {
  const found: unknown[] = [];
  const reader = new LineReader(
    {
      onLine: (bytes, start, end, line, offset) => {
        found.push([line, offset, bytes.toString('utf8', start, end)]);
        return isMoreWanted(line);
      },
      onUnreadable: (problem, line, offset) => found.push([line, offset, new Error(problem)]),
    },
    maxLineBytes,
    0,
  );
  for (const chunk of chunks) {
    for (let isDone = reader.read(Buffer.from(chunk as string)); !isDone; ) {
      isDone = reader.goOn();
    }
  }
  reader.end();
  return found;
}

const unreadable = expect.any(Error);

describe('LineReader', () => {
  test('splits at newlines only, strips one CR, counts blank lines without handing them over', () => {
    expect(readLines(['a\r\n\n \t\r\nb\rc\u2028d\r\r\ne'])).toEqual([
      [1, 0, 'a'],
      [4, 8, 'b\rc\u2028d\r'],
      [5, 18, 'e'],
    ]);
  });

  test('stops where no more is wanted', () => {
    const lines: number[] = [];
    const onLine = (_bytes: Buffer, _start: number, _end: number, line: number): boolean => {
      lines.push(line);
      return line === 3;
    };
    const reader = new LineReader({ onLine, onUnreadable: () => expect.unreachable() }, 10, 0);
    const read = [reader.read(Buffer.from('1'))];
    read.push(reader.read(Buffer.from('\n2\n3\n\n5\n')));
    expect(lines).toEqual([1]);
    for (let i = 0; i < 3; i++) read.push(reader.goOn());
    expect(lines).toEqual([1, 2, 3, 5]);
    expect(read).toEqual([true, false, false, false, true]);
  });

  test('finds the same lines however the input is cut and wherever it stops', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '\n', '\r', 'é', '😀', ' ', '1234567'),
      maxLength: 40,
    });
    fc.assert(
      fc.property(text, fc.array(fc.nat(60)), (input, cuts) => {
        const bytes = Buffer.from(input);
        const edges = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
        const whole = readLines([bytes], 12);
        expect(readLines(chunks, 12)).toEqual(whole);
        for (const every of [1, 2]) {
          const isMoreWanted = (line: number) => line % every !== 0;
          expect(readLines(chunks, 12, isMoreWanted)).toEqual(whole);
          expect(readLines([bytes], 12, isMoreWanted)).toEqual(whole);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('takes a line of exactly the limit and refuses one byte more, whole or in pieces', () => {
    expect(readLines(['12345\n123456\n1'], 5)).toEqual([
      [1, 0, '12345'],
      [2, 6, unreadable],
      [3, 13, '1'],
    ]);
    expect(readLines([...'12345\n123456\n1'], 5)).toEqual([
      [1, 0, '12345'],
      [2, 6, unreadable],
      [3, 13, '1'],
    ]);
  });

  test('does not count the CR of a line ending as part of the line, whole or in pieces', () => {
    const text = '12345\r\n123456\r\n1234\r\r\n12345\r\r\n12345\r';
    const expected = [
      [1, 0, '12345'],
      [2, 7, unreadable],
      [3, 15, '1234\r'],
      [4, 22, unreadable],
      [5, 30, '12345'],
    ];
    expect(readLines([text], 5)).toEqual(expected);
    expect(readLines([...text], 5)).toEqual(expected);
  });

  test('passes over a byte order mark at the start of a line that is not the first', () => {
    const mark = '\ufeff';
    const text = `${mark}a\n${mark}b\n${mark}\nc${mark}\n\u{f000}d\n${mark}`;
    for (const chunks of [[text], Array.from(Buffer.from(text), (byte) => Buffer.of(byte))]) {
      expect(readLines(chunks)).toEqual([
        [1, 0, `${mark}a`],
        [2, 5, 'b'],
        [4, 14, `c${mark}`],
        [5, 19, '\u{f000}d'],
      ]);
    }
    const cut = Buffer.concat([Buffer.from('a\n'), Buffer.of(0xef, 0xbb), Buffer.from('\n')]);
    expect(readLines([cut])).toEqual([
      [1, 0, 'a'],
      [2, 2, unreadable],
    ]);
    const others = [
      [0xef, 0xbb, 0xbe],
      [0xef, 0xbc, 0xbf],
      [0xee, 0xbb, 0xbf],
    ].map((bytes) => Buffer.from(bytes).toString());
    expect(
      readLines([`1\n${others.join('\n')}`])
        .slice(1)
        .map((found) => (found as unknown[])[2]),
    ).toEqual(others);
  });

  test('refuses a line with invalid UTF-8 and keeps its neighbours', () => {
    const bytes = Buffer.from('é\n?\né\n');
    bytes[3] = 0xff;
    expect(readLines([bytes])).toEqual([
      [1, 0, 'é'],
      [2, 3, unreadable],
      [3, 5, 'é'],
    ]);
    const pieces = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    expect(readLines(pieces)).toEqual(readLines([bytes]));
  });

  test('refuses a line as soon as one byte more than the limit is there, unless that may be the CR of its end', () => {
    const events: unknown[] = [];
    const handler = {
      onLine: (_bytes: Buffer, start: number, end: number) => events.push(end - start) > 0,
      onUnreadable: () => events.push('unreadable'),
    };
    const reader = new LineReader(handler, 100, 0);
    reader.read(Buffer.from('x'.repeat(101)));
    expect(events).toEqual(['unreadable']);
    reader.read(Buffer.from(`\n${'x'.repeat(100)}\r`));
    reader.read(Buffer.from('\n'));
    expect(events).toEqual(['unreadable', 100]);
    reader.read(Buffer.from(`${'x'.repeat(100)}\r`));
    reader.read(Buffer.from('x'));
    expect(events).toEqual(['unreadable', 100, 'unreadable']);
  });

  test('collects a line in a buffer that is one byte longer than the limit at most', () => {
    const lengths: number[] = [];
    const handler = {
      onLine: (bytes: Buffer) => lengths.push(bytes.length) > 0,
      onUnreadable: () => expect.unreachable(),
    };
    const reader = new LineReader(handler, 2000, 0);
    reader.read(Buffer.from('x'.repeat(1500)));
    reader.read(Buffer.from(`${'x'.repeat(500)}\r`));
    reader.read(Buffer.from('\nx'));
    reader.read(Buffer.from('\n'));
    expect(lengths).toEqual([2001, 1024]);
  });

  test('has nothing more to read before the first chunk and after the last', () => {
    const handler = { onLine: () => expect.unreachable(), onUnreadable: () => expect.unreachable() };
    const reader = new LineReader(handler, 10, 0);
    expect(reader.goOn()).toBe(true);
    expect(reader.read(Buffer.from('\n1'))).toBe(true);
    expect(reader.read(Buffer.from('2'))).toBe(true);
    expect(reader.goOn()).toBe(true);
  });

  test('reports an endless line once, as soon as it is too long, and goes on after it', () => {
    const events: unknown[] = [];
    const reader = new LineReader(
      {
        onLine: (_bytes, _start, _end, line, offset) => {
          events.push(['line', line, offset]);
          return true;
        },
        onUnreadable: (_problem, line, offset) => events.push(['unreadable', line, offset]),
      },
      100,
      0,
    );
    reader.read(Buffer.from(`ok\n${'x'.repeat(60)}`));
    reader.read(Buffer.from('x'.repeat(60)));
    expect(events).toEqual([
      ['line', 1, 0],
      ['unreadable', 2, 3],
    ]);
    for (let i = 0; i < 1000; i++) reader.read(Buffer.from('x'.repeat(60)));
    reader.read(Buffer.from('\nok\n'));
    reader.end();
    expect(events.slice(2)).toEqual([['line', 3, 3 + 1002 * 60 + 1]]);
  });

  test('reads a long line in one-byte chunks at a cost that grows with its length only', () => {
    const line = Buffer.alloc(200_000, 'x');
    const chunks = Array.from(line, (_, i) => line.subarray(i, i + 1));
    let copied = 0;
    const copy = Buffer.prototype.copy;
    Buffer.prototype.copy = function (...args: Parameters<typeof copy>) {
      const count = copy.apply(this, args);
      copied += count;
      return count;
    };
    try {
      expect(readLines(chunks, 1 << 20)).toEqual([[1, 0, line.toString()]]);
    } finally {
      Buffer.prototype.copy = copy;
    }
    expect(copied).toBeLessThan(3 * line.length);
  });

  test('hands over lines that lie in a chunk without copying them', () => {
    const chunk = Buffer.from('one\ntwo\n');
    const seen: unknown[] = [];
    const handler = {
      onLine: (bytes: Buffer) => seen.push(bytes) > 0,
      onUnreadable: () => expect.unreachable(),
    };
    new LineReader(handler, 10, 0).read(chunk);
    expect(seen).toHaveLength(2);
    for (const bytes of seen) expect(bytes).toBe(chunk);
  });

  test.each([
    ['long lines', Buffer.from(`${'x'.repeat(100_000)}\n`.repeat(10)), 3],
    ['short lines', Buffer.from('x\n'.repeat(5000)), 1021],
    ['blank lines', Buffer.from('\n'.repeat(5 * 1024)), 1024],
    ['lines that are no UTF-8', Buffer.from('\xff\n'.repeat(5000), 'latin1'), 1021],
    ['lines that are too long', Buffer.from(`${'x'.repeat(200_001)}\n`.repeat(10)), 2],
  ])('stops when it has lasted long enough: %s', (_name, chunk, linesAtOnce) => {
    let line = 0;
    const handler = {
      onLine: (_bytes: Buffer, _start: number, _end: number, nth: number) => {
        line = nth;
        return true;
      },
      onUnreadable: (_problem: string, nth: number) => {
        line = nth;
      },
    };
    const reader = new LineReader(handler, 200_000, 0);
    const counts: number[] = [];
    const count = () => counts.push(line);
    for (let isDone = reader.read(chunk); !isDone; isDone = reader.goOn()) count();
    const total = chunk.toString('latin1').split('\n').length - 1;
    expect(counts).toHaveLength(Math.floor(total / linesAtOnce));
    if (chunk[0] !== 0x0a) expect(counts[0]).toBe(linesAtOnce);
  });
});
