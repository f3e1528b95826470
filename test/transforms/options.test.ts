/** What all Transforms have in common: how they read their options, and that they show nobody what is in them. */
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createErrorResponseDecoder } from '../../src/transforms/error-response-decoder.js';
import { createFeedbackDecoder } from '../../src/transforms/feedback-decoder.js';
import { createFrameDecoder } from '../../src/transforms/frame-decoder.js';
import { createFrameEncoder } from '../../src/transforms/frame-encoder.js';
import { createNdjsonParser } from '../../src/transforms/ndjson-parser.js';
import { createNdjsonStringifier } from '../../src/transforms/ndjson-stringifier.js';

type Create = (options?: object | null) => Duplex;

const STREAM_OPTIONS = { highWaterMark: [7, -1], signal: [new AbortController().signal, {}] } as const;

/** Of each factory, every option with a value that it takes and one that it refuses. */
const FACTORIES: readonly [create: Create, side: 'readable' | 'writable', options: object][] = [
  [createErrorResponseDecoder as Create, 'readable', STREAM_OPTIONS],
  [createFeedbackDecoder as Create, 'readable', STREAM_OPTIONS],
  [
    createFrameDecoder as Create,
    'readable',
    { payload: ['parsed', 'bytes'], onInvalid: [() => {}, true], ...STREAM_OPTIONS },
  ],
  [
    createFrameEncoder as Create,
    'writable',
    {
      command: [1, 3],
      firstIdentifier: [1, 0],
      maxPayloadBytes: [1, 0],
      onInvalid: [() => {}, true],
      ...STREAM_OPTIONS,
    },
  ],
  [
    createNdjsonParser as Create,
    'readable',
    { payload: ['parsed', 'bytes'], maxLineBytes: [1, 0], onInvalid: [() => {}, true], ...STREAM_OPTIONS },
  ],
  [createNdjsonStringifier as Create, 'writable', STREAM_OPTIONS],
];

/** How the message of a refused option starts. */
const refusal = (start: string) =>
  expect.objectContaining({
    code: 'APNS_ERR_INVALID_OPTION',
    message: expect.stringMatching(new RegExp(`^${start} `)),
  });

describe.each(FACTORIES)('%o', (create, side, options) => {
  const entries: [string, [unknown, unknown]][] = Object.entries(options);

  test('takes every option that it documents, together', () => {
    const stream = create(Object.fromEntries(entries.map(([name, [good]]) => [name, good])));
    expect(stream[`${side}HighWaterMark`]).toBe(7);
    stream.destroy();
  });

  test.each(entries)('names %s where its value is wrong', (name, [, bad]) => {
    expect(() => create({ [name]: bad })).toThrow(refusal(name));
  });

  test('names an option that it does not know, and those that it knows', () => {
    expect(() => create({ colour: 1 })).toThrow(refusal('options\\.colour'));
    for (const [name] of entries) {
      expect(() => create({ colour: 1 })).toThrow(
        expect.objectContaining({ message: expect.stringContaining(name) }),
      );
    }
  });

  test('calls options that are no object by their name', () => {
    expect(() => create(null)).toThrow(refusal('options'));
  });
});

test.each([
  ['createErrorResponseDecoder', createErrorResponseDecoder(), Buffer.from('0808facade01', 'hex')],
  ['createFeedbackDecoder', createFeedbackDecoder(), Buffer.from('000000010004facade01', 'hex')],
  ['createFrameDecoder', createFrameDecoder(), Buffer.from('000004facade0100027b7d', 'hex')],
  ['createFrameEncoder', createFrameEncoder(), { deviceToken: 'facade01', payload: '{}' }],
  ['createNdjsonParser', createNdjsonParser(), '{"deviceToken":"facade01","payload":{}}\n'],
  ['createNdjsonStringifier', createNdjsonStringifier(), { deviceToken: 'facade01' }],
] as [string, Duplex, unknown][])('%s shows nobody what is in it', async (_name, stream, chunk) => {
  stream.write(chunk);
  await new Promise(setImmediate);
  expect(stream.readableLength).toBeGreaterThan(0);
  const shown = [inspect(stream, { depth: 9, showHidden: true }), JSON.stringify(stream)].join();
  expect(shown).toContain('readableLength');
  expect(shown).not.toMatch(/facade|fa ca de|"data":|250,\s*202/i);
  stream.destroy();
});
