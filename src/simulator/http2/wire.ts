/**
 * What lies between a TLS socket and node:http2, for everything that node:http2 cannot be made to do: frames
 * of our own, silence, slow reading, PINGs that are not answered, and a last frame that is the last.
 *
 *     TLS socket ──▶ Http2Wire ──▶ node:http2         (paused, slowed, without PINGs)
 *     TLS socket ◀── Http2Wire ◀── node:http2         (until `finish`)
 *                      ▲── frames of our own, `send`
 *
 * node:http2 writes whole frames in every tick, so a frame of the simulator is never inside another frame. After the
 * simulator's GOAWAY, the wire suppresses the GOAWAY of node:http2. node:http2 sends one when the client sends GOAWAY,
 * and it would name more streams.
 */
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Http2ErrorCode } from '../../protocol/http2/error-code.js';
import { encodeFrame, type Http2Frame } from '../../protocol/http2/frame.js';
import {
  CLIENT_PREFACE,
  FRAME_HEADER_BYTES,
  FrameType,
  frameFormat,
} from '../../protocol/http2/frame-header.js';
import { PacketReader } from '../../protocol/packet-reader.js';
import { endConnection } from '../connection-ending.js';
import type { LoopbackConnection } from '../tls-listener.js';
import { FrameFilter, isPing, MAX_FRAME_BYTES } from './frame-filter.js';

/** A frame header, the last stream id and the error code. */
const GOAWAY_BYTES = FRAME_HEADER_BYTES + 8;

interface BufferedChunk {
  readonly chunk: Buffer;
}

export class Http2Wire extends Duplex {
  readonly #connection: LoopbackConnection;
  readonly #socket: TLSSocket;
  readonly #drainTimeoutMs: number;
  readonly #incoming: FrameFilter | undefined;
  #outgoing: FrameFilter | undefined;
  readonly #dropped = new Set<number>();
  #bytesPerMs = Number.POSITIVE_INFINITY;
  #isHeld = false;
  #rest: NodeJS.Timeout | undefined;
  #isFinished = false;
  #isClientEnded = false;
  #onDrain: (() => void) | undefined;
  #isWriting = false;
  /** Data that the socket delivered during a write to it. */
  #early: Buffer[] = [];
  readonly #said = new PacketReader(frameFormat(MAX_FRAME_BYTES));
  #onBroken: (() => void) | undefined;

  /**
   * @param ignorePing whether PINGs are ignored
   * @param onBroken called once, when node:http2 has answered a connection error with GOAWAY: it does not always
   *   close the connection (never on Node 20; on every version if the frame came in two chunks)
   */
  constructor(
    connection: LoopbackConnection,
    drainTimeoutMs: number,
    ignorePing: boolean,
    onBroken: () => void,
  ) {
    super();
    this.#onBroken = onBroken;
    this.#connection = connection;
    this.#socket = connection.socket;
    this.#drainTimeoutMs = drainTimeoutMs;
    if (ignorePing) this.#incoming = new FrameFilter(isPing, CLIENT_PREFACE.length);
    this.#socket
      .on('data', (chunk: Buffer) => this.#onData(chunk))
      .once('end', () => this.#onClientEnd())
      .on('drain', () => this.#onDrained())
      .once('close', () => this.#onClose());
  }

  /** Sends a frame of the simulator after the frames that node:http2 has written so far. */
  send(frame: Http2Frame): void {
    if (this.#isFinished) return;
    if (frame.type === 'GOAWAY') this.#drop('GOAWAY');
    this.#writeOut(encodeFrame(frame));
  }

  /** Stops sending WINDOW_UPDATE, so that the client's window becomes empty. */
  keepWindow(): void {
    this.#drop('WINDOW_UPDATE');
  }

  /** Reads nothing until {@link release}. */
  hold(): void {
    this.#isHeld = true;
    this.#socket.pause();
  }

  release(): void {
    this.#isHeld = false;
    this._read();
  }

  /** Limits the speed of reading from now on. */
  slowDown(bytesPerMs: number): void {
    this.#bytesPerMs = bytesPerMs;
  }

  /**
   * Ends the connection. What node:http2 says from now on is not sent; it says nothing new while a write is
   * under way, so none of what it has said is lost.
   */
  finish(ending: { readonly reset: boolean }): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#onDrained();
    endConnection(this.#connection, ending, this.#drainTimeoutMs);
  }

  override _read(): void {
    if (this.#isClientEnded) this.#destroyIfRead();
    else if (!this.#isHeld && this.#rest === undefined) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#onBroken !== undefined) this.#said.read(chunk, this.#onSaid);
    const bytes = this.#outgoing?.pass(chunk) ?? chunk;
    if (this.#isFinished || this.#writeOut(bytes)) done();
    else this.#onDrain = done;
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: () => void): void {
    const buffers = (chunks as readonly BufferedChunk[]).map(({ chunk }) => chunk);
    this._write(Buffer.concat(buffers), 'utf8', done);
  }

  override _final(done: () => void): void {
    this.finish({ reset: false });
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#rest);
    this.finish({ reset: false });
    done(error);
  }

  readonly #onSaid = (bytes: Buffer, start: number, end: number): void => {
    if (bytes[start + 3] !== FrameType.GOAWAY || end < start + GOAWAY_BYTES) return;
    if (bytes.readUInt32BE(start + GOAWAY_BYTES - 4) === Http2ErrorCode.NO_ERROR) return;
    const onBroken = this.#onBroken;
    this.#onBroken = undefined;
    // Close in the next turn, so that this frame is written first.
    if (onBroken !== undefined) setImmediate(onBroken);
  };

  /** Stops node:http2 from sending this frame. */
  #drop(type: 'GOAWAY' | 'WINDOW_UPDATE'): void {
    this.#dropped.add(FrameType[type]);
    this.#outgoing ??= new FrameFilter((type) => this.#dropped.has(type));
  }

  #writeOut(bytes: Uint8Array): boolean {
    this.#isWriting = true;
    try {
      return this.#socket.write(bytes);
    } finally {
      this.#isWriting = false;
    }
  }

  /**
   * A TLS socket that is written to may deliver, within the call, what it has decrypted. node:http2 is in the middle of
   * a write then, and given bytes it would fail an assertion, which ends the process. So it gets them afterwards.
   */
  #onData(chunk: Buffer): void {
    if (!this.#isWriting && this.#early.length === 0) {
      this.#take(chunk);
      return;
    }
    if (this.#early.push(chunk) > 1) return;
    process.nextTick(() => {
      for (const early of this.#early.splice(0)) this.#take(early);
    });
  }

  #take(chunk: Buffer): void {
    // After the last packet, data is read only so that the client receives that packet.
    if (this.destroyed || this.#isFinished) return;
    const passed = this.#incoming?.pass(chunk) ?? chunk;
    if (passed.length > 0 && !this.push(passed)) this.#socket.pause();
    if (this.#bytesPerMs !== Number.POSITIVE_INFINITY) this.#restFor(chunk.length / this.#bytesPerMs);
  }

  #onClientEnd(): void {
    this.#isClientEnded = true;
    this.#destroyIfRead();
  }

  /**
   * Destroys the wire after the client's last byte. Do not pass the end on to node:http2: its wrapper of streams would
   * shut down the writing side, and an assertion of Node would end the process if a stream is reset in the same tick.
   */
  #destroyIfRead(): void {
    // Wait for the next tick, because responses to the data just read are written in this one.
    if (this.readableLength === 0) setImmediate(() => this.destroy());
  }

  #restFor(ms: number): void {
    this.#socket.pause();
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      this._read();
    }, ms);
  }

  #onDrained(): void {
    const done = this.#onDrain;
    this.#onDrain = undefined;
    done?.();
  }

  #onClose(): void {
    this.#isFinished = true;
    this.#onDrained();
    this.destroy();
  }
}
