/** Packets of any format, and a fuzz target for what cuts them. */
import { ApnsError } from '../../../src/core/errors.js';
import { type PacketFormat, type PacketHandler, PacketReader } from '../../../src/protocol/packet-reader.js';
import { type Decoding, type FuzzTarget, thrownBy } from '../fuzz-target.js';

/** Bytes into packets, each of which is handed over. */
export function decodePackets(format: PacketFormat, onPacket: PacketHandler): Decoding {
  const reader = new PacketReader(format);
  return {
    read(chunk) {
      reader.read(chunk, onPacket);
      if (reader.pendingBytes > format.maxBytes) throw new Error(`${reader.pendingBytes} bytes are pending`);
    },
    end: () => reader.end(),
  };
}

/** The packets of an input up to where it can be cut no further. */
export function packetsOf(format: PacketFormat, input: Buffer): readonly Buffer[] {
  const packets: Buffer[] = [];
  thrownBy(() =>
    new PacketReader(format).read(input, (bytes, start, end) => packets.push(bytes.subarray(start, end))),
  );
  return packets;
}

const MAX_BYTES = 100;

/** A format made for this: a byte says how many follow, 255 starts no packet, and 200 is too much. */
const TOY: PacketFormat = {
  name: 'toy',
  maxBytes: MAX_BYTES,
  measure(bytes, start, end) {
    if (start >= end) return 0;
    if (bytes[start] === 0xff) throw new ApnsError('APNS_ERR_MALFORMED_PACKET', '255');
    return 1 + bytes[start]!;
  },
};

const PACKET_READER: FuzzTarget = {
  name: 'packet-reader',
  about: 'what cuts chunks into packets, over a format of its own',
  golden: ['00', '0000', '0161', '0561626364650161', `${'63'}${'aa'.repeat(0x63)}`].map((text) =>
    Buffer.from(text, 'hex'),
  ),
  hoards: [Buffer.concat([Buffer.from([99]), Buffer.alloc(98)])],
  maxHeldBytes: 4096,
  dictionary: [Buffer.from([0]), Buffer.from([99]), Buffer.from([100]), Buffer.from([0xff])],
  generate: (random) =>
    Buffer.concat(
      Array.from({ length: 1 + random.below(8) }, () => {
        const data = random.bytes(random.below(MAX_BYTES));
        return Buffer.concat([Buffer.from([data.length]), data]);
      }),
    ),
  lengthFields: (bytes) => {
    const fields = [];
    for (let at = 0; at < bytes.length; at += 1 + bytes[at]!) fields.push({ at, bytes: 1 } as const);
    return fields;
  },
  open: (tell) => decodePackets(TOY, (bytes, start, end) => tell(bytes.toString('hex', start, end))),
  law(input) {
    const packets: Buffer[] = [];
    let at = 0;
    for (; at < input.length; at += 1 + input[at]!) {
      const length = 1 + input[at]!;
      if (length > MAX_BYTES || at + length > input.length) break;
      packets.push(input.subarray(at, at + length));
    }
    const told = packetsOf(TOY, input);
    return Buffer.concat(told).equals(Buffer.concat(packets)) && told.length === packets.length
      ? undefined
      : `${told.length} packets instead of ${packets.length}`;
  },
};

export const PACKET_TARGETS: readonly FuzzTarget[] = [PACKET_READER];
