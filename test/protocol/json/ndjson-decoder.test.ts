import { describe, expect, test } from 'vitest';
import type { InvalidNotificationError } from '../../../src/core/errors.js';
import type { Notification } from '../../../src/core/notification.js';
import { getSourceLine } from '../../../src/core/source-line.js';
import { NdjsonDecoder } from '../../../src/protocol/json/ndjson-decoder.js';

const SAMPLE = Buffer.from(
  [
    '\ufeff{"deviceToken":"ab","payload":{"aps":{"alert":"héllo 😀\u2028"}},"context":[{"n":[1]}]}\r',
    '',
    '{"deviceToken":"cd","payload":"{}","identifier":4294967295}',
    '{"deviceToken":"xyz","payload":{}}',
    'null',
    ' \t',
    '{"deviceToken":"ef","payload":{"n":1e400}}',
  ].join('\n'),
);

function decode(chunks: readonly Buffer[], payload: 'parsed' | 'raw' = 'parsed'): unknown[] {
  const found: unknown[] = [];
  const decoder = new NdjsonDecoder({
    payload,
    maxLineBytes: 1000,
    onNotification: (notification: Notification) => {
      found.push([getSourceLine(notification), notification]);
      // Sometimes that is enough for now.
      return found.length % 2 === 0;
    },
    onInvalid: ({ line, offset, field }: InvalidNotificationError) => found.push([line, offset, field]),
  });
  for (const chunk of chunks) for (let isDone = decoder.read(chunk); !isDone; ) isDone = decoder.goOn();
  decoder.end();
  return found;
}

describe('NdjsonDecoder', () => {
  test('decodes a sample: notifications and refusals in order, with lines and offsets', () => {
    expect(decode([SAMPLE])).toStrictEqual([
      [1, { deviceToken: 'ab', payload: { aps: { alert: 'héllo 😀\u2028' } }, context: [{ n: [1] }] }],
      [3, { deviceToken: 'cd', payload: '{}', identifier: 4294967295 }],
      [4, SAMPLE.indexOf('{"deviceToken":"xyz"'), 'deviceToken'],
      [5, SAMPLE.indexOf('null'), undefined],
      [7, { deviceToken: 'ef', payload: { n: Number.POSITIVE_INFINITY } }],
    ]);
  });

  test.each(['parsed', 'raw'] as const)(
    'decodes the same, cut in two anywhere and byte by byte (%s)',
    (payload) => {
      const whole = decode([SAMPLE], payload);
      for (let at = 0; at <= SAMPLE.length; at++) {
        expect(decode([SAMPLE.subarray(0, at), SAMPLE.subarray(at)], payload)).toStrictEqual(whole);
      }
      const bytes = Array.from(SAMPLE, (_, i) => SAMPLE.subarray(i, i + 1));
      expect(decode(bytes, payload)).toStrictEqual(whole);
    },
  );

  test.each([
    ['too long', Buffer.from(` \n \t\r\n  [${'x'.repeat(1000)}`)],
    ['not UTF-8', Buffer.concat([Buffer.from(' \n \t\r\n  ['), Buffer.from([0xff, 0x0a])])],
  ])(
    'knows an array by its bracket, however much space comes before it and however it is cut: %s',
    (_what, bytes) => {
      const refused = expect.objectContaining({ code: 'APNS_ERR_NOT_NDJSON' });
      for (let at = 0; at <= 12; at++) {
        expect(() => decode([bytes.subarray(0, at), bytes.subarray(at)]), `${at}`).toThrow(refused);
      }
    },
  );

  test('looks at the first four bytes as soon as they are there', () => {
    const notNdjson = expect.objectContaining({ code: 'APNS_ERR_NOT_NDJSON' });
    const options = {
      payload: 'raw',
      maxLineBytes: 10,
      onNotification: () => true,
      onInvalid: () => expect.unreachable(),
    } as const;
    const whole = new NdjsonDecoder(options);
    expect(whole.goOn()).toBe(true);
    expect(() => whole.read(Buffer.from('[1]\n'))).toThrow(notNdjson);
    const cut = new NdjsonDecoder(options);
    expect(cut.read(Buffer.from('[1'))).toBe(true);
    expect(cut.read(Buffer.from(']'))).toBe(true);
    expect(() => cut.read(Buffer.from('\n'))).toThrow(notNdjson);
  });

  test('reads an input that is shorter than that when it ends', () => {
    expect(decode([])).toEqual([]);
    expect(decode([Buffer.from('\n{}')])).toEqual([[2, 1, 'deviceToken']]);
    expect(decode([Buffer.from('1')])).toEqual([[1, 0, undefined]]);
    expect(() => decode([Buffer.from('['), Buffer.from(']')])).toThrow(
      expect.objectContaining({ code: 'APNS_ERR_NOT_NDJSON' }),
    );
  });

  test('does not stop at lines that hold no notification', () => {
    const lines: unknown[] = [];
    const decoder = new NdjsonDecoder({
      payload: 'raw',
      maxLineBytes: 10,
      onNotification: () => expect.unreachable(),
      onInvalid: ({ line }) => lines.push(line),
    });
    expect(decoder.read(Buffer.from('{"a"\n{}\nnull\n'))).toBe(true);
    expect(lines).toEqual([1, 2, 3]);
  });

  test('keeps raw payloads of lines that were joined from chunks, after later lines', () => {
    const lines = Array.from({ length: 50 }, (_, i) => `{"deviceToken":"ab","payload":{"i":${i}}}\n`);
    const bytes = Buffer.from(lines.join(''));
    const chunks = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) =>
      bytes.subarray(i * 7, i * 7 + 7),
    );
    const payloads = decode(chunks, 'raw').map((found) =>
      String((found as [number, Notification])[1].payload),
    );
    expect(payloads).toEqual(lines.map((_, i) => `{"i":${i}}`));
  });

  test('reports an incomplete first line only once the next line shows that it is not pretty-printed', () => {
    const cut = Buffer.from('{"deviceToken":\n');
    const good = Buffer.from('{"deviceToken":"ab","payload":{}}\n');
    const endless = Buffer.alloc(1001, 'x');
    const notification = { deviceToken: 'ab', payload: {} };
    expect(decode([cut])).toEqual([[1, 0, undefined]]);
    expect(decode([cut, good])).toEqual([
      [1, 0, undefined],
      [2, notification],
    ]);
    expect(decode([cut, endless])).toEqual([
      [1, 0, undefined],
      [2, 16, undefined],
    ]);
    expect(decode([good, cut, Buffer.from('}')])).toHaveLength(3);
    // A line that is too long is the first one, too, and what follows it is judged line by line.
    expect(
      decode([Buffer.concat([endless, Buffer.from('\n')]), cut, Buffer.from('  "ab" }\n')]),
    ).toHaveLength(3);
    expect(() => decode([cut, Buffer.from('  "ab" }\n')])).toThrow(
      expect.objectContaining({ code: 'APNS_ERR_NOT_NDJSON' }),
    );
  });
});
