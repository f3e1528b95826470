/** The writing half of an HTTP/2 connection: collects frames in slabs, and writes slabs to the socket. */
import type { TLSSocket } from 'node:tls';
import { type Http2Frame, SMALL_FRAME_BYTES, writeFrame } from '../../protocol/http2/frame.js';
import { CLIENT_PREFACE } from '../../protocol/http2/frame-header.js';

const SLAB_BYTES = 64 * 1024;

/** While the socket is blocked, only answers to PING and SETTINGS are added, so only a flood of these exceeds this. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Collects frames, and writes them when the slab is full or at the end of the tick. */
export class Http2Output {
  /** Frames are written here, from `end`. {@link Http2Output.reserve} makes room for them. */
  slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  end = 0;
  #start = 0;
  #isFlushScheduled = false;
  /** Whether the socket applies backpressure and has not drained since. */
  #isFull = false;
  readonly #socket: TLSSocket;
  readonly #flush: () => void;

  /** Starts with the preface of RFC 9113, section 3.4. SETTINGS must follow. */
  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('drain', () => {
      this.#isFull = false;
    });
    this.#flush = () => {
      this.#isFlushScheduled = false;
      this.flush();
    };
    this.reserve(CLIENT_PREFACE.length);
    this.end += this.slab.write(CLIENT_PREFACE, this.end, 'latin1');
  }

  /** Whether the socket applies backpressure, or is closed for writing. */
  get isBlocked(): boolean {
    return this.#isFull || !this.#socket.writable;
  }

  /** Whether more bytes wait for the peer than notifications can explain. They are answers to a flood. */
  get isOverrun(): boolean {
    return this.#socket.writableLength > MAX_WAITING_BYTES;
  }

  /** Makes room for `bytes` more bytes after `end`, and schedules their writing. */
  reserve(bytes: number): void {
    if (this.slab.length - this.end < bytes) {
      this.flush();
      this.slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes));
      this.#start = 0;
      this.end = 0;
    }
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    process.nextTick(this.#flush);
  }

  /** Adds a frame that carries no notification. */
  writeControl(frame: Http2Frame): void {
    this.reserve(SMALL_FRAME_BYTES);
    this.end = writeFrame(this.slab, this.end, frame);
  }

  /** Writes everything to the socket now. */
  flush(): void {
    if (this.#start === this.end) return;
    const frames = this.slab.subarray(this.#start, this.end);
    this.#start = this.end;
    // A socket that is closing accepts no more bytes.
    if (this.#socket.writable) this.#isFull = !this.#socket.write(frames);
  }
}
