import { describe, expect, it } from 'vitest';
import type { Notification } from '../../../src/core/notification.js';
import { decodeFrame, type FrameCommand } from '../../../src/protocol/binary/frame.js';
import { type ByteRange, FrameSlab, SLAB_BYTES } from '../../../src/protocol/binary/frame-slab.js';
import { IdentifierSequence } from '../../../src/protocol/binary/identifier.js';

const valid: Notification = { deviceToken: 'ab', payload: '{}' };

function createSlab(command: FrameCommand = 2, maxPayloadBytes?: number): FrameSlab {
  const identifiers = new IdentifierSequence();
  return new FrameSlab({ command, maxPayloadBytes, identify: (wanted) => identifiers.next(wanted) });
}

const bytesOf = ({ bytes, start, end }: ByteRange): Buffer => bytes.subarray(start, end);

describe('FrameSlab', () => {
  it('gives what was appended since the last time', () => {
    const slab = createSlab();
    expect(slab.take()).toBe(undefined);
    slab.append({ ...valid, payload: 'a' });
    const first = slab.take()!;
    slab.append({ ...valid, payload: 'b' });
    const second = slab.take()!;
    expect(slab.take()).toBe(undefined);
    expect([first, second].map((span) => decodeFrame(bytesOf(span)).payload?.toString())).toEqual(['a', 'b']);
    expect(second).toMatchObject({ start: first.end });
    expect(second.bytes).toBe(first.bytes);
  });

  it('gives the frames of a full slab when the next one no longer fits, and writes there no more', () => {
    const slab = createSlab();
    const payload = new Uint8Array(2000).fill(0x61);
    let full: ByteRange | undefined;
    let appended = 0;
    while (full === undefined) {
      full = slab.append({ ...valid, payload });
      appended++;
    }
    expect(appended - 1).toBe(Math.floor(SLAB_BYTES / (full.end / (appended - 1))));
    const before = Buffer.from(bytesOf(full));
    for (let i = 0; i < 100; i++) slab.append({ ...valid, payload: new Uint8Array(2000).fill(0x62) });
    expect(bytesOf(full)).toEqual(before);
  });

  it('makes room for a frame that is larger than a slab', () => {
    const slab = createSlab(2, 0xffff);
    const payload = 'é'.repeat(0x7fff);
    slab.append({ ...valid, deviceToken: 'ab'.repeat(100), payload });
    expect(decodeFrame(bytesOf(slab.take()!)).payload?.toString()).toBe(payload);
  });

  it.each<[FrameCommand, number]>([
    [2, 2048],
    [1, 256],
    [0, 256],
  ])('takes a payload for command %d up to %d bytes, and not one more', (command, limit) => {
    const slab = createSlab(command);
    const error = expect.objectContaining({ code: 'APNS_ERR_INVALID_NOTIFICATION', field: 'payload' });
    const fitting = [
      'x'.repeat(limit),
      'é'.repeat(limit / 2),
      Buffer.alloc(limit, 'x'),
      { a: 'x'.repeat(limit - 8) },
    ];
    for (const payload of fitting) {
      slab.append({ ...valid, payload });
      expect(decodeFrame(bytesOf(slab.take()!)).payload).toHaveLength(limit);
    }
    const tooLarge = [
      'x'.repeat(limit + 1),
      `${'é'.repeat(limit / 2)}x`,
      '€'.repeat(Math.ceil((limit + 1) / 3)),
      Buffer.alloc(limit + 1, 'x'),
      { a: 'x'.repeat(limit - 7) },
      { a: 'é'.repeat(limit / 2) },
    ];
    for (const payload of tooLarge) {
      expect(() => slab.append({ ...valid, payload })).toThrow(error);
    }
    expect(slab.take()).toBe(undefined);
  });

  it.each<[string, object]>([
    ['deviceToken', { deviceToken: 'abc' }],
    ['priority', { priority: 1 }],
    ['identifier', { identifier: -1 }],
    ['expiration', { expiration: 1.5 }],
    ['payload', { payload: { toJSON: () => undefined } }],
    ['payload', { payload: 'x'.repeat(2049) }],
    ['sound', { sound: 'ping' }],
    ['channelId', { deviceToken: undefined, channelId: 'dHN0LXNyY2gtY2hubA==' }],
  ])('appends nothing, and spends no identifier, when %s breaks a rule', (field, fields) => {
    const slab = createSlab();
    const error = expect.objectContaining({ code: 'APNS_ERR_INVALID_NOTIFICATION', field });
    expect(() => slab.append({ ...valid, ...fields })).toThrow(error);
    expect(slab.take()).toBe(undefined);
    slab.append(valid);
    expect(decodeFrame(bytesOf(slab.take()!)).identifier).toBe(1);
  });

  it('writes a date as seconds and the priorities of this wire', () => {
    const slab = createSlab();
    slab.append({ ...valid, expiration: new Date('2027-01-15T08:00:00.999Z'), priority: 5 });
    expect(decodeFrame(bytesOf(slab.take()!))).toMatchObject({ expiration: 1_800_000_000, priority: 5 });
  });
});
