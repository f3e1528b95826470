/** When a peer has sent too much that brings nothing forward. RFC 9113, section 10.5. */
import { connectionError } from '../../protocol/http2/connection-error.js';

/** More than this within {@link FLOOD_MS}, with no answer and no credit for a body in it, is an attack. */
const MAX_FLOOD_BYTES = 1024 * 1024;

const FLOOD_MS = 10_000;

/** Counts the bytes received since something was brought forward. */
export class FloodGuard {
  #bytes = 0;
  #since = 0;
  #progress = 0;

  /**
   * Takes note of a chunk.
   *
   * @param progress any number that changes whenever something is brought forward
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
    throw connectionError('ENHANCE_YOUR_CALM', `${this.#bytes} bytes in a row brought no answer`);
  }
}
