/** RFC 7541, appendix C, byte for byte and in both directions. */
import { describe, expect, it } from 'vitest';
import { HpackDecoder } from '../../../src/protocol/hpack/decoder.js';
import { type FieldIndexing, HpackEncoder } from '../../../src/protocol/hpack/encoder.js';
import { hex } from '../http2/bytes.js';

type Field = readonly [name: string, value: string];

interface Example {
  readonly name: string;
  readonly block: string;
  readonly fields: readonly Field[];
  /** The dynamic table afterwards, newest first, and its size. */
  readonly table: readonly Field[];
  readonly tableBytes: number;
}

const AUTHORITY: Field = [':authority', 'www.example.com'];
const NO_CACHE: Field = ['cache-control', 'no-cache'];
const CUSTOM: Field = ['custom-key', 'custom-value'];

function requests(blocks: readonly [string, string, string]): readonly Example[] {
  return [
    {
      name: 'first request',
      block: blocks[0],
      fields: [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], AUTHORITY],
      table: [AUTHORITY],
      tableBytes: 57,
    },
    {
      name: 'second request',
      block: blocks[1],
      fields: [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], AUTHORITY, NO_CACHE],
      table: [NO_CACHE, AUTHORITY],
      tableBytes: 110,
    },
    {
      name: 'third request',
      block: blocks[2],
      fields: [[':method', 'GET'], [':scheme', 'https'], [':path', '/index.html'], AUTHORITY, CUSTOM],
      table: [CUSTOM, NO_CACHE, AUTHORITY],
      tableBytes: 164,
    },
  ];
}

const PRIVATE: Field = ['cache-control', 'private'];
const DATE_21: Field = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'];
const DATE_22: Field = ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'];
const LOCATION: Field = ['location', 'https://www.example.com'];
const GZIP: Field = ['content-encoding', 'gzip'];
const COOKIE: Field = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'];

function responses(blocks: readonly [string, string, string]): readonly Example[] {
  return [
    {
      name: 'first response',
      block: blocks[0],
      fields: [[':status', '302'], PRIVATE, DATE_21, LOCATION],
      table: [LOCATION, DATE_21, PRIVATE, [':status', '302']],
      tableBytes: 222,
    },
    {
      name: 'second response, which evicts :status 302',
      block: blocks[1],
      fields: [[':status', '307'], PRIVATE, DATE_21, LOCATION],
      table: [[':status', '307'], LOCATION, DATE_21, PRIVATE],
      tableBytes: 222,
    },
    {
      name: 'third response, which evicts while it is read',
      block: blocks[2],
      fields: [[':status', '200'], PRIVATE, DATE_22, LOCATION, GZIP, COOKIE],
      table: [COOKIE, GZIP, DATE_22],
      tableBytes: 215,
    },
  ];
}

const SEQUENCES: readonly [string, boolean, number, readonly Example[]][] = [
  [
    'C.3 (requests without Huffman coding)',
    false,
    4096,
    requests([
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ]),
  ],
  [
    'C.4 (requests with Huffman coding)',
    true,
    4096,
    requests([
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ]),
  ],
  [
    'C.5 (responses without Huffman coding)',
    false,
    256,
    responses([
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
       2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
       6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
       54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
       5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
       3d31`,
    ]),
  ],
  [
    'C.6 (responses with Huffman coding)',
    true,
    256,
    responses([
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
       2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
       77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
       9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ]),
  ],
];

function decode(decoder: HpackDecoder, block: Buffer): Field[] {
  const fields: Field[] = [];
  decoder.decode(block, 0, block.length, { onField: (name, value) => fields.push([name, value]) });
  return fields;
}

function encode(encoder: HpackEncoder, fields: readonly Field[], indexing: FieldIndexing): Buffer {
  const slab = Buffer.alloc(1024);
  let end = encoder.writeBlockStart(slab, 0);
  for (const [name, value] of fields) end = encoder.writeField(slab, end, name, value, indexing);
  return slab.subarray(0, end);
}

function tableOf(codec: Pick<HpackDecoder, 'table'>): Field[] {
  return Array.from({ length: codec.table.length }, (_, age) => {
    const field = codec.table.at(age)!;
    return [field.name, field.value];
  });
}

describe('C.2 (single fields)', () => {
  it.each<[string, Field, FieldIndexing, string, Field[]]>([
    [
      'C.2.1: literal with indexing',
      ['custom-key', 'custom-header'],
      'add',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      [['custom-key', 'custom-header']],
    ],
    [
      'C.2.2: literal without indexing',
      [':path', '/sample/path'],
      'pass',
      '040c 2f73 616d 706c 652f 7061 7468',
      [],
    ],
    [
      'C.2.3: literal never indexed',
      ['password', 'secret'],
      'never',
      '1008 7061 7373 776f 7264 0673 6563 7265 74',
      [],
    ],
    ['C.2.4: indexed', [':method', 'GET'], 'add', '82', []],
  ])('%s', (_name, field, indexing, block, table) => {
    const encoder = new HpackEncoder({ huffman: false });
    expect(encode(encoder, [field], indexing)).toEqual(hex(block));
    expect(tableOf(encoder)).toEqual(table);
    const decoder = new HpackDecoder();
    expect(decode(decoder, hex(block))).toEqual([field]);
    expect(tableOf(decoder)).toEqual(table);
  });
});

describe.each(SEQUENCES)('%s', (_name, huffman, maxTableBytes, examples) => {
  // In the RFC both sides know the table's size from the start; here a block that only says so comes first.
  const sizeUpdate = maxTableBytes === 4096 ? '' : '3fe101';

  it('encodes to these bytes', () => {
    const encoder = new HpackEncoder({ huffman, maxTableBytes });
    expect(encode(encoder, [], 'add')).toEqual(hex(sizeUpdate));
    for (const example of examples) {
      expect(encode(encoder, example.fields, 'add'), example.name).toEqual(hex(example.block));
      expect(tableOf(encoder), example.name).toEqual(example.table);
      expect(encoder.table.bytes, example.name).toBe(example.tableBytes);
    }
  });

  it('decodes from these bytes', () => {
    const decoder = new HpackDecoder(maxTableBytes);
    expect(decode(decoder, hex(sizeUpdate))).toEqual([]);
    for (const example of examples) {
      expect(decode(decoder, hex(example.block)), example.name).toEqual(example.fields);
      expect(tableOf(decoder), example.name).toEqual(example.table);
      expect(decoder.table.bytes, example.name).toBe(example.tableBytes);
    }
  });
});
