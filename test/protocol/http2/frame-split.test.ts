import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeFrame, type Http2Frame } from '../../../src/protocol/http2/frame.js';
import { FRAME_HEADER_BYTES, frameFormat } from '../../../src/protocol/http2/frame-header.js';
import { frameData, frameHeaderBlock, splitBytes } from '../../../src/protocol/http2/frame-split.js';
import { PacketReader } from '../../../src/protocol/packet-reader.js';

type Split = typeof frameData;

/** The frames that `split` makes of `payload`, which starts somewhere inside a slab. */
function framesOf(
  split: Split,
  payload: Uint8Array,
  endStream: boolean,
  maxFrameBytes: number,
): Http2Frame[] {
  const at = 5;
  const slab = Buffer.alloc(at + payload.length + splitBytes(payload.length, maxFrameBytes));
  slab.set(payload, at + FRAME_HEADER_BYTES);
  const end = split(slab, at, at + FRAME_HEADER_BYTES + payload.length, 7, endStream, maxFrameBytes);
  expect(end).toBeLessThanOrEqual(slab.length);
  const frames: Http2Frame[] = [];
  const reader = new PacketReader(frameFormat(maxFrameBytes));
  reader.read(slab.subarray(at, end), (bytes, from, to) => frames.push(decodeFrame(bytes, from, to)));
  reader.end();
  return frames;
}

const cases: [fc.Arbitrary<Uint8Array>, fc.Arbitrary<boolean>, fc.Arbitrary<number>] = [
  fc.uint8Array({ maxLength: 200 }),
  fc.boolean(),
  fc.integer({ min: 1, max: 210 }),
];

it.each([99, 100, 101, 200, 201])('sends %i bytes in as few frames of 100 as they need', (length) => {
  const bytes = new Uint8Array(length).fill(1);
  const body = framesOf(frameData, bytes, true, 100);
  const block = framesOf(frameHeaderBlock, bytes, true, 100);
  expect([body.length, block.length]).toEqual([Math.ceil(length / 100), Math.ceil(length / 100)]);
  expect(body.at(-1)).toMatchObject({ type: 'DATA', endStream: true });
  expect(block[0]).toMatchObject({ type: 'HEADERS', endStream: true });
  expect(block.at(-1)).toMatchObject({ endHeaders: true });
});

it('splits a header block into HEADERS and CONTINUATION, the last of which ends it', () => {
  fc.assert(
    fc.property(...cases, (block, endStream, maxFrameBytes) => {
      const frames = framesOf(frameHeaderBlock, block, endStream, maxFrameBytes);
      const blocks = frames.map((frame, i) => {
        if (frame.type !== (i === 0 ? 'HEADERS' : 'CONTINUATION')) throw new Error(frame.type);
        expect(frame.streamId).toBe(7);
        expect(frame.endHeaders).toBe(i === frames.length - 1);
        if (frame.type === 'HEADERS') expect(frame.endStream).toBe(endStream);
        return frame.block;
      });
      expect(Buffer.concat(blocks)).toEqual(Buffer.from(block));
      expect(frames).toHaveLength(Math.max(1, Math.ceil(block.length / maxFrameBytes)));
    }),
  );
});

it('splits a body into DATA, only the last of which ends the stream', () => {
  fc.assert(
    fc.property(...cases, (body, endStream, maxFrameBytes) => {
      const frames = framesOf(frameData, body, endStream, maxFrameBytes);
      const pieces = frames.map((frame, i) => {
        if (frame.type !== 'DATA') throw new Error(frame.type);
        expect(frame.streamId).toBe(7);
        expect(frame.endStream).toBe(endStream && i === frames.length - 1);
        return frame.data;
      });
      expect(Buffer.concat(pieces)).toEqual(Buffer.from(body));
      expect(frames).toHaveLength(Math.max(1, Math.ceil(body.length / maxFrameBytes)));
    }),
  );
});
