import { describe, expect, it } from 'vitest';
import type { ErrorResponse } from '../../src/protocol/binary/error-response.js';
import { createErrorResponseDecoder } from '../../src/transforms/error-response-decoder.js';
import type { DecoderOptions } from '../../src/transforms/packet-decoder.js';
import { annotatedHex, everySplit, oneByOne } from '../vectors/annotated-hex.js';
import { ERROR_RESPONSE_VECTORS } from '../vectors/error-responses.js';

async function decode(chunks: Iterable<Uint8Array>): Promise<ErrorResponse[]> {
  const decoder = createErrorResponseDecoder();
  for (const chunk of chunks) decoder.write(chunk);
  decoder.end();
  return await decoder.toArray();
}

describe('createErrorResponseDecoder', () => {
  it.each(ERROR_RESPONSE_VECTORS)(
    'decodes status code $name, wherever it is split',
    async ({ bytes, value }) => {
      for (const chunks of [...everySplit(bytes), oneByOne(bytes)])
        expect(await decode(chunks)).toEqual([value]);
    },
  );

  it('gives both of two responses, though a gateway sends one', async () => {
    const [first, second] = ERROR_RESPONSE_VECTORS;
    expect(await decode([Buffer.concat([first!.bytes, second!.bytes])])).toEqual([
      first!.value,
      second!.value,
    ]);
  });

  it('gives nothing when the gateway just closes', async () => {
    expect(await decode([])).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5])('fails when the gateway closes after %d bytes', async (length) => {
    await expect(decode([ERROR_RESPONSE_VECTORS[8]!.bytes.subarray(0, length)])).rejects.toMatchObject({
      code: 'APNS_ERR_TRUNCATED_PACKET',
    });
  });

  it.each([
    ['another command', '09 08 00 00 00 01'],
    ['bytes behind a response', '08 08 00 00 00 01  a response\n00  garbage'],
    ['a TLS alert in the clear', '15 03 03 00 02 02 28'],
  ])('fails for %s', async (_name, text) => {
    await expect(decode([annotatedHex(text)])).rejects.toMatchObject({ code: 'APNS_ERR_MALFORMED_PACKET' });
  });

  it('fails at the first chunk of endless garbage', async () => {
    async function* endless() {
      for (;;) yield Buffer.alloc(1024, 0x47);
    }
    await expect(decode([Buffer.alloc(1024, 0x47)])).rejects.toMatchObject({
      code: 'APNS_ERR_MALFORMED_PACKET',
    });
    const decoder = createErrorResponseDecoder();
    let taken = 0;
    for await (const chunk of endless()) {
      taken++;
      if (!decoder.write(chunk) || decoder.errored !== null) break;
    }
    await expect(decoder.toArray()).rejects.toMatchObject({ code: 'APNS_ERR_MALFORMED_PACKET' });
    expect(taken).toBe(1);
  });

  it.each<[unknown]>([[null], [{ maxBytes: 1 }], [{ highWaterMark: Number.NaN }], [{ signal: 1 }]])(
    'refuses the options %j',
    (options) => {
      expect(() => createErrorResponseDecoder(options as DecoderOptions)).toThrow(
        expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_INVALID_OPTION' }),
      );
    },
  );
});
