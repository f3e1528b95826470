/** Detects a peer that floods the connection with frames that make no progress. RFC 9113, section 10.5. */
import { connectionError } from '../../protocol/http2/http2-error.js';

/** More bytes than this within {@link FLOOD_MS}, without a response and without window for DATA, are an attack. */
const MAX_FLOOD_BYTES = 1024 * 1024;

const FLOOD_MS = 10_000;

/** Counts the bytes received since the last progress. */
export class FloodGuard {
  #bytes = 0;
  #since = 0;
  #progress = 0;

  /**
   * Counts the bytes of a chunk.
   *
   * @param progress a number that changes with all progress
   * @throws {Http2Error} ENHANCE_YOUR_CALM
   */
  note(bytes: number, progress: number, now: number): void {
    if (progress !== this.#progress || now - this.#since > FLOOD_MS) {
      this.#progress = progress;
      this.#since = now;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    if (this.#bytes <= MAX_FLOOD_BYTES) return;
    throw connectionError('ENHANCE_YOUR_CALM', `${this.#bytes} bytes in a row contained no response`);
  }
}
