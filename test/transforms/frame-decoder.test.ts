import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { InvalidNotificationError } from '../../src/core/errors.js';
import type { Notification } from '../../src/core/notification.js';
import { encodeFrame, type FrameCommand } from '../../src/protocol/binary/frame.js';
import { createFrameDecoder, type FrameDecoderOptions } from '../../src/transforms/frame-decoder.js';
import { createFrameEncoder } from '../../src/transforms/frame-encoder.js';
import { annotatedHex, everySplit, oneByOne } from '../vectors/annotated-hex.js';
import { FRAME_VECTORS } from '../vectors/frames.js';

async function decode(chunks: Iterable<Uint8Array>, options?: FrameDecoderOptions): Promise<Notification[]> {
  const decoder = createFrameDecoder(options);
  for (const chunk of chunks) decoder.write(chunk);
  decoder.end();
  return await decoder.toArray();
}

const frameOf = (payload: string | Uint8Array): Buffer => encodeFrame({ deviceToken: 'ab', payload });

describe('notifications', () => {
  const whole = FRAME_VECTORS.filter(({ value }) => value.deviceToken && value.payload);

  it.each(whole)('are read from $name, wherever it is split', async ({ bytes, value }) => {
    const { command: _, payload, ...rest } = value;
    const expected = [{ ...rest, payload: Buffer.from(payload!) }];
    for (const chunks of [...everySplit(bytes), oneByOne(bytes)]) {
      expect(await decode(chunks, { payload: 'raw' })).toEqual(expected);
    }
  });

  it('are read from frames of every command in one connection', async () => {
    const bytes = Buffer.concat(whole.map((vector) => vector.bytes));
    expect(await decode([bytes])).toHaveLength(whole.length);
    expect(await decode(oneByOne(bytes))).toHaveLength(whole.length);
  });

  it('are read from 10,000 tiny frames in one chunk', async () => {
    expect(await decode([Buffer.concat(Array.from({ length: 10_000 }, () => frameOf('{}')))])).toHaveLength(
      10_000,
    );
  });

  it('come out of an encoder and a decoder as they went in', async () => {
    const notifications = fc.array(
      fc.record({
        deviceToken: fc
          .uint8Array({ minLength: 1, maxLength: 100 })
          .map((b) => Buffer.from(b).toString('hex')),
        payload: fc.dictionary(
          fc.string(),
          fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean()),
        ),
        identifier: fc.nat(0xffff_ffff),
        expiration: fc.nat(0xffff_ffff),
        priority: fc.constantFrom(10, 5),
      }),
    );
    await fc.assert(
      fc.asyncProperty(notifications, async (list) => {
        const out: Notification[] = [];
        // A null prototype is what fast-check may give a dictionary and JSON never does.
        const plain = list.map((n) => ({ ...n, payload: JSON.parse(JSON.stringify(n.payload)) }));
        await pipeline(
          plain,
          createFrameEncoder({ maxPayloadBytes: 0xffff }),
          createFrameDecoder(),
          async (source) => {
            for await (const notification of source) out.push(notification as Notification);
          },
        );
        expect(out).toEqual(plain);
      }),
      { numRuns: 40 },
    );
  });
});

it('has no field that the frame does not have', async () => {
  expect(await decode([encodeFrame({ deviceToken: 'ab', payload: '{}' }, 0)])).toStrictEqual([
    { deviceToken: 'ab', payload: {} },
  ]);
});

describe('a payload', () => {
  it('becomes an object where it is one, and stays bytes where it is something else', async () => {
    const payloads = ['{"aps":{"alert":"é"}}', '[]', 'null', '"text"', '7', '{"aps":', '\ufeff{}'];
    expect(await decode(payloads.map(frameOf))).toMatchObject([
      { payload: { aps: { alert: 'é' } } },
      ...payloads.slice(1).map((payload) => ({ payload: Buffer.from(payload) })),
    ]);
  });

  it('stays bytes where it is no UTF-8, of which an object would lose some', async () => {
    const payload = Buffer.from('7b2261223a22ff227d', 'hex');
    expect(await decode([frameOf(payload)])).toEqual([{ deviceToken: 'ab', payload }]);
  });

  it('stays bytes when asked to', async () => {
    expect(await decode([frameOf('{}')], { payload: 'raw' })).toEqual([
      { deviceToken: 'ab', payload: Buffer.from('{}') },
    ]);
  });

  it('with __proto__ in it changes no prototype', async () => {
    const [notification] = await decode([frameOf('{"__proto__":{"polluted":true}}')]);
    expect(Object.getPrototypeOf(notification!.payload)).toBe(Object.prototype);
    expect(Object.keys(notification!.payload)).toEqual(['__proto__']);
  });
});

describe('a frame that lacks something', () => {
  const faults: [string, Buffer, string][] = [
    ['every item', annotatedHex('02 00 00 00 00'), 'deviceToken'],
    ['a token', annotatedHex('02 00 00 00 05\n02 00 02 7b 7d  payload'), 'deviceToken'],
    ['a payload', annotatedHex('02 00 00 00 04\n01 00 01 ab  token'), 'payload'],
    [
      'a token with bytes',
      annotatedHex('02 00 00 00 08\n01 00 00  token\n02 00 02 7b 7d  payload'),
      'deviceToken',
    ],
    ['a payload with bytes', annotatedHex('00 00 01 ab  token\n00 00  payload'), 'payload'],
  ];

  it.each(faults)('is reported and skipped where it lacks %s', async (_name, bytes, field) => {
    const onInvalid = vi.fn<(error: InvalidNotificationError) => void>();
    const good = frameOf('{}');
    expect(await decode([Buffer.concat([good, bytes, good])], { onInvalid })).toHaveLength(2);
    expect(onInvalid.mock.calls).toMatchObject([[{ code: 'APNS_ERR_INVALID_NOTIFICATION', field }]]);
  });

  it.each(faults)('fails the stream without onInvalid where it lacks %s', async (_name, bytes, field) => {
    await expect(decode([bytes])).rejects.toMatchObject({
      name: 'InvalidNotificationError',
      code: 'APNS_ERR_INVALID_NOTIFICATION',
      field,
    });
  });

  it('fails the stream with what onInvalid throws', async () => {
    const thrown = new Error('on purpose');
    const onInvalid = () => {
      throw thrown;
    };
    await expect(decode([faults[0]![1]], { onInvalid })).rejects.toBe(thrown);
  });
});

describe('bytes that are no frames', () => {
  it.each([
    ['an unknown command', '03 00 00 00 00', 'APNS_ERR_MALFORMED_PACKET'],
    ['HTTP', '47 45 54 20 2f', 'APNS_ERR_MALFORMED_PACKET'],
    ['SSH', '53 53 48 2d 32', 'APNS_ERR_MALFORMED_PACKET'],
    ['a frame of 1 byte', '02 00 00 00 01\n01', 'APNS_ERR_MALFORMED_PACKET'],
    ['a frame of 2^31 bytes', '02 80 00 00 00', 'APNS_ERR_PACKET_TOO_LARGE'],
    ['a frame of 2^32-1 bytes', '02 ff ff ff ff', 'APNS_ERR_PACKET_TOO_LARGE'],
    ['an item longer than its frame', '02 00 00 00 04\n01 00 02 ab', 'APNS_ERR_MALFORMED_PACKET'],
    ['a repeated token', '02 00 00 00 08\n01 00 01 ab\n01 00 01 ab', 'APNS_ERR_MALFORMED_PACKET'],
    ['an end inside a frame', '02 00 00 00 04\n01 00 01', 'APNS_ERR_TRUNCATED_PACKET'],
    ['a frame length with nothing behind it', '02 00 00 00 04', 'APNS_ERR_TRUNCATED_PACKET'],
  ])('fail the stream behind the last frame: %s', async (_name, text, code) => {
    const onInvalid = vi.fn<(error: InvalidNotificationError) => void>();
    const decoder = createFrameDecoder({ onInvalid });
    decoder.end(Buffer.concat([frameOf('{}'), annotatedHex(text)]));
    const notifications: Notification[] = [];
    const reading = (async () => {
      for await (const notification of decoder) notifications.push(notification);
    })();
    await expect(reading).rejects.toMatchObject({ name: 'ApnsError', code });
    expect(notifications).toHaveLength(1);
    expect(onInvalid).not.toHaveBeenCalled();
  });

  it('give notifications or a typed error, whatever they are', async () => {
    const frames = fc.record({
      command: fc.constantFrom<FrameCommand>(2, 1, 0),
      deviceToken: fc.constantFrom('', 'ab', 'ab'.repeat(32)),
      payload: fc.constantFrom('', '{}', '{"a":"é"}', 'x'),
    });
    const bytes = fc.array(
      fc.oneof(
        frames.map(({ command, ...fields }) => encodeFrame(fields, command)),
        fc.uint8Array(),
      ),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (chunks) => {
        try {
          await decode(chunks);
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.stringMatching(
              /^APNS_ERR_(INVALID_NOTIFICATION|(MALFORMED|TRUNCATED)_PACKET|PACKET_TOO_LARGE)$/,
            ),
          });
        }
      }),
      { numRuns: 300 },
    );
  });
});

it.each<[unknown]>([
  [null],
  [{ payload: 'bytes' }],
  [{ onInvalid: {} }],
  [{ highWaterMark: -1 }],
  [{ signal: {} }],
  [{ command: 2 }],
])('createFrameDecoder refuses the options %j', (options) => {
  const error = expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_INVALID_OPTION' });
  expect(() => createFrameDecoder(options as FrameDecoderOptions)).toThrow(error);
});
