import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApnsError } from '../../src/core/errors.js';
import { ERROR_RESPONSE_FORMAT } from '../../src/protocol/binary/error-response.js';
import { FEEDBACK_TUPLE_FORMAT } from '../../src/protocol/binary/feedback-tuple.js';
import { decodeFrame, encodeFrame, FRAME_FORMAT } from '../../src/protocol/binary/frame.js';
import { type PacketFormat, PacketReader } from '../../src/protocol/packet-reader.js';
import { everySplit, oneByOne } from '../vectors/annotated-hex.js';
import { ERROR_RESPONSE_VECTORS } from '../vectors/error-responses.js';
import { FEEDBACK_TUPLE_VECTORS } from '../vectors/feedback-tuples.js';
import { FRAME_VECTORS } from '../vectors/frames.js';

/** The packets in the chunks, as hex; fails unless they end on a boundary. */
function readAll(format: PacketFormat, chunks: Iterable<Buffer>): string[] {
  const reader = new PacketReader(format);
  const packets: string[] = [];
  let most = 0;
  for (const chunk of chunks) {
    reader.read(chunk, (bytes, start, end) => packets.push(bytes.toString('hex', start, end)));
    most = Math.max(most, reader.pendingBytes);
  }
  reader.end();
  expect(most).toBeLessThanOrEqual(format.maxBytes);
  return packets;
}

const unexpected = (): never => expect.fail('no packet is complete yet');
const short = ({ bytes }: { bytes: Buffer }): boolean => bytes.length < 1000;
const formats = [
  { format: FRAME_FORMAT, packets: FRAME_VECTORS.filter(short).map(({ bytes }) => bytes) },
  { format: ERROR_RESPONSE_FORMAT, packets: ERROR_RESPONSE_VECTORS.filter(short).map(({ bytes }) => bytes) },
  { format: FEEDBACK_TUPLE_FORMAT, packets: FEEDBACK_TUPLE_VECTORS.filter(short).map(({ bytes }) => bytes) },
];

describe.each(formats)('a reader of $format.name packets', ({ format, packets }) => {
  const expected = packets.map((packet) => packet.toString('hex'));
  const together = Buffer.concat(packets);

  it('gives each packet on its own', () => {
    for (const packet of packets) expect(readAll(format, [packet])).toEqual([packet.toString('hex')]);
  });

  it('gives every packet of one chunk', () => {
    expect(readAll(format, [together])).toEqual(expected);
  });

  it('gives the same packets wherever the bytes are split', () => {
    for (const chunks of everySplit(together)) expect(readAll(format, chunks)).toEqual(expected);
  });

  it('gives the same packets byte by byte', () => {
    expect(readAll(format, oneByOne(together))).toEqual(expected);
  });

  it('gives the same packets however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(together.length)), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), together.length];
        const chunks = places.slice(1).map((end, i) => together.subarray(places[i], end));
        expect(readAll(format, chunks)).toEqual(expected);
      }),
    );
  });

  it('counts what it holds of an unfinished packet', () => {
    const packet = packets[0]!;
    for (let end = 1; end < packet.length; end++) {
      const reader = new PacketReader(format);
      reader.read(packet.subarray(0, end), unexpected);
      expect(reader.pendingBytes).toBe(end);
      expect(() => reader.end()).toThrow(
        expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_TRUNCATED_PACKET' }),
      );
    }
  });

  it('answers any bytes with packets or a typed error, and holds no more than a packet', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (chunks) => {
        const reader = new PacketReader(format);
        let given = 0;
        let total = 0;
        try {
          for (const chunk of chunks) {
            total += chunk.length;
            reader.read(Buffer.from(chunk), (_bytes, start, end) => {
              expect(end).toBeGreaterThan(start);
              given += end - start;
            });
            expect(reader.pendingBytes).toBe(total - given);
            expect(reader.pendingBytes).toBeLessThanOrEqual(format.maxBytes);
          }
          reader.end();
        } catch (error) {
          expect(error).toMatchObject({
            name: 'ApnsError',
            code: expect.stringMatching(/^APNS_ERR_((MALFORMED|TRUNCATED)_PACKET|PACKET_TOO_LARGE)$/),
          });
        }
      }),
    );
  });
});

describe('PacketReader', () => {
  it.each([
    ['bytes that start no packet', 'ff', 'APNS_ERR_MALFORMED_PACKET'],
    ['an end inside a packet', '0100', 'APNS_ERR_TRUNCATED_PACKET'],
    ['a packet over the limit', '02ffffffff', 'APNS_ERR_PACKET_TOO_LARGE'],
  ])('says at which byte it met %s', (_fault, hex, code) => {
    const frame = encodeFrame({ deviceToken: 'aa', payload: 'a' });
    const bytes = Buffer.concat([frame, frame, Buffer.from(hex, 'hex')]);
    const message = expect.stringContaining(`at byte ${2 * frame.length}`);
    for (const chunks of [[bytes], oneByOne(bytes)]) {
      expect(() => readAll(FRAME_FORMAT, chunks)).toThrow(expect.objectContaining({ code, message }));
    }
  });

  it('says at which byte a packet starts that cannot be decoded', () => {
    const repeated = Buffer.from('0200000008 010001aa 010001aa'.replaceAll(' ', ''), 'hex');
    const frame = encodeFrame({ deviceToken: 'aa', payload: 'a' });
    const decode = (bytes: Buffer, start: number, end: number): void => void decodeFrame(bytes, start, end);
    expect(() => new PacketReader(FRAME_FORMAT).read(Buffer.concat([frame, repeated]), decode)).toThrow(
      expect.objectContaining({
        code: 'APNS_ERR_MALFORMED_PACKET',
        message: expect.stringContaining(`at byte ${frame.length}`),
      }),
    );
  });

  it('adds the byte to what is malformed only, and keeps the cause', () => {
    const format: PacketFormat = { name: 'packet', maxBytes: 9, measure: () => 1 };
    const thrownFor = (error: Error): unknown => {
      try {
        new PacketReader(format).read(Buffer.of(1), () => {
          throw error;
        });
      } catch (thrown) {
        return thrown;
      }
      return expect.unreachable();
    };
    for (const error of [new RangeError('on purpose'), new ApnsError('APNS_ERR_TRUNCATED_PACKET', 'cut')]) {
      expect(thrownFor(error)).toBe(error);
    }
    const malformed = new ApnsError('APNS_ERR_MALFORMED_PACKET', 'broken');
    expect(thrownFor(malformed)).toMatchObject({ message: 'broken (at byte 0)', cause: malformed });
  });

  it('joins a packet in a buffer of twice its length at most', () => {
    const frame = encodeFrame({ deviceToken: 'ab', payload: 'x'.repeat(1000) });
    const lengths: number[] = [];
    const reader = new PacketReader(FRAME_FORMAT);
    for (const chunk of oneByOne(frame)) reader.read(chunk, ({ length }) => lengths.push(length));
    expect(lengths).toHaveLength(1);
    expect(lengths[0]).toBeLessThan(2 * frame.length);
  });

  it('hands over a packet that lies whole in a chunk without copying it', () => {
    const chunk = Buffer.concat(formats[0]!.packets);
    new PacketReader(FRAME_FORMAT).read(chunk, (bytes) => expect(bytes).toBe(chunk));
  });

  it('keeps no view of a chunk, whose owner may write to it again', () => {
    const [first, second] = everySplit(formats[0]!.packets[0]!)[20]!;
    const reused = Buffer.from(first);
    const reader = new PacketReader(FRAME_FORMAT);
    reader.read(reused, unexpected);
    reused.fill(0xff);
    const packets: string[] = [];
    reader.read(second, (bytes, start, end) => packets.push(bytes.toString('hex', start, end)));
    expect(packets).toEqual([Buffer.concat([first, second]).toString('hex')]);
  });

  it('leaves the bytes of a packet alone when the next one is joined', () => {
    const [a, b] = [
      encodeFrame({ deviceToken: 'aa', payload: 'a' }),
      encodeFrame({ deviceToken: 'bb', payload: 'b' }),
    ];
    const views: Buffer[] = [];
    const reader = new PacketReader(FRAME_FORMAT);
    for (const chunk of oneByOne(Buffer.concat([a, b, a]))) {
      reader.read(chunk, (bytes, start, end) => views.push(bytes.subarray(start, end)));
    }
    expect(views).toEqual([a, b, a]);
  });

  it.each([0x7fff_ffff, 0x8000_0000, 0xffff_ffff])(
    'refuses a frame length of %d before any of it comes',
    (length) => {
      const header = Buffer.alloc(5, 2);
      header.writeUInt32BE(length, 1);
      for (const chunks of [[header], oneByOne(header)]) {
        expect(() => readAll(FRAME_FORMAT, chunks)).toThrow(
          expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_PACKET_TOO_LARGE' }),
        );
      }
    },
  );

  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['TLS', '\u0016\u0003\u0001'],
  ])('refuses %s at the first byte', (_name, text) => {
    for (const format of [FRAME_FORMAT, ERROR_RESPONSE_FORMAT]) {
      expect(() => readAll(format, oneByOne(Buffer.from(text)).slice(0, 1))).toThrow(
        expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_MALFORMED_PACKET' }),
      );
    }
  });

  it('gives 10,000 tiny frames of one chunk', () => {
    const tiny = Buffer.from('0200000000', 'hex');
    expect(readAll(FRAME_FORMAT, [Buffer.concat(Array.from({ length: 10_000 }, () => tiny))])).toHaveLength(
      10_000,
    );
  });

  it.each([2, 1, 0] as const)('moves each byte of a long frame of command %d a few times only', (command) => {
    const frame = encodeFrame({ deviceToken: 'ab'.repeat(0xffff), payload: 'x'.repeat(0xffff) }, command);
    let moved = 0;
    const chunks = oneByOne(frame);
    const copy = Buffer.prototype.copy;
    const concat = Buffer.concat;
    Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<typeof copy>) {
      const bytes = copy.apply(this, args);
      moved += bytes;
      return bytes;
    };
    Buffer.concat = (list, length) => {
      for (const part of list) moved += part.length;
      return concat(list, length);
    };
    try {
      expect(readAll(FRAME_FORMAT, chunks)).toEqual([frame.toString('hex')]);
    } finally {
      Buffer.prototype.copy = copy;
      Buffer.concat = concat;
    }
    expect(moved).toBeLessThan(8 * frame.length);
  });
});
