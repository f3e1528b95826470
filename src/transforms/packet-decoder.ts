/** The base of all decoders: it turns bytes into one object per packet. */

import { Transform, type TransformCallback } from 'node:stream';
import { streamOptions } from '../core/options.js';
import { redactStream } from '../core/redact-stream.js';
import { type PacketFormat, PacketReader } from '../protocol/packet-reader.js';

/** Options of every decoder. */
export interface DecoderOptions {
  /** How many objects the stream buffers for its reader. */
  readonly highWaterMark?: number;
  readonly signal?: AbortSignal;
}

/** The names in {@link DecoderOptions}, for `checkOptionNames`. */
export const DECODER_OPTION_NAMES: readonly string[] = ['highWaterMark', 'signal'];

/**
 * A Transform that cuts bytes into packets of `format` and pushes what `decode` makes of each.
 *
 * Fails with APNS_ERR_MALFORMED_PACKET, APNS_ERR_PACKET_TOO_LARGE, or, if the bytes end inside a packet,
 * APNS_ERR_TRUNCATED_PACKET; not before all that came ahead of the fault has been read.
 */
export class PacketDecoder<Out> extends Transform {
  static {
    redactStream(PacketDecoder);
  }

  readonly #reader: PacketReader;
  readonly #onPacket: (bytes: Buffer, start: number, end: number) => void;
  /** Fails the stream after the rest of its buffer has been read. */
  #fail: (() => void) | undefined;

  constructor(
    format: PacketFormat,
    decode: (bytes: Buffer, start: number, end: number) => Out | undefined,
    options: DecoderOptions,
  ) {
    super({ readableObjectMode: true, ...streamOptions(options, 'readableHighWaterMark') });
    this.#reader = new PacketReader(format);
    this.#onPacket = (bytes, start, end) => {
      const decoded = decode(bytes, start, end);
      if (decoded !== undefined) this.push(decoded);
    };
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    try {
      this.#reader.read(chunk, this.#onPacket);
    } catch (error) {
      this.#failAfterReading(error as Error, callback);
      return;
    }
    callback();
  }

  override _flush(callback: TransformCallback): void {
    try {
      this.#reader.end();
    } catch (error) {
      this.#failAfterReading(error as Error, callback);
      return;
    }
    callback();
  }

  override read(size?: number): Out | null {
    const object = super.read(size);
    if (this.#fail !== undefined && this.readableLength === 0) {
      process.nextTick(this.#fail);
      this.#fail = undefined;
    }
    return object;
  }

  /** A stream that fails discards its buffer, but the feedback service sends each tuple only once. So this fails later. */
  #failAfterReading(error: Error, callback: TransformCallback): void {
    if (this.readableLength === 0) callback(error);
    else this.#fail = () => callback(error);
  }
}
