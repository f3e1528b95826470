/** The writing half of an HTTP/2 connection: frames into slabs, slabs into the socket. */
import type { TLSSocket } from 'node:tls';
import { type Http2Frame, SMALL_FRAME_BYTES, writeFrame } from '../../protocol/http2/frame.js';
import { CLIENT_PREFACE } from '../../protocol/http2/frame-header.js';

const SLAB_BYTES = 64 * 1024;

/** Nothing is sent to a socket that is blocked but answers to PING and SETTINGS: they alone exceed this. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Collects frames; they leave when the slab is full, or at the end of the turn. */
export class Http2Output {
  /** Where frames are written, from `end`; room for them is made by {@link Http2Output.reserve}. */
  slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  end = 0;
  #start = 0;
  #isFlushScheduled = false;
  /** Whether the socket asked for a pause: it has not drained since. */
  #isFull = false;
  readonly #socket: TLSSocket;
  readonly #flush: () => void;

  /** Starts with the preface that RFC 9113, section 3.4, demands; SETTINGS must follow. */
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

  /** Whether the socket has taken as much as it wants for now, or will take nothing any more. */
  get isBlocked(): boolean {
    return this.#isFull || !this.#socket.writable;
  }

  /** Whether more waits for the peer to read than notifications can account for: answers to a flood. */
  get isOverrun(): boolean {
    return this.#socket.writableLength > MAX_WAITING_BYTES;
  }

  /** Makes room for `bytes` more behind `end`, and sees to it that they leave. */
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

  /** Hands everything to the socket now. */
  flush(): void {
    if (this.#start === this.end) return;
    const frames = this.slab.subarray(this.#start, this.end);
    this.#start = this.end;
    // One that is about to be closed takes nothing any more.
    if (this.#socket.writable) this.#isFull = !this.#socket.write(frames);
  }
}
