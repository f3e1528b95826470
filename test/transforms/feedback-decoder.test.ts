import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { encodeFeedbackTuple, type FeedbackTuple } from '../../src/protocol/binary/feedback-tuple.js';
import { createFeedbackDecoder } from '../../src/transforms/feedback-decoder.js';
import type { DecoderOptions } from '../../src/transforms/packet-decoder.js';
import { everySplit, oneByOne } from '../vectors/annotated-hex.js';
import { FEEDBACK_TUPLE_VECTORS } from '../vectors/feedback-tuples.js';

async function decode(chunks: Iterable<Uint8Array>): Promise<FeedbackTuple[]> {
  const decoder = createFeedbackDecoder();
  for (const chunk of chunks) decoder.write(chunk);
  decoder.end();
  return await decoder.toArray();
}

describe('createFeedbackDecoder', () => {
  const short = FEEDBACK_TUPLE_VECTORS.filter(({ bytes }) => bytes.length < 1000);

  it.each(short)('decodes $name, wherever it is split', async ({ bytes, value }) => {
    for (const chunks of [...everySplit(bytes), oneByOne(bytes)])
      expect(await decode(chunks)).toEqual([value]);
  });

  it('decodes tuples with tokens of every length in a row', async () => {
    const bytes = Buffer.concat(FEEDBACK_TUPLE_VECTORS.map((vector) => vector.bytes));
    const values = FEEDBACK_TUPLE_VECTORS.map((vector) => vector.value);
    expect(await decode([bytes])).toEqual(values);
    expect(await decode(oneByOne(bytes))).toEqual(values);
  });

  it('gives nothing when the service has nothing to say', async () => {
    expect(await decode([])).toEqual([]);
  });

  it('fails when the service closes inside a tuple, after the whole ones', async () => {
    const { bytes, value } = short[0]!;
    for (let length = 1; length < bytes.length; length++) {
      const decoder = createFeedbackDecoder();
      const tuples: FeedbackTuple[] = [];
      decoder.end(Buffer.concat([bytes, bytes.subarray(0, length)]));
      const reading = (async () => {
        for await (const tuple of decoder) tuples.push(tuple);
      })();
      await expect(reading).rejects.toMatchObject({ code: 'APNS_ERR_TRUNCATED_PACKET' });
      expect(tuples).toEqual([value]);
    }
  });

  it('keeps little while many tuples meet a slow reader', async () => {
    const tuples = Buffer.concat(
      Array.from({ length: 1000 }, (_, i) =>
        encodeFeedbackTuple({ timestamp: i, deviceToken: 'ab'.repeat(32) }),
      ),
    );
    const decoder = Readable.from(Array.from({ length: 100 }, () => tuples)).pipe(createFeedbackDecoder());
    let most = 0;
    let count = 0;
    for await (const _tuple of decoder) {
      most = Math.max(most, decoder.readableLength);
      count++;
    }
    expect(count).toBe(100_000);
    expect(most).toBeLessThanOrEqual(1000 + decoder.readableHighWaterMark);
  });

  it.each<[unknown]>([[null], [{ maxBytes: 1 }], [{ highWaterMark: -1 }], [{ signal: 1 }]])(
    'refuses the options %j',
    (options) => {
      expect(() => createFeedbackDecoder(options as DecoderOptions)).toThrow(
        expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_INVALID_OPTION' }),
      );
    },
  );
});
