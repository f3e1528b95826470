/** The one shell around every decoder: bytes in, one object per packet out. */
import { Transform, type TransformCallback } from 'node:stream';
import { checkOptionNames } from '../options.js';
import { type PacketFormat, PacketReader } from '../protocol/packet-reader.js';

/** Options of every decoder. */
export interface DecoderOptions {
  /** Of the objects waiting to be read. */
  readonly highWaterMark?: number;
  readonly signal?: AbortSignal;
}

/** The names in {@link DecoderOptions}. */
export const DECODER_OPTION_NAMES: readonly string[] = ['highWaterMark', 'signal'];

/**
 * A Transform that cuts bytes into packets of `format` and pushes what `decode` makes of each.
 *
 * Fails with APNS_ERR_MALFORMED_PACKET, APNS_ERR_PACKET_TOO_LARGE, or, if the bytes end inside a packet,
 * APNS_ERR_TRUNCATED_PACKET; what came before the fault has been pushed.
 */
export class PacketDecoder<Out> extends Transform {
  readonly #reader: PacketReader;
  readonly #onPacket: (bytes: Buffer, start: number, end: number) => void;

  constructor(
    format: PacketFormat,
    decode: (bytes: Buffer, start: number, end: number) => Out | undefined,
    options: DecoderOptions,
    optionNames: readonly string[] = DECODER_OPTION_NAMES,
  ) {
    checkOptionNames('options', options, optionNames);
    super({
      readableObjectMode: true,
      ...(options.highWaterMark === undefined ? {} : { readableHighWaterMark: options.highWaterMark }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    this.#reader = new PacketReader(format);
    this.#onPacket = (bytes, start, end) => {
      const decoded = decode(bytes, start, end);
      if (decoded !== undefined) this.push(decoded);
    };
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    try {
      this.#reader.read(chunk, this.#onPacket);
      callback();
    } catch (error) {
      callback(error as Error);
    }
  }

  override _flush(callback: TransformCallback): void {
    try {
      this.#reader.end();
      callback();
    } catch (error) {
      callback(error as Error);
    }
  }
}
