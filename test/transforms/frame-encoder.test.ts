import { getDefaultHighWaterMark, Readable, setDefaultHighWaterMark, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { InvalidNotificationError } from '../../src/core/errors.js';
import type { Notification } from '../../src/core/notification.js';
import { setSourceLine } from '../../src/core/source-line.js';
import { decodeFrame, FRAME_FORMAT, type Frame, type FrameCommand } from '../../src/protocol/binary/frame.js';
import { SLAB_BYTES } from '../../src/protocol/binary/frame-slab.js';
import { PacketReader } from '../../src/protocol/packet-reader.js';
import { createFrameEncoder, type FrameEncoderOptions } from '../../src/transforms/frame-encoder.js';
import { FRAME_VECTORS } from '../vectors/frames.js';

const valid: Notification = { deviceToken: '00ff', payload: '{}' };

function decodeAll(chunks: Iterable<Buffer>): Frame[] {
  const frames: Frame[] = [];
  const reader = new PacketReader(FRAME_FORMAT);
  for (const chunk of chunks) {
    reader.read(chunk, (bytes, start, end) => frames.push(decodeFrame(bytes, start, end)));
  }
  reader.end();
  return frames;
}

/** The chunks that the encoder makes of notifications which are all written in one turn. */
async function encode(notifications: readonly unknown[], options?: FrameEncoderOptions): Promise<Buffer[]> {
  const encoder = createFrameEncoder(options);
  for (const notification of notifications) encoder.write(notification as Notification);
  encoder.end();
  return await encoder.toArray();
}

const identifiers = async (wanted: readonly (number | undefined)[], options?: FrameEncoderOptions) =>
  decodeAll(
    await encode(
      wanted.map((identifier) => ({ ...valid, ...(identifier !== undefined && { identifier }) })),
      options,
    ),
  ).map((frame) => frame.identifier);

describe('the frames', () => {
  const givesIdentifier = FRAME_VECTORS.filter(
    ({ encodes, value }) =>
      encodes && value.deviceToken && value.payload && (value.identifier ?? value.command === 0),
  );
  it.each(givesIdentifier)('are those of the vector: $name', async ({ bytes, value }) => {
    const { command, ...notification } = value;
    expect(Buffer.concat(await encode([notification], { command }))).toEqual(bytes);
  });

  it('leave out what the wire has no place for', async () => {
    const http2 = { topic: 't', pushType: 'alert', collapseId: 'c', apnsId: undefined, context: { a: 1 } };
    expect(decodeAll(await encode([{ ...valid, ...http2 }]))).toEqual([
      { command: 2, deviceToken: '00ff', payload: Buffer.from('{}'), identifier: 1 },
    ]);
  });

  it('are decoded as the notifications they were, in their order', async () => {
    const notifications = fc.array(
      fc.record({
        deviceToken: fc
          .uint8Array({ minLength: 1, maxLength: 100 })
          .map((b) => Buffer.from(b).toString('hex')),
        payload: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
        identifier: fc.nat(0xffff_ffff),
        expiration: fc.nat(0xffff_ffff),
        priority: fc.constantFrom(10, 5),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom<FrameCommand>(2, 1, 0), notifications, async (command, list) => {
        const kept = ['deviceToken', 'payload', 'identifier', 'expiration', 'priority'].slice(
          0,
          [2, 4, 5][command],
        );
        const decoded = decodeAll(await encode(list, { command, maxPayloadBytes: 0xffff }));
        expect(decoded).toEqual(
          list.map((n) => ({
            command,
            ...Object.fromEntries(Object.entries(n).filter(([name]) => kept.includes(name))),
            payload: Buffer.from(n.payload),
          })),
        );
      }),
    );
  });
});

describe('identifiers', () => {
  it('are assigned from 1', async () => {
    expect(await identifiers([undefined, undefined, undefined])).toEqual([1, 2, 3]);
  });

  it('are assigned behind the highest that was given', async () => {
    const wanted = [undefined, 0, 50, undefined, 7, undefined, 0xf000_0000, undefined];
    expect(await identifiers(wanted)).toEqual([1, 0, 50, 51, 7, 52, 0xf000_0000, 0xf000_0001]);
  });

  it('wrap past 2^32-1 to 1, never 0', async () => {
    expect(await identifiers([undefined, undefined], { firstIdentifier: 0xffff_ffff })).toEqual([
      0xffff_ffff, 1,
    ]);
    expect(await identifiers([0xffff_ffff, undefined])).toEqual([0xffff_ffff, 1]);
  });
});

describe('chunks', () => {
  it('hold many notifications of one turn', async () => {
    const chunks = await encode(Array.from({ length: 3000 }, () => valid));
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    expect(decodeAll(chunks)).toHaveLength(3000);
    expect(chunks.length).toBeLessThanOrEqual(Math.ceil(bytes / SLAB_BYTES) + 1);
  });

  it('begin and end with a frame', async () => {
    for (const chunk of await encode(Array.from({ length: 3000 }, () => valid))) {
      expect(decodeAll([chunk]).length).toBeGreaterThan(0);
    }
  });

  it('leave in the turn in which their last frame was written, without waiting for more', async () => {
    const encoder = createFrameEncoder();
    const order: string[] = [];
    encoder.on('data', (chunk) => order.push(`${decodeAll([chunk]).length} frames`));
    await nextTurn();
    setImmediate(() => order.push('next turn'));
    encoder.write(valid);
    encoder.write(valid);
    await nextTurn();
    await Promise.resolve();
    setImmediate(() => order.push('next turn'));
    encoder.write(valid);
    await nextTurn();
    expect(order).toEqual(['2 frames', 'next turn', '1 frames', 'next turn']);
    encoder.destroy();
  });

  it('share no byte with each other, nor change once they are out', async () => {
    const encoder = createFrameEncoder();
    const chunks: Buffer[] = [];
    const copies: Buffer[] = [];
    encoder.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      copies.push(Buffer.from(chunk));
    });
    for (let turn = 0; turn < 50; turn++) {
      for (let i = 0; i < 40; i++)
        encoder.write({ ...valid, payload: 'x'.repeat(1 + ((turn * 40 + i) % 2048)) });
      await nextTurn();
    }
    expect(chunks.every((chunk, i) => chunk.equals(copies[i]!))).toBe(true);
    expect(decodeAll(chunks)).toHaveLength(2000);
    expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBeGreaterThan(5);
    chunks.sort((a, b) => a.byteOffset - b.byteOffset);
    const overlaps = chunks.flatMap((a, i) =>
      chunks.slice(i + 1).filter((b) => a.buffer === b.buffer && b.byteOffset < a.byteOffset + a.length),
    );
    expect(overlaps).toEqual([]);
    encoder.destroy();
  });

  it('grow for a frame that is larger than a slab', async () => {
    const large = { ...valid, payload: Buffer.alloc(0xffff, 'x') };
    const chunks = await encode([valid, large, large, valid], { maxPayloadBytes: 0xffff });
    expect(decodeAll(chunks).map((frame) => frame.payload?.length)).toEqual([2, 0xffff, 0xffff, 2]);
  });
});

describe('an invalid notification', () => {
  const invalid = { deviceToken: '00ff', payload: '{}', priority: 1 };

  it('is reported and skipped where onInvalid is given', async () => {
    const onInvalid = vi.fn<(error: InvalidNotificationError) => void>();
    const line = { ...invalid };
    setSourceLine(line, 7);
    const chunks = await encode([valid, line, valid, { ...valid, token: 'x' }, 'text', valid], { onInvalid });
    expect(decodeAll(chunks).map((frame) => frame.identifier)).toEqual([1, 2, 3]);
    expect(onInvalid.mock.calls).toMatchObject([
      [{ code: 'APNS_ERR_INVALID_NOTIFICATION', field: 'priority', line: 7, notification: line }],
      [{ code: 'APNS_ERR_INVALID_NOTIFICATION', field: 'token', line: undefined }],
      [{ code: 'APNS_ERR_INVALID_NOTIFICATION', field: undefined }],
    ]);
  });

  it('fails the stream where it is not, with line and field', async () => {
    const line = { ...invalid };
    setSourceLine(line, 7);
    await expect(encode([valid, line, valid])).rejects.toMatchObject({
      name: 'InvalidNotificationError',
      code: 'APNS_ERR_INVALID_NOTIFICATION',
      field: 'priority',
      line: 7,
    });
  });

  it('fails the stream with what onInvalid throws', async () => {
    const thrown = new Error('on purpose');
    const onInvalid = () => {
      throw thrown;
    };
    await expect(encode([valid, invalid, valid], { onInvalid })).rejects.toBe(thrown);
  });
});

describe('the stream', () => {
  it('takes no more than a few slabs while nobody reads', async () => {
    let taken = 0;
    async function* many() {
      while (taken < 10_000) {
        taken++;
        yield { ...valid, payload: 'x'.repeat(1000) };
      }
    }
    const controller = new AbortController();
    const stuck = new Writable({ write() {} });
    const done = pipeline(Readable.from(many()), createFrameEncoder(), stuck, {
      signal: controller.signal,
    });
    let before = -1;
    while (before !== taken) {
      before = taken;
      for (let turn = 0; turn < 10; turn++) await nextTurn();
    }
    // Node's own buffers hold 16 KiB on 20 and 64 KiB later, on either side of the encoder.
    expect(taken * 1000).toBeLessThan(8 * SLAB_BYTES);
    controller.abort();
    await expect(done).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('pushes nothing once destroyed, though frames are pending', async () => {
    const encoder = createFrameEncoder();
    const events: string[] = [];
    encoder.on('data', () => events.push('data'));
    encoder.on('error', (error) => events.push(error.message));
    const push = vi.spyOn(encoder, 'push');
    await nextTurn();
    encoder.write(valid);
    encoder.destroy();
    await nextTurn();
    expect(push).not.toHaveBeenCalled();
    expect(events).toEqual([]);
  });

  it('ends without a chunk when there was no notification', async () => {
    expect(await encode([])).toEqual([]);
  });

  it('ends when its signal is aborted, before or later', async () => {
    const aborted = createFrameEncoder({ signal: AbortSignal.abort() });
    await expect(aborted.toArray()).rejects.toMatchObject({ name: 'AbortError' });
    const controller = new AbortController();
    const encoder = createFrameEncoder({ signal: controller.signal });
    encoder.write(valid);
    const done = encoder.toArray();
    controller.abort();
    await expect(done).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('holds back the writer at its highWaterMark', () => {
    expect(createFrameEncoder({ highWaterMark: 3 }).writableHighWaterMark).toBe(3);
    expect(createFrameEncoder().writableObjectMode).toBe(true);
    expect(createFrameEncoder().readableObjectMode).toBe(false);
  });
});

it.each<[unknown]>([
  [null],
  [{ command: 3 }],
  [{ command: '2' }],
  [{ firstIdentifier: 0 }],
  [{ firstIdentifier: 2 ** 32 }],
  [{ maxPayloadBytes: 0 }],
  [{ maxPayloadBytes: 65_536 }],
  [{ onInvalid: true }],
  [{ highWaterMark: -1 }],
  [{ signal: {} }],
  [{ maxPayload: 1 }],
])('createFrameEncoder refuses the options %j', (options) => {
  const error = expect.objectContaining({ name: 'ApnsError', code: 'APNS_ERR_INVALID_OPTION' });
  expect(() => createFrameEncoder(options as FrameEncoderOptions)).toThrow(error);
});

it('holds a writer back while nobody reads, also one that writes a notification per turn', async () => {
  const encoder = createFrameEncoder();
  const notification = { deviceToken: 'ab'.repeat(32), payload: { aps: { alert: 'x'.repeat(1000) } } };
  let written = 0;
  let isHeldBack = false;
  while (!isHeldBack && written < 1000) {
    isHeldBack = !encoder.write(notification);
    written++;
    await new Promise(setImmediate);
  }
  expect(isHeldBack).toBe(true);
  expect(encoder.readableLength).toBeLessThanOrEqual(encoder.readableHighWaterMark + 1100);
  expect(written * 1000).toBeLessThanOrEqual(encoder.readableHighWaterMark + 20 * 1100);
  const bytes = Buffer.concat(await encoder.end().toArray());
  expect(bytes.length % written).toBe(0);
});

it('gives a reader that catches up the frame that found no room, without another write', async () => {
  const encoder = createFrameEncoder({ maxPayloadBytes: 0xffff });
  const large = { ...valid, payload: 'x'.repeat(40_000) };
  let written = 0;
  while (encoder.readableLength < encoder.readableHighWaterMark) {
    encoder.write(large);
    written++;
    await nextTurn();
  }
  encoder.write(valid);
  await nextTurn();
  const chunks: Buffer[] = [];
  encoder.on('data', (chunk: Buffer) => chunks.push(chunk));
  await nextTurn();
  await nextTurn();
  expect(decodeAll(chunks)).toHaveLength(written + 1);
  encoder.destroy();
});

it('goes on to the end, whenever its reader takes anything', async () => {
  // So much waits for a reader on Node 20; where it is more, the notifications below would not fill it.
  const before = getDefaultHighWaterMark(false);
  setDefaultHighWaterMark(false, 16 * 1024);
  onTestFinished(() => setDefaultHighWaterMark(false, before));
  const payloads = fc.array(fc.constantFrom(30, 30, 200, 1900), { minLength: 60, maxLength: 60 });
  // So many turns for each chunk, and so many notifications in a turn.
  const paces = fc.record({
    turns: fc.array(fc.nat(40), { minLength: 60, maxLength: 60 }),
    burst: fc.nat(2),
  });
  const property = fc.asyncProperty(payloads, paces, async (sizes, { turns, burst }) => {
    let [taken, written] = [0, 0];
    async function* source(): AsyncGenerator<Notification> {
      for (const size of sizes) {
        yield { deviceToken: 'ab'.repeat(32), payload: 'x'.repeat(size) };
        if (++written % (burst + 1) === 0) await nextTurn();
      }
    }
    const sink = new Writable({
      highWaterMark: 16,
      async write(_chunk, _encoding, callback) {
        for (let left = turns[taken++ % turns.length]!; left > 0; left--) await nextTurn();
        callback();
      },
    });
    let isDone = false;
    const done = pipeline(Readable.from(source()), createFrameEncoder(), sink).then(() => {
      isDone = true;
    });
    for (let left = 60 * 60; left > 0 && !isDone; left--) await nextTurn();
    expect(isDone, `settled, after ${written} of 60 notifications`).toBe(true);
    await done;
  });
  await fc.assert(property, { numRuns: 40 });
});
