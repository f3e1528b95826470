/**
 * Cuts chunks into whole packets, for any format whose packets contain their length.
 *
 * A packet that lies whole inside a chunk is handed over in place, without a copy; only one that spans
 * chunks is joined. Limits are checked as soon as the length is known, before anything is buffered.
 */
import { ApnsError } from '../core/errors.js';

/** The facts about a packet format that a reader needs. */
export interface PacketFormat {
  /** The name of a packet in error messages, such as `frame`. */
  readonly name: string;
  /** A longer packet causes an error. */
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
  /** The start of an unfinished packet, in a buffer with room to grow. */
  #pending: Buffer = NOTHING;
  #pendingBytes = 0;
  #offset = 0;

  constructor(format: PacketFormat) {
    this.#format = format;
  }

  /** How many bytes of an unfinished packet are held. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * Hands every packet that is complete with this chunk to `onPacket`, in order.
   *
   * @throws {ApnsError} APNS_ERR_MALFORMED_PACKET, of the format or of `onPacket`, with the byte the packet starts at;
   *   APNS_ERR_PACKET_TOO_LARGE; and whatever else the two throw
   */
  read(chunk: Buffer, onPacket: PacketHandler): void {
    try {
      this.#read(chunk, onPacket);
    } catch (error) {
      if (!(error instanceof ApnsError) || error.code !== 'APNS_ERR_MALFORMED_PACKET') throw error;
      throw new ApnsError(error.code, `${error.message} (at byte ${this.#offset})`, { cause: error });
    }
  }

  #read(chunk: Buffer, onPacket: PacketHandler): void {
    const end = chunk.length;
    let start = this.#pendingBytes === 0 ? 0 : this.#finishPending(chunk, onPacket);
    while (start < end) {
      const length = this.#measure(chunk, start, end);
      if (length === 0 || start + length > end) {
        this.#hold(chunk, start, end);
        return;
      }
      onPacket(chunk, start, start + length);
      this.#offset += length;
      start += length;
    }
  }

  /**
   * Says that no more bytes will come.
   *
   * @throws {ApnsError} APNS_ERR_TRUNCATED_PACKET if the bytes ended inside a packet
   */
  end(): void {
    if (this.#pendingBytes === 0) return;
    throw new ApnsError(
      'APNS_ERR_TRUNCATED_PACKET',
      `the bytes end inside the ${this.#format.name} at byte ${this.#offset}: ${this.#pendingBytes} bytes of it arrived`,
    );
  }

  /** Completes the packet begun in earlier chunks; returns how much of `chunk` that took. */
  #finishPending(chunk: Buffer, onPacket: PacketHandler): number {
    let taken = 0;
    for (;;) {
      const length = this.#measure(this.#pending, 0, this.#pendingBytes);
      if (length > 0 && length <= this.#pendingBytes) {
        // Do not reuse the buffer, because values that were decoded from the packet may be views of it.
        const packet = this.#pending;
        this.#pending = NOTHING;
        this.#pendingBytes = 0;
        onPacket(packet, 0, length);
        this.#offset += length;
        return taken;
      }
      if (taken === chunk.length) return taken;
      // Byte by byte until the length is known, for the next packet must not be touched; then what is missing.
      const missing = length === 0 ? 1 : length - this.#pendingBytes;
      const end = Math.min(taken + missing, chunk.length);
      this.#hold(chunk, taken, end);
      taken = end;
    }
  }

  /** Keeps a copy, because a view of a few bytes would keep the whole chunk in memory. */
  #hold(chunk: Buffer, start: number, end: number): void {
    const bytes = this.#pendingBytes + end - start;
    if (bytes > this.#pending.length) {
      // Doubling, so that a packet that comes in many pieces is not copied once per piece.
      const room = Math.max(bytes, Math.min(2 * this.#pending.length, this.#format.maxBytes));
      const grown = Buffer.allocUnsafe(room);
      this.#pending.copy(grown, 0, 0, this.#pendingBytes);
      this.#pending = grown;
    }
    chunk.copy(this.#pending, this.#pendingBytes, start, end);
    this.#pendingBytes = bytes;
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
