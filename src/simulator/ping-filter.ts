/**
 * Takes PINGs out of what a client sends. node:http2 answers every one it sees, so a server that shall not
 * answer must not see them.
 */
import { decodeFrame } from '../protocol/http2/frame.js';
import { CLIENT_PREFACE, FrameType, frameFormat } from '../protocol/http2/frame-header.js';
import { PacketReader } from '../protocol/packet-reader.js';

/** Filters the bytes of one connection, from the first on. */
export class PingFilter {
  readonly #frames = new PacketReader(frameFormat());
  #prefaceLeft = CLIENT_PREFACE.length;

  /**
   * The bytes that are to be passed on; those of an unfinished frame are held.
   *
   * @throws {ApnsError} for what is no frame, or too long a one
   */
  pass(chunk: Buffer): Buffer {
    const preface = chunk.subarray(0, this.#prefaceLeft);
    this.#prefaceLeft -= preface.length;
    const passed: Buffer[] = [preface];
    this.#frames.read(chunk.subarray(preface.length), (bytes, start, end) => {
      if (!isPing(bytes, start, end)) passed.push(Buffer.from(bytes.subarray(start, end)));
    });
    return Buffer.concat(passed);
  }
}

function isPing(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start + 3] !== FrameType.PING) return false;
  const frame = decodeFrame(bytes, start, end);
  return frame.type === 'PING' && !frame.ack;
}
