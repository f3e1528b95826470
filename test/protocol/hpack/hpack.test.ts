import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpackDecoder } from '../../../src/protocol/hpack/decoder.js';
import {
  BLOCK_START_BYTES,
  type FieldIndexing,
  HpackEncoder,
  headerFieldBytes,
} from '../../../src/protocol/hpack/encoder.js';
import { STATIC_TABLE } from '../../../src/protocol/hpack/static-table.js';
import { Http2ErrorCode } from '../../../src/protocol/http2/error-code.js';
import { hex } from '../http2/bytes.js';

type Field = readonly [name: string, value: string, indexing?: FieldIndexing];

function encode(encoder: HpackEncoder, ...fields: Field[]): Buffer {
  const most = fields.reduce((sum, [name, value]) => sum + headerFieldBytes(name, value), BLOCK_START_BYTES);
  const slab = Buffer.alloc(most);
  let end = encoder.writeBlockStart(slab, 0);
  for (const [name, value, indexing] of fields) {
    end = encoder.writeField(slab, end, name, value, indexing ?? 'add');
  }
  expect(end).toBeLessThanOrEqual(most);
  return slab.subarray(0, end);
}

function decode(decoder: HpackDecoder, block: Buffer): string[] {
  const fields: string[] = [];
  decoder.decode(block, 0, block.length, { onField: (name, value) => fields.push(`${name}: ${value}`) });
  return fields;
}

const compressionError = expect.objectContaining({
  code: 'APNS_ERR_HTTP2_PROTOCOL',
  http2ErrorCode: Http2ErrorCode.COMPRESSION_ERROR,
  streamId: 0,
});

describe('the static table', () => {
  // RFC 7541, appendix A: a few of its 61 lines, the first and the last among them.
  it.each([
    [1, ':authority', ''],
    [2, ':method', 'GET'],
    [8, ':status', '200'],
    [14, ':status', '500'],
    [16, 'accept-encoding', 'gzip, deflate'],
    [23, 'authorization', ''],
    [33, 'date', ''],
    [46, 'location', ''],
    [53, 'retry-after', ''],
    [61, 'www-authenticate', ''],
  ])('has %i: %s', (index, name, value) => {
    expect(STATIC_TABLE[index - 1]).toMatchObject({ name, value });
  });

  it('has 61 fields', () => {
    expect(STATIC_TABLE).toHaveLength(61);
  });
});

describe('a header block is refused', () => {
  it.each([
    ['with index 0', '80'],
    ['with index 0, whatever follows', '80 01 61 01 62'],
    ['with a size update above the limit, although another follows', '3f e2 1f 20'],
    ['with an index behind both tables', 'be'],
    ['with an index far behind both tables', 'ff ff ff ff 07'],
    ['with a name index behind both tables', '7f 00 01 61'],
    ['with an integer that overflows', 'ff ff ff ff ff ff ff'],
    ['with a string longer than itself', '40 01 61 05 62'],
    ['with a name and nothing behind it', '40 01 61'],
    ['with bad Huffman padding', '40 01 61 81 00'],
    ['with EOS in a string nobody wants', '00 01 61 84 ff ff ff ff'],
    ['with a size update above the limit', '3f e2 1f'],
    ['with a size update behind a field', '82 20'],
    ['with a size update behind a field, whatever follows', '82 20 01 61 01 62'],
  ])('%s', (_what, block) => {
    expect(() => decode(new HpackDecoder(), hex(block))).toThrowError(compressionError);
    expect(() => new HpackDecoder().decode(hex(block), 0, hex(block).length, undefined)).toThrowError(
      compressionError,
    );
  });

  it('that ignores a reduced table', () => {
    const decoder = new HpackDecoder();
    decoder.setMaxTableBytes(100);
    expect(() => decode(decoder, hex('82'))).toThrowError(compressionError);
  });
});

describe('the decoder', () => {
  it('accepts a size update at the limit, and two of them', () => {
    const decoder = new HpackDecoder();
    expect(decode(decoder, hex('20 3f e1 1f 82'))).toEqual([':method: GET']);
    expect(decoder.table.maxBytes).toBe(4096);
  });

  it('counts the header list as SETTINGS_MAX_HEADER_LIST_SIZE does, skipped strings too', () => {
    const block = hex(`
      82               | :method: GET
      00 01 61 81 1f   | a: a, Huffman-coded, not added
      40 01 62 01 63   | b: c, added`);
    const size = 7 + 3 + 32 + (1 + 1 + 32) + (1 + 1 + 32);
    expect(new HpackDecoder().decode(block, 0, block.length, undefined)).toBe(size);
    expect(new HpackDecoder().decode(block, 0, block.length, { onField() {}, wants: () => false })).toBe(
      size,
    );
    expect(new HpackDecoder().decode(block, 0, block.length, { onField() {} })).toBe(size);
  });

  it('asks before it makes a string that no table keeps', () => {
    const seen: string[] = [];
    const block = encode(new HpackEncoder(), ['a', '1', 'pass'], ['b', '2', 'never'], ['c', '3', 'add']);
    new HpackDecoder().decode(block, 0, block.length, {
      onField: (name) => seen.push(name),
      wants: (name) => name === 'b',
    });
    expect(seen).toEqual(['b', 'c']);
  });

  it('reads no size update behind its block', () => {
    const decoder = new HpackDecoder();
    expect(decoder.decode(hex('20 20'), 1, 1, undefined)).toBe(0);
    expect(decoder.table.maxBytes).toBe(4096);
  });

  it('knows the last field of the static table from the first of its own', () => {
    expect(decode(new HpackDecoder(), hex('bd 40 01 61 01 62 be'))).toEqual([
      'www-authenticate: ',
      'a: b',
      'a: b',
    ]);
  });

  it('reads a long Huffman-coded string', () => {
    const value = 'e'.repeat(3000);
    const block = encode(new HpackEncoder(), ['a', value]);
    expect(block.length).toBeLessThan(1900);
    expect(decode(new HpackDecoder(), block)).toEqual([`a: ${value}`]);
  });

  it('reads nothing behind its block', () => {
    const chunk = hex('ee 00 01 61 02 62 63 ee');
    expect(() => new HpackDecoder().decode(chunk, 1, 6, undefined)).toThrowError(compressionError);
    expect(() => new HpackDecoder().decode(chunk, 1, 7, undefined)).not.toThrow();
  });

  it('keeps its table in step with blocks nobody reads', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    const skipped = encode(encoder, ['x-first', 'one'], ['x-second', 'two', 'pass']);
    decoder.decode(skipped, 0, skipped.length, undefined);
    expect(decode(decoder, encode(encoder, ['x-first', 'one']))).toEqual(['x-first: one']);
  });

  it('throws nothing but its own error, for any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), (blocks) => {
        const decoder = new HpackDecoder();
        try {
          for (const block of blocks) decode(decoder, Buffer.from(block));
        } catch (error) {
          expect(error).toEqual(compressionError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the encoder', () => {
  it('writes a repeated field as one byte', () => {
    const encoder = new HpackEncoder();
    encode(encoder, ['apns-topic', 'com.example.app']);
    expect(encode(encoder, ['apns-topic', 'com.example.app'])).toEqual(hex('be'));
  });

  it('writes each of several values of one name as one byte, from the second time on', () => {
    const encoder = new HpackEncoder();
    for (const value of ['a', 'b']) encode(encoder, ['apns-topic', value]);
    for (const value of ['a', 'b']) expect(encode(encoder, ['apns-topic', value])).toHaveLength(1);
    expect(encoder.table.length).toBe(2);
  });

  it('still knows the values of a name when the table has dropped the oldest of them', () => {
    const encoder = new HpackEncoder({ maxTableBytes: 2 * 34 });
    const decoder = new HpackDecoder();
    for (const value of ['a', 'b', 'c'])
      expect(decode(decoder, encode(encoder, ['x', value]))).toEqual([`x: ${value}`]);
    expect(encode(encoder, ['x', 'b'])).toHaveLength(1);
    expect(encode(encoder, ['x', 'c'])).toHaveLength(1);
    expect(encoder.knowsName('x')).toBe(true);
    encode(encoder, ['y', 'a'], ['y', 'b']);
    expect(encoder.knowsName('x')).toBe(false);
  });

  it('adds a field that just fits its table', () => {
    const encoder = new HpackEncoder({ maxTableBytes: 34 });
    encode(encoder, ['x', 'a']);
    expect(encoder.table.bytes).toBe(34);
  });

  it('writes a string as it is where Huffman coding would make it longer', () => {
    const value = '~'.repeat(100);
    expect(encode(new HpackEncoder(), ['a', value]).toString('latin1')).toContain(value);
  });

  it.each(['', 'a', '~'.repeat(42), 'a'.repeat(43), 'é', 'é'.repeat(42), '€'.repeat(42), `a€`])(
    'writes %j, and nothing behind it',
    (value) => {
      const slab = Buffer.alloc(1000, 0xee);
      const end = new HpackEncoder().writeField(slab, 0, 'a', value, 'pass');
      const block = slab.subarray(0, end);
      expect(decode(new HpackDecoder(), block)).toEqual([`a: ${value}`]);
      expect(slab.subarray(end).every((byte) => byte === 0xee)).toBe(true);
    },
  );

  it('never writes a secret as an index, even where a table has it', () => {
    const encoder = new HpackEncoder();
    encode(encoder, ['x-secret', 'abc']);
    expect(encode(encoder, ['x-secret', 'abc', 'never'])).toEqual(hex('1f 2f 03 616263'));
  });

  it('tells a smaller table at the next block, once', () => {
    const encoder = new HpackEncoder();
    encode(encoder, ['a', 'b']);
    encoder.setMaxTableBytes(64);
    expect(encode(encoder, [':method', 'GET'])).toEqual(hex('3f21 82'));
    expect(encode(encoder, [':method', 'GET'])).toEqual(hex('82'));
  });

  it('tells the smallest size first when the size went down and up between two blocks', () => {
    const encoder = new HpackEncoder();
    encode(encoder, ['a', 'b']);
    encoder.setMaxTableBytes(0);
    encoder.setMaxTableBytes(64);
    encoder.setMaxTableBytes(4096);
    expect(encode(encoder, ['a', 'b'])).toEqual(hex('20 3fe11f 40 81 1f 81 8f'));
  });

  it('says nothing when a peer allows more than it uses', () => {
    const encoder = new HpackEncoder();
    encoder.setMaxTableBytes(65_536);
    expect(encode(encoder, [':method', 'GET'])).toEqual(hex('82'));
  });

  it('adds nothing to a table that is too small for it', () => {
    const encoder = new HpackEncoder();
    encoder.setMaxTableBytes(33);
    expect(encode(encoder, ['ab', 'cd'])).toEqual(hex('3f02 00 02 6162 02 6364'));
    expect(encoder.table.length).toBe(0);
  });

  it('stays in step with a decoder, whatever happens to the size of the table', () => {
    const name = fc.constantFrom('a', 'bb', 'apns-id', ':status', 'date', 'x'.repeat(60));
    const value = fc.oneof(
      fc.constantFrom('', '200', '1', 'é€😀'),
      fc.string({ maxLength: 150, unit: 'grapheme' }),
    );
    const indexing = fc.constantFrom<FieldIndexing>('add', 'pass', 'never');
    const resize = fc.nat(5000).map((bytes) => ({ bytes }));
    const block = fc.array(fc.tuple(name, value, indexing), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.oneof(resize, block), { maxLength: 20 }), fc.boolean(), (steps, huffman) => {
        const encoder = new HpackEncoder({ huffman });
        const decoder = new HpackDecoder();
        for (const step of steps) {
          if (!Array.isArray(step)) {
            encoder.setMaxTableBytes(step.bytes);
            decoder.setMaxTableBytes(step.bytes);
            continue;
          }
          const decoded = decode(decoder, encode(encoder, ...step));
          expect(decoded).toEqual(step.map(([n, v]) => `${n}: ${v}`));
          expect(decoder.table.bytes).toBe(encoder.table.bytes);
          expect(decoder.table.length).toBe(encoder.table.length);
        }
      }),
      { numRuns: 300 },
    );
  });
});
