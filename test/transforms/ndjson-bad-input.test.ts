/** Every way in which NDJSON can be bad, and the one thing each of them turns into. */
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { InvalidNotificationError } from '../../src/core/errors.js';
import type { Notification } from '../../src/core/notification.js';
import { getSourceLine } from '../../src/core/source-line.js';
import { createNdjsonParser, type NdjsonParserOptions } from '../../src/transforms/ndjson-parser.js';

const GOOD = '{"deviceToken":"ab","payload":{}}';
const TOKEN = 'ab'.repeat(32);

interface Found {
  readonly lines: (number | undefined)[];
  readonly notifications: Notification[];
  readonly invalid: { line: number | undefined; offset: number | undefined; field: string | undefined }[];
}

async function read(chunks: Iterable<string | Buffer>, options: NdjsonParserOptions = {}): Promise<Found> {
  const invalid: Found['invalid'] = [];
  const onInvalid = ({ line, offset, field }: InvalidNotificationError) => {
    invalid.push({ line, offset, field });
  };
  const parser = createNdjsonParser({ ...options, onInvalid });
  const source = Readable.from(chunks, { objectMode: false });
  source.on('error', (error) => parser.destroy(error));
  const notifications: Notification[] = await source.pipe(parser).toArray();
  return { lines: notifications.map(getSourceLine), notifications, invalid };
}

/** What becomes of one bad line between two good ones: it alone is reported. */
async function reportOf(line: string | Buffer): Promise<unknown> {
  const { lines, invalid } = await read([`${GOOD}\n`, line, `\n${GOOD}`]);
  expect(lines).toEqual([1, 3]);
  expect(invalid).toHaveLength(1);
  expect(invalid[0]).toMatchObject({ line: 2, offset: GOOD.length + 1 });
  return invalid[0]?.field;
}

const withField = (field: string, json: string) => `{"deviceToken":"ab","payload":{},"${field}":${json}}`;
const withToken = (token: string) => JSON.stringify({ deviceToken: token, payload: {} });

describe('lines', () => {
  test('finds nothing in an empty input', async () => {
    expect(await read([])).toEqual({ lines: [], notifications: [], invalid: [] });
  });

  test('finds nothing in an input of only newlines', async () => {
    expect(await read(['\n\r\n\n'])).toEqual({ lines: [], notifications: [], invalid: [] });
  });

  test('reads a last line without newline', async () => {
    expect((await read([`${GOOD}\n${GOOD}`])).lines).toEqual([1, 2]);
  });

  test('reads lines that end in CRLF', async () => {
    expect((await read([`${GOOD}\r\n\r\n${GOOD}\r\n`])).lines).toEqual([1, 3]);
  });

  test('reports a lone CR inside a string', async () => {
    expect(await reportOf('{"deviceToken":"ab","payload":{"a":"b\rc"}}')).toBeUndefined();
  });

  test('reads U+2028 inside a string', async () => {
    const { notifications } = await read(['{"deviceToken":"ab","payload":{"a":"b\u2028c"}}\n']);
    expect(notifications).toEqual([{ deviceToken: 'ab', payload: { a: 'b\u2028c' } }]);
  });

  test('skips a BOM at the start once, and reports a second one', async () => {
    expect((await read([`\ufeff${GOOD}\n`])).lines).toEqual([1]);
    expect((await read([`\ufeff\ufeff${GOOD}\n`])).invalid).toMatchObject([{ line: 1, offset: 3 }]);
  });

  test('skips the BOM of every file that cat has joined, however the chunks fall', async () => {
    const text = Buffer.from(`\ufeff${GOOD}\n\ufeff${GOOD}\r\n\ufeff\n\ufeff \n\ufeff${GOOD}`);
    expect(await read([text])).toMatchObject({ lines: [1, 2, 5], invalid: [] });
    const bytes = Array.from(text, (_, i) => text.subarray(i, i + 1));
    expect(await read(bytes)).toMatchObject({ lines: [1, 2, 5], invalid: [] });
  });

  test('counts a BOM towards the length of its line, however the chunks fall', async () => {
    const text = Buffer.from(`${GOOD}\n\ufeff${GOOD}\n`);
    for (const [maxLineBytes, lines] of [
      [GOOD.length + 3, [1, 2]],
      [GOOD.length + 2, [1]],
    ] as const) {
      for (const chunks of [[text], Array.from(text, (_, i) => text.subarray(i, i + 1))]) {
        expect((await read(chunks, { maxLineBytes })).lines).toEqual(lines);
      }
    }
  });

  test.each([`\ufeff\ufeff${GOOD}`, ` \ufeff${GOOD}`, '\ufeffx', '\ufefe'])(
    'reports a line with more than a BOM in front: %j',
    async (line) => {
      const { lines, invalid } = await read([`${GOOD}\n${line}\n${GOOD}\n`]);
      expect(lines).toEqual([1, 3]);
      expect(invalid).toMatchObject([{ line: 2, offset: GOOD.length + 1 }]);
    },
  );

  test('reports invalid UTF-8', async () => {
    expect(
      await reportOf(Buffer.from('{"deviceToken":"ab","payload":{"a":"\xe9"}}', 'latin1')),
    ).toBeUndefined();
  });

  test('reads multi-byte characters across chunks, and one-byte chunks', async () => {
    const line = Buffer.from('{"deviceToken":"ab","payload":{"a":"é😀"}}\n');
    const { notifications } = await read(Array.from(line, (_, i) => line.subarray(i, i + 1)));
    expect(notifications).toEqual([{ deviceToken: 'ab', payload: { a: 'é😀' } }]);
  });

  test('discards an endless line to the next newline without keeping it, and reports it', async () => {
    const mebibyte = Buffer.alloc(1 << 20, 'x');
    const before = process.memoryUsage().arrayBuffers;
    let held = 0;
    const chunks = (function* () {
      yield `${GOOD}\n`;
      for (let i = 0; i < 200; i++) {
        yield mebibyte;
        held = Math.max(held, process.memoryUsage().arrayBuffers - before);
      }
      yield `\n${GOOD}`;
    })();
    const { lines, invalid } = await read(chunks);
    expect(lines).toEqual([1, 3]);
    expect(invalid).toEqual([{ line: 2, offset: GOOD.length + 1, field: undefined }]);
    expect(held).toBeLessThan(20 << 20);
  });

  test('reports NUL bytes', async () => {
    expect(await reportOf('\0\0\0\0')).toBeUndefined();
    expect(await reportOf('{"deviceToken":"ab","payload":{"a":"\0"}}')).toBeUndefined();
  });

  test('reports the line that a writer left unfinished when it died', async () => {
    const { lines, invalid } = await read([`${GOOD}\n${GOOD.slice(0, -9)}`]);
    expect([lines, invalid]).toEqual([[1], [{ line: 2, offset: GOOD.length + 1, field: undefined }]]);
  });

  test('holds back a writer that is faster than the reader', async () => {
    let taken = 0;
    const source = (function* () {
      for (; taken < 10_000; taken++) yield `${GOOD}\n`.repeat(100);
    })();
    const parser = Readable.from(source, { objectMode: false }).pipe(createNdjsonParser());
    await new Promise((resolve) => parser.once('readable', resolve));
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(taken).toBeLessThan(100);
    parser.destroy();
  });
});

describe('whole inputs', () => {
  const pretty = JSON.stringify({ deviceToken: 'ab', payload: { aps: {} } }, null, 2);
  const inputs: [string, Buffer][] = [
    ['gzip', gzipSync(GOOD)],
    ['Zstandard', Buffer.from('28b52ffd04584100006869', 'hex')],
    ['UTF-16 with a byte order mark', Buffer.from(`\ufeff${GOOD}\n`, 'utf16le')],
    ['big-endian UTF-16 with a byte order mark', Buffer.from(`\ufeff${GOOD}\n`, 'utf16le').swap16()],
    ['UTF-16 without one', Buffer.from(`${GOOD}\n`, 'utf16le')],
    ['big-endian UTF-16 without one', Buffer.from(`${GOOD}\n`, 'utf16le').swap16()],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0])],
    ['big-endian UTF-32', Buffer.from([0, 0, 0xfe, 0xff, 0, 0, 0, 0x7b])],
    ['an array in one line', Buffer.from(`[${GOOD},${GOOD}]`)],
    ['an array over several lines', Buffer.from(`\ufeff\n  [\n${GOOD},\n${GOOD}\n]\n`)],
    ['an array in one endless line', Buffer.from(`[${`${GOOD},`.repeat(100_000)}`)],
    ['a pretty-printed object', Buffer.from(`${pretty}\n`)],
    [
      'a pretty-printed object after blank lines, with CRLF',
      Buffer.from(`\r\n\r\n${pretty.replaceAll('\n', '\r\n')}`),
    ],
    ['an object with one field per line', Buffer.from('{ "deviceToken": "ab",\n\n  "payload": {} }\n')],
  ];

  test.each(inputs)('fails once for %s, however it is cut', async (_name, bytes) => {
    const error = expect.objectContaining({ code: 'APNS_ERR_NOT_NDJSON' });
    await expect(read([bytes])).rejects.toEqual(error);
    const head = Array.from(bytes.subarray(0, 200), (_, i) => bytes.subarray(i, i + 1));
    await expect(read([...head, bytes.subarray(200)])).rejects.toEqual(error);
  });

  test('reports an array or an unfinished object after the first line as that line only', async () => {
    expect(await reportOf(`[${GOOD}]`)).toBeUndefined();
    expect(await reportOf('{')).toBeUndefined();
  });
});

describe('objects', () => {
  test.each(['null', '7', '"text"', 'true'])('reports the line %s', async (line) => {
    expect(await reportOf(line)).toBeUndefined();
  });

  test('reports duplicate keys', async () => {
    expect(await reportOf('{"deviceToken":"ab","payload":{},"deviceToken":"cd"}')).toBe('deviceToken');
  });

  test('reports __proto__ as an unknown field, and keeps it as plain data inside payload and context', async () => {
    expect(await reportOf('{"deviceToken":"ab","payload":{},"__proto__":{"x":1}}')).toBe('__proto__');
    const line = '{"deviceToken":"ab","payload":{"__proto__":{"x":1}},"context":{"__proto__":{"x":1}}}';
    const { notifications } = await read([line]);
    expect(JSON.stringify(notifications[0])).toBe(line);
    expect(notifications[0]?.payload).not.toHaveProperty('x');
  });

  test('reports an unknown field', async () => {
    expect(await reportOf('{"token":"ab","payload":{}}')).toBe('token');
  });

  test('reports 100,000-deep nesting', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(await reportOf(withField('context', deep))).toBeUndefined();
    expect(await reportOf(`{"deviceToken":"ab","payload":{"a":${deep}}}`)).toBeUndefined();
  });

  test('keeps 1e400, 2^53+1 and lone surrogates in a raw payload, byte for byte', async () => {
    const payload = '{"a":1e400,"b":9007199254740993,"c":"\\ud800"}';
    const { notifications } = await read([`{"deviceToken":"ab","payload":${payload}}`], { payload: 'raw' });
    expect(String(notifications[0]?.payload)).toBe(payload);
  });
});

describe('fields', () => {
  test.each([
    ['of odd length', 'abc'],
    ['with spaces', 'abab abab'],
    ['in angle brackets', '<abab>'],
    ['that is empty', ''],
    ['over 100 bytes', 'ab'.repeat(101)],
    ['that is not hex', 'xyzw'],
    ['in base64', Buffer.alloc(32, 0xfb).toString('base64')],
  ])('reports a token %s', async (_name, token) => {
    expect(await reportOf(withToken(token))).toBe('deviceToken');
  });

  test('reads a token in upper case, and one of 100 bytes', async () => {
    const tokens = [TOKEN.toUpperCase(), 'ab'.repeat(100)];
    const { notifications } = await read([tokens.map(withToken).join('\n')]);
    expect(notifications.map(({ deviceToken }) => deviceToken)).toEqual(tokens);
  });

  test.each([
    ['negative', '-1'],
    ['NaN as JSON.stringify writes it', 'null'],
    ['a float', '1800000000.5'],
    ['in milliseconds', '1800000000000'],
    ['2^32', '4294967296'],
    ['infinite', '1e400'],
    ['a date as text', '"2027-01-15T08:00:00Z"'],
  ])('reports an expiration that is %s', async (_name, json) => {
    expect(await reportOf(withField('expiration', json))).toBe('expiration');
  });

  test('reads the expirations 0 and 2^32-1', async () => {
    const { notifications } = await read([0, 2 ** 32 - 1].map((n) => `${withField('expiration', `${n}`)}\n`));
    expect(notifications.map(({ expiration }) => expiration)).toEqual([0, 2 ** 32 - 1]);
  });

  test.each(['0', '7', '"10"', '10.5', '-5'])('reports the priority %s', async (json) => {
    expect(await reportOf(withField('priority', json))).toBe('priority');
  });

  test.each(['4294967296', '-1', '1.5', '"1"'])('reports the identifier %s', async (json) => {
    expect(await reportOf(withField('identifier', json))).toBe('identifier');
  });

  test('reads a repeated identifier: whether that is a mistake is for the sink to say', async () => {
    expect((await read([`${withField('identifier', '7')}\n`.repeat(2)])).lines).toEqual([1, 2]);
  });

  test.each(['topic', 'pushType', 'collapseId'])(
    'reports a %s with control characters or newlines',
    async (field) => {
      for (const text of ['a\r\nb', 'a\nauthorization: x', 'a\0', '\x7f', '']) {
        expect(await reportOf(withField(field, JSON.stringify(text)))).toBe(field);
      }
    },
  );
});
