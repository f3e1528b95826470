/** HPACK: header blocks with their table, Huffman-coded strings, integers. */
import { ByteCursor } from '../../../src/protocol/hpack/byte-cursor.js';
import { HpackDecoder } from '../../../src/protocol/hpack/decoder.js';
import { type FieldIndexing, HpackEncoder, headerFieldBytes } from '../../../src/protocol/hpack/encoder.js';
import { decodeHuffman, encodeHuffman, HUFFMAN_MAX_EXPANSION } from '../../../src/protocol/hpack/huffman.js';
import { MAX_INTEGER_BYTES, readInteger, writeInteger } from '../../../src/protocol/hpack/integer.js';
import type { PacketFormat } from '../../../src/protocol/packet-reader.js';
import { decodeWhole, type FuzzTarget, thrownBy } from '../fuzz-target.js';
import type { Random } from '../random.js';
import { decodePackets, packetsOf } from './packets.js';

/** An input is blocks of one connection, each behind two bytes that tell its length. */
const BLOCKS: PacketFormat = {
  name: 'block',
  maxBytes: 2 + 0xffff,
  measure: (bytes, start, end) => (end - start < 2 ? 0 : 2 + ((bytes[start]! << 8) | bytes[start + 1]!)),
};

type Field = readonly [name: string, value: string, indexing: FieldIndexing];

const RESPONSE: readonly Field[] = [
  [':status', '200', 'add'],
  ['apns-id', '0f7e9b6a-3c1d-4e5f-8a9b-0c1d2e3f4a5b', 'pass'],
  ['date', 'Thu, 01 Jan 2026 00:00:00 GMT', 'add'],
];
const NAMES = [':status', 'apns-id', 'date', 'x', 'é', 'retry-after', 'x'.repeat(200)];

/** RFC 7541, appendix C.4 and C.6, and what is at the edges of the format. */
const GOLDEN_BLOCKS: readonly string[][] = [
  [
    '828684418cf1e3c2e5f23a6ba0ab90f4ff',
    '828684be5886a8eb10649cbf',
    '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
  ],
  [
    '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
  ],
  [
    '20',
    '3fe11f',
    '88',
    '3f00',
    '203fe11f88',
    '4001610162',
    'be',
    '00016101ff'.replace('01ff', '00'),
    '1001610162',
  ],
];

const HPACK: FuzzTarget = {
  name: 'hpack',
  about: 'header blocks of one connection: table, updates of its size, strings, integers',
  golden: GOLDEN_BLOCKS.map((blocks) =>
    Buffer.concat(blocks.map((text) => framed(Buffer.from(text, 'hex')))),
  ),
  hoards: [encodeBlocks(Array.from({ length: 400 }, (_, i) => [[`x-${i}`, 'y'.repeat(90), 'add'] as const]))],
  // The table counts 32 bytes for what a field costs beside its text; the scratch is as long as the longest string.
  maxHeldBytes: 4 * 4096 + 64 * 1024 * HUFFMAN_MAX_EXPANSION + BLOCKS.maxBytes,
  dictionary: ['20', '3fe11f', '3fe21f', '7fffffff07', 'ffffffff0f', 'ff80808000', '81ff', 'be', '40'].map(
    (text) => Buffer.from(text, 'hex'),
  ),
  generate: (random) =>
    encodeBlocks(
      Array.from({ length: 1 + random.below(4) }, () => (random.oneIn(2) ? RESPONSE : fieldsOf(random))),
    ),
  lengthFields(bytes) {
    const fields = [];
    for (let at = 0; at + 2 <= bytes.length; at += 2 + bytes.readUInt16BE(at))
      fields.push({ at, bytes: 2 } as const);
    return fields;
  },
  open(tell) {
    const decoder = new HpackDecoder();
    return decodePackets(BLOCKS, (bytes, start, end) => {
      const size = decoder.decode(bytes, start + 2, end, {
        onField: (name, value) => tell(JSON.stringify([name, value])),
      });
      const { bytes: tableBytes, maxBytes, length } = decoder.table;
      if (tableBytes > maxBytes || maxBytes > 4096) throw new Error(`a table of ${tableBytes} bytes`);
      tell(`${size} ${tableBytes} ${length}`);
    });
  },
  law: blocksProblem,
};

/** Who skips fields keeps the same table and counts the same; fields survive being encoded again. */
function blocksProblem(input: Buffer): string | undefined {
  const [reading, skipping, choosing] = [new HpackDecoder(), new HpackDecoder(), new HpackDecoder()];
  const [encoder, again] = [new HpackEncoder(), new HpackDecoder()];
  for (const packet of packetsOf(BLOCKS, input)) {
    const fields: Field[] = [];
    const sink = { onField: (name: string, value: string) => void fields.push([name, value, 'add']) };
    const sizes: number[] = [];
    const errors = [
      thrownBy(() => sizes.push(reading.decode(packet, 2, packet.length, sink))),
      thrownBy(() => sizes.push(skipping.decode(packet, 2, packet.length, undefined))),
      thrownBy(() =>
        sizes.push(choosing.decode(packet, 2, packet.length, { onField() {}, wants: () => false })),
      ),
    ].map((error) => (error as Error | undefined)?.message);
    if (new Set(errors).size > 1) return `read: ${errors[0]}, skipped: ${errors[1]}, chosen: ${errors[2]}`;
    if (errors[0] !== undefined) return undefined;
    if (new Set(sizes).size > 1) return `the list has ${sizes.join(' or ')} bytes`;
    if (skipping.table.bytes !== reading.table.bytes) return 'a skipped block leaves another table';
    const block = encodeBlock(encoder, fields);
    const decoded: Field[] = [];
    again.decode(block, 0, block.length, {
      onField: (name, value) => void decoded.push([name, value, 'add']),
    });
    if (JSON.stringify(decoded) !== JSON.stringify(fields))
      return 'fields are others when encoded and decoded';
  }
  return undefined;
}

const HUFFMAN: FuzzTarget = {
  name: 'huffman',
  about: 'Huffman-coded strings',
  golden: ['', 'f1e3c2e5f23a6ba0ab90f4ff', '25a849e95ba97d7f', 'aec3771a4b'].map((text) =>
    Buffer.from(text, 'hex'),
  ),
  maxHeldBytes: 4096,
  dictionary: ['ff', 'fffffffc', 'ffffffffff', '00', 'fe'].map((text) => Buffer.from(text, 'hex')),
  whole: true,
  generate: (random) => encoded(random.bytes(random.below(40))),
  open: (tell) => decodeWhole((input) => tell(decoded(input).toString('hex'))),
  law(input) {
    let text: Buffer | undefined;
    thrownBy(() => {
      text = decoded(input);
    });
    return text === undefined || encoded(text).equals(input)
      ? undefined
      : 'a string is encoded to other bytes';
  },
};

/** The first byte of an input says how many bits of the second are the prefix. */
const INTEGERS: FuzzTarget = {
  name: 'hpack-integers',
  about: 'HPACK integers with prefixes of 1 to 8 bits',
  golden: ['050a', '051f9a0a', '082a', '08ff80fe03', '01ff00', '07ff80ffffff07'].map((text) =>
    Buffer.from(text, 'hex'),
  ),
  maxHeldBytes: 4096,
  dictionary: ['ff', '80', '7f', 'ffffffff0f'].map((text) => Buffer.from(text, 'hex')),
  whole: true,
  open: (tell) => decodeWhole((input) => tell(String(readPrefixed(input)))),
  law(input) {
    let value: number | undefined;
    thrownBy(() => {
      value = readPrefixed(input);
    });
    if (value === undefined) return undefined;
    const slab = Buffer.alloc(1 + MAX_INTEGER_BYTES);
    slab[0] = input[0] ?? 0;
    writeInteger(slab, 1, 0, prefixOf(input), value);
    if (!(value >= 0 && value <= 0x7fffffff)) return `reads ${value}`;
    return readPrefixed(slab) === value ? undefined : `${value} is another one when written and read`;
  },
};

export const HPACK_TARGETS: readonly FuzzTarget[] = [HPACK, HUFFMAN, INTEGERS];

function prefixOf(input: Buffer): number {
  return 1 + (((input[0] ?? 1) - 1) & 7);
}

function readPrefixed(input: Buffer): number {
  const cursor = new ByteCursor();
  cursor.reset(input, Math.min(1, input.length), input.length);
  return readInteger(cursor, cursor.next(), prefixOf(input));
}

function decoded(input: Buffer): Buffer {
  const target = Buffer.alloc(Math.ceil(input.length * HUFFMAN_MAX_EXPANSION));
  return target.subarray(0, decodeHuffman(input, 0, input.length, target));
}

function encoded(text: Buffer): Buffer {
  const slab = Buffer.alloc(4 * text.length + 1);
  return slab.subarray(0, encodeHuffman(text, 0, text.length, slab, 0));
}

function fieldsOf(random: Random): readonly Field[] {
  return Array.from({ length: random.below(6) }, () => [
    random.pick(NAMES),
    random.bytes(random.below(20)).toString('latin1'),
    random.pick(['add', 'pass', 'never'] as const),
  ]);
}

function encodeBlocks(blocks: readonly (readonly Field[])[]): Buffer {
  const encoder = new HpackEncoder();
  return Buffer.concat(blocks.map((fields) => framed(encodeBlock(encoder, fields))));
}

/** One header block. */
export function encodeBlock(encoder: HpackEncoder, fields: readonly Field[]): Buffer {
  const room = fields.reduce((sum, [name, value]) => sum + headerFieldBytes(name, value), 16);
  const slab = Buffer.alloc(room);
  let end = encoder.writeBlockStart(slab, 0);
  for (const [name, value, indexing] of fields) end = encoder.writeField(slab, end, name, value, indexing);
  return slab.subarray(0, end);
}

function framed(block: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(block.length);
  return Buffer.concat([length, block]);
}
