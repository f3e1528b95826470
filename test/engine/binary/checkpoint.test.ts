import { expect, test } from 'vitest';
import { createCheckpoint, encodeCheckpoint } from '../../../src/engine/binary/checkpoint.js';
import { decodeFrame, encodeFrame } from '../../../src/protocol/binary/frame.js';
import { batchOf, frames, TOKEN } from '../../support/frames.js';

test('is a frame of command 2 with an identifier and an empty device token', () => {
  const frame = encodeCheckpoint(0x01020304);
  expect(frame.toString('hex')).toBe(
    [
      '02', //         command
      '0000000a', //   10 bytes of items
      '03',
      '0004', // item 3, the identifier, first: it is read even where the rest is refused
      '01020304', //
      '01',
      '0000', // item 1, the device token, without bytes
    ].join(''),
  );
  expect(decodeFrame(frame)).toEqual({ command: 2, identifier: 0x01020304, deviceToken: '' });
});

test('is a frame of command 1 with an empty device token where the frames are of command 1 or 0', () => {
  const frame = encodeCheckpoint(0x01020304, 1);
  expect(frame.toString('hex')).toBe(
    [
      '01', //       command
      '01020304', // identifier
      '00000000', // expiration
      '0000', //     device token, without bytes
      '0000', //     payload, without bytes
    ].join(''),
  );
});

test.each([
  { command: 2, written: 2 },
  { command: 1, written: 1 },
  { command: 0, written: 1 },
] as const)('has the form of the frames before it (command $command)', ({ command, written }) => {
  const frame = encodeFrame({ deviceToken: TOKEN, payload: '{}', identifier: 1 }, command);
  expect(createCheckpoint([batchOf(frame)]).frame[0]).toBe(written);
});

test('carries an identifier that no frame carries', () => {
  expect(createCheckpoint([batchOf(...frames(3))]).identifier).toBe(0xffff_fffe);
  expect(createCheckpoint([batchOf(...frames(3, 0xffff_fffd))]).identifier).toBe(0xffff_fffc);
  const gap = [batchOf(...frames(2, 0xffff_fffe)), batchOf(...frames(1, 0xffff_fffc))];
  expect(createCheckpoint(gap).identifier).toBe(0xffff_fffd);
  expect(createCheckpoint([]).identifier).toBe(0xffff_fffe);
});

test('finds it in one go among the highest identifiers there are', () => {
  const count = 30_000;
  const batch = batchOf(...frames(count, 0xffff_ffff - count + 1));
  expect(createCheckpoint([batch]).identifier).toBe(0xffff_ffff - count);
});
