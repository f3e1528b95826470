/**
 * Chunks in, whole packets out, for any format whose packets tell their own length.
 *
 * A packet that lies whole inside a chunk is handed over in place, without a copy; only one that spans
 * chunks is joined. Limits are checked as soon as the length is known, before anything is buffered.
 */
import { ApnsError } from '../errors.js';

/** What a reader must know about a packet format. */
export interface PacketFormat {
  /** What a packet is called in an error message, such as `frame`. */
  readonly name: string;
  /** A packet longer than this is refused. */
  readonly maxBytes: number;
  /**
   * The length of the packet that starts at `start`, or 0 while fewer bytes than that takes are there.
   *
   * @throws {ApnsError} APNS_ERR_MALFORMED_PACKET for bytes that start no packet of this format
   */
  measure(bytes: Uint8Array, start: number, end: number): number;
}

/** Receives one packet: the bytes from `start` to `end`, valid for as long as the chunk they lie in. */
export type PacketHandler = (bytes: Buffer, start: number, end: number) => void;

const NOTHING = Buffer.alloc(0);

/** Cuts a sequence of chunks into packets. */
export class PacketReader {
  readonly #format: PacketFormat;
  #rest: Buffer = NOTHING;
  #offset = 0;

  constructor(format: PacketFormat) {
    this.#format = format;
  }

  /** How many bytes of an unfinished packet are held. */
  get pendingBytes(): number {
    return this.#rest.length;
  }

  /** Hands every packet that is complete with this chunk to `onPacket`, in order. */
  read(chunk: Buffer, onPacket: PacketHandler): void {
    let start = this.#rest.length === 0 ? 0 : this.#finishPending(chunk, onPacket);
    if (start < 0) return;
    const end = chunk.length;
    while (start < end) {
      const length = this.#measure(chunk, start, end);
      if (length === 0 || start + length > end) break;
      onPacket(chunk, start, start + length);
      this.#offset += length;
      start += length;
    }
    // A copy: keeping a view would keep the whole chunk alive for a few bytes.
    this.#rest = start === end ? NOTHING : Buffer.from(chunk.subarray(start));
  }

  /**
   * Says that no more bytes will come.
   *
   * @throws {ApnsError} APNS_ERR_TRUNCATED_PACKET if the bytes ended inside a packet
   */
  end(): void {
    if (this.#rest.length === 0) return;
    throw new ApnsError(
      'APNS_ERR_TRUNCATED_PACKET',
      `the bytes end inside a ${this.#format.name}: ${this.#rest.length} bytes of it arrived, after ${this.#offset} bytes of whole packets`,
    );
  }

  /** Completes the packet begun in earlier chunks; returns where in `chunk` the next one starts, or -1. */
  #finishPending(chunk: Buffer, onPacket: PacketHandler): number {
    let taken = 0;
    for (;;) {
      const have = this.#rest.length;
      const length = this.#measure(this.#rest, 0, have);
      if (length > 0 && length <= have) {
        const packet = this.#rest;
        this.#rest = NOTHING;
        onPacket(packet, 0, length);
        this.#offset += length;
        return taken;
      }
      if (taken === chunk.length) return -1;
      // Until the length is known, a header's worth at a time; then exactly what is missing.
      const wanted = length === 0 ? 1 : length - have;
      const piece = chunk.subarray(taken, taken + wanted);
      this.#rest = Buffer.concat([this.#rest, piece]);
      taken += piece.length;
    }
  }

  #measure(bytes: Buffer, start: number, end: number): number {
    const length = this.#format.measure(bytes, start, end);
    if (length > this.#format.maxBytes) {
      throw new ApnsError(
        'APNS_ERR_PACKET_TOO_LARGE',
        `a ${this.#format.name} of ${length} bytes exceeds the limit of ${this.#format.maxBytes} (at byte ${this.#offset})`,
      );
    }
    return length;
  }
}
