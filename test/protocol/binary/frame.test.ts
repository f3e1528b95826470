import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeFrame,
  encodeFrame,
  FRAME_FORMAT,
  type FrameCommand,
  frameBytes,
  readIdentifier,
  writeFrame,
} from '../../../src/protocol/binary/frame.js';
import { annotatedHex } from '../../vectors/annotated-hex.js';
import { decodedValue, FRAME_VECTORS } from '../../vectors/frames.js';

const malformed = expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_MALFORMED_PACKET' });
const truncated = expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_TRUNCATED_PACKET' });
const refused = { name: 'ApnsError', code: 'APNS_ERR_INVALID_OPTION' };

describe.each(FRAME_VECTORS)('$name', (vector) => {
  const { bytes, value } = vector;

  it('decodes', () => {
    expect(decodeFrame(bytes)).toEqual(decodedValue(vector));
  });

  it('decodes between other bytes', () => {
    const among = Buffer.concat([Buffer.of(0xff, 0xff, 0xff), bytes, Buffer.of(0xff)]);
    expect(decodeFrame(among, 3, 3 + bytes.length)).toEqual(decodedValue(vector));
  });

  it('tells its identifier without being decoded', () => {
    expect(readIdentifier(bytes, 0, bytes.length)).toBe(value.identifier);
  });

  it('refuses every shorter part of itself as truncated', () => {
    for (let end = 0; end < bytes.length; end++) {
      expect(() => decodeFrame(bytes.subarray(0, end))).toThrow(truncated);
      expect(() => decodeFrame(bytes, 0, end)).toThrow(truncated);
    }
  });

  it('refuses a byte behind it', () => {
    expect(() => decodeFrame(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(malformed);
  });
});

describe.each(FRAME_VECTORS.filter(({ encodes }) => encodes))('$name', ({ bytes, value }) => {
  const fields = { deviceToken: '', payload: '', ...value };

  it('encodes a payload given as text', () => {
    expect(encodeFrame(fields, value.command)).toEqual(bytes);
  });

  it('encodes a payload given as bytes, and a token in upper case', () => {
    const payload = new TextEncoder().encode(fields.payload);
    expect(
      encodeFrame({ ...fields, deviceToken: fields.deviceToken.toUpperCase(), payload }, value.command),
    ).toEqual(bytes);
  });
});

describe('decodeFrame', () => {
  it.each([3, 8, 0x16, 0x47, 0x50, 0x53, 0xff])('refuses command %d', (command) => {
    expect(() => decodeFrame(Buffer.alloc(64, command))).toThrow(malformed);
  });

  it.each([
    ['a repeated token', '02 00 00 00 08  length 8\n01 00 01 ab  token\n01 00 01 ab  token'],
    ['a repeated token without bytes', '02 00 00 00 07\n01 00 00  empty\n01 00 01 ab  token'],
    ['a repeated payload', '02 00 00 00 08\n02 00 01 7b  payload\n02 00 01 7b  payload'],
    ['an identifier of 3 bytes', '02 00 00 00 06\n03 00 03 01 02 03'],
    ['an identifier of 5 bytes', '02 00 00 00 08\n03 00 05 01 02 03 04 05'],
    ['an expiration of 8 bytes', '02 00 00 00 0b\n04 00 08 01 02 03 04 05 06 07 08'],
    ['a priority of 4 bytes', '02 00 00 00 07\n05 00 04 00 00 00 0a'],
    ['a priority of 0 bytes', '02 00 00 00 03\n05 00 00'],
    ['an item longer than the frame', '02 00 00 00 04\n01 00 02 ab'],
    ['an item of 65535 bytes in a frame of 4', '02 00 00 00 04\n01 ff ff ab'],
    ['a frame of 1 byte', '02 00 00 00 01\n01'],
    ['a frame that ends in the header of an item', '02 00 00 00 06\n01 00 01 ab  token\n02 00'],
  ])('refuses %s', (_name, text) => {
    expect(() => decodeFrame(annotatedHex(text))).toThrow(malformed);
  });

  it('reads a payload length with a high second byte', () => {
    const payload = 'x'.repeat(0x1ff);
    expect(decodeFrame(encodeFrame({ deviceToken: 'ab', payload })).payload).toHaveLength(0x1ff);
    expect(encodeFrame({ deviceToken: 'ab', payload }, 0).subarray(4, 6)).toEqual(Buffer.of(0x01, 0xff));
  });

  it('takes the first of several identifiers, as readIdentifier does', () => {
    const bytes = annotatedHex(`
      02 00 00 00 0e     two items of 7 bytes
      03 00 04 00 00 00 01  identifier 1
      03 00 04 00 00 00 02  identifier 2`);
    expect(readIdentifier(bytes, 0, bytes.length)).toBe(1);
    expect(decodeFrame(bytes).identifier).toBe(1);
  });
});

describe('readIdentifier', () => {
  it.each([2, 1, 0] as const)('finds what decodeFrame does in a frame of command %d', (command) => {
    const bytes = encodeFrame({ deviceToken: 'aaaa03000400000009', payload: '{}', identifier: 7 }, command);
    expect(readIdentifier(bytes, 0, bytes.length)).toBe(decodeFrame(bytes).identifier);
  });

  it.each([
    ['last', '02 00 00 00 0b   01 00 01 ab   03 00 04 00 00 00 07', 7],
    ['cut short', '02 00 00 00 0a   01 00 01 ab   03 00 04 00 00 00', undefined],
    ['cut after its header', '02 00 00 00 07   01 00 01 ab   03 00 04', undefined],
    ['absent', '02 00 00 00 04   01 00 01 ab', undefined],
    ['behind the frame', '02 00 00 00 00', undefined],
  ])('reads no further than the frame where the identifier is %s', (_where, text, identifier) => {
    const bytes = Buffer.from(text.replaceAll(' ', ''), 'hex');
    const among = Buffer.concat([bytes, Buffer.from('03000400000009', 'hex')]);
    expect(readIdentifier(among, 0, bytes.length)).toBe(identifier);
  });
});

describe('FRAME_FORMAT', () => {
  it.each([
    ['02 00 00 00 00', 5],
    ['02 00 00 00 01', 6],
    ['02 80 00 00 00', 0x8000_0005],
    ['02 ff ff ff ff', 0x1_0000_0004],
    ['02 00 00 00', 0],
    ['02', 0],
    ['01 00 00 00 00 00 00 00 00 00', 0],
    ['00 ff ff', 0],
  ])('measures %s as %d', (text, length) => {
    const bytes = annotatedHex(text);
    expect(FRAME_FORMAT.measure(bytes, 0, bytes.length)).toBe(length);
  });

  it.each([
    '02 00 00 00',
    '01 00 00 00 00 00 00 00 00 00',
    '01 00 00 00 00 00 00 00 00 00 01',
    '00',
    '00 00 01 ab',
  ])('asks for more than %s, wherever it lies and whatever lies behind it', (text) => {
    const bytes = annotatedHex(text);
    const among = Buffer.concat([Buffer.alloc(20), bytes, Buffer.alloc(20)]);
    expect(FRAME_FORMAT.measure(among, 20, 20 + bytes.length)).toBe(0);
  });

  it('asks for more where there is nothing, whatever lies behind', () => {
    expect(FRAME_FORMAT.measure(Buffer.of(0xff), 0, 0)).toBe(0);
  });

  it('has room for the longest frame there is', () => {
    const longest = {
      deviceToken: 'ab'.repeat(0xffff),
      payload: 'x'.repeat(0xffff),
      identifier: 1,
      expiration: 1,
    };
    for (const command of [2, 1, 0] as const) {
      const bytes = encodeFrame({ ...longest, priority: 10 }, command);
      expect(FRAME_FORMAT.maxBytes).toBeGreaterThanOrEqual(bytes.length);
      expect(decodeFrame(bytes)).toMatchObject({ command, deviceToken: longest.deviceToken });
    }
  });
});

describe('encodeFrame', () => {
  it.each([
    ['a token with a digit that is not hex', { deviceToken: 'abzz12' }],
    ['a token of odd length', { deviceToken: 'abc' }],
    ['a token of 65536 bytes', { deviceToken: 'ab'.repeat(0x1_0000) }],
    ['a payload of 65536 bytes', { payload: 'x'.repeat(0x1_0000) }],
    ['a payload of 65536 bytes in fewer characters', { payload: 'é'.repeat(0x8000) }],
    ['an identifier of 2^32', { identifier: 0x1_0000_0000 }],
    ['a negative identifier', { identifier: -1 }],
    ['an identifier that is no number', { identifier: Number.NaN }],
    ['an expiration in milliseconds', { expiration: 1_800_000_000_000 }],
    ['half a second', { expiration: 1.5 }],
    ['a priority of 256', { priority: 256 }],
  ])('refuses %s, which the field could not hold, and names the field', (_name, fields) => {
    for (const command of [2, 1, 0] as const) {
      expect(() => encodeFrame({ deviceToken: 'ab', payload: '{}', ...fields }, command)).toThrow(
        expect.objectContaining({ ...refused, message: expect.stringContaining(Object.keys(fields)[0]!) }),
      );
    }
  });

  it('stores for as long as command 1 allows where there is no expiration', () => {
    expect(decodeFrame(encodeFrame({ deviceToken: 'ab', payload: '{}' }, 1)).expiration).toBe(0x7fff_ffff);
  });

  it('never needs more than frameBytes says, nor touches what lies around', () => {
    fc.assert(
      fc.property(frames, fc.nat(20), ({ command, ...fields }, at) => {
        const room = frameBytes(fields.deviceToken.length / 2, Buffer.byteLength(fields.payload));
        const slab = Buffer.alloc(at + room + 8, 0xee);
        const end = writeFrame(slab, at, command, fields);
        expect(end).toBeLessThanOrEqual(at + room);
        expect(slab.subarray(0, at).every((byte) => byte === 0xee)).toBe(true);
        expect(slab.subarray(end).every((byte) => byte === 0xee)).toBe(true);
      }),
    );
  });
});

const uint32 = fc.oneof(
  fc.constantFrom(0, 0xff, 0x100, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
  fc.nat(0xffff_ffff),
);
const frames = fc.record({
  command: fc.constantFrom<FrameCommand>(2, 1, 0),
  deviceToken: fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  payload: fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.uint8Array({ maxLength: 300 })),
  identifier: fc.option(uint32, { nil: undefined }),
  expiration: fc.option(uint32, { nil: undefined }),
  priority: fc.option(fc.nat(255), { nil: undefined }),
});

describe('any frame', () => {
  it('is decoded as it was encoded', () => {
    fc.assert(
      fc.property(frames, ({ command, ...fields }) => {
        const decoded = decodeFrame(encodeFrame(fields, command));
        const kept = { command, deviceToken: fields.deviceToken, payload: Buffer.from(fields.payload) };
        const { identifier, expiration, priority } = fields;
        const items = { identifier, expiration, priority };
        const present = Object.entries(items).filter(([, value]) => value !== undefined);
        if (command === 2) expect(decoded).toEqual({ ...kept, ...Object.fromEntries(present) });
        else if (command === 0) expect(decoded).toEqual(kept);
        else
          expect(decoded).toEqual({
            ...kept,
            identifier: identifier ?? 0,
            expiration: expiration ?? 0x7fff_ffff,
          });
      }),
    );
  });

  it('with bytes changed, removed or added gives a frame or a typed error', () => {
    const packets = FRAME_VECTORS.map(({ bytes }) => bytes);
    fc.assert(
      fc.property(
        fc.constantFrom(...packets),
        fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 4 }),
        fc.nat(100),
        fc.uint8Array({ maxLength: 4 }),
        (packet, changes, length, tail) => {
          const bytes = Buffer.concat([packet.subarray(0, length), tail]);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          expectFrameOrTypedError(bytes);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('made of random bytes gives a frame or a typed error', () => {
    const bytes = fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(bytes, ([command, rest]) => expectFrameOrTypedError(Buffer.from([command, ...rest]))),
      { numRuns: 2000 },
    );
  });
});

function expectFrameOrTypedError(bytes: Buffer): void {
  try {
    expect(decodeFrame(bytes).command).toBe(bytes[0]);
  } catch (error) {
    expect(error).toMatchObject({ name: 'ApnsError', code: expect.stringMatching(/MALFORMED|TRUNCATED/) });
  }
}
