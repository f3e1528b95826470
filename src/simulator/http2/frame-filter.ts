/** Removes frames from one direction of an HTTP/2 connection, so that node:http2 does not receive or send them. */
import { FrameFlag, FrameType, frameFormat } from '../../protocol/http2/frame-header.js';
import { PacketReader } from '../../protocol/packet-reader.js';

/** A 24-bit length: the limits are the business of node:http2. */
export const MAX_FRAME_BYTES = 0xff_ffff;

/** Filters bytes, from a place where a frame begins. */
export class FrameFilter {
  readonly #frames = new PacketReader(frameFormat(MAX_FRAME_BYTES));
  readonly #isDropped: (type: number, flags: number) => boolean;
  #prefaceLeft: number;

  /** @param prefaceBytes that come before the first frame and are passed on as they are */
  constructor(isDropped: (type: number, flags: number) => boolean, prefaceBytes = 0) {
    this.#isDropped = isDropped;
    this.#prefaceLeft = prefaceBytes;
  }

  /** The bytes to be passed on; those of an unfinished frame are held. */
  pass(chunk: Buffer): Buffer {
    const preface = chunk.subarray(0, this.#prefaceLeft);
    this.#prefaceLeft -= preface.length;
    const passed: Buffer[] = [preface];
    this.#frames.read(chunk.subarray(preface.length), (bytes, start, end) => {
      // A copy: the bytes are valid during this call only.
      if (!this.#isDropped(bytes[start + 3]!, bytes[start + 4]!)) {
        passed.push(Buffer.from(bytes.subarray(start, end)));
      }
    });
    return Buffer.concat(passed);
  }
}

/** Whether a frame is a PING that requires a response. */
export function isPing(type: number, flags: number): boolean {
  return type === FrameType.PING && (flags & FrameFlag.ACK) === 0;
}
