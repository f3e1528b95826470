/** Two sockets in memory that are connected: tests decide when writes are taken. */
import { Duplex } from 'node:stream';

/** One end of a connection in memory. What is written arrives at the other end in the next tick. */
export class MemorySocket extends Duplex {
  other: MemorySocket | undefined;
  /** While it is set, writes are not taken: they are finished by `release`. */
  isHeld = false;
  timeout: { readonly ms: number; readonly onTimeout: () => void } | undefined;
  #held: ((error?: Error | null) => void)[] = [];

  constructor() {
    // The same in every version of Node.
    super({ highWaterMark: 16_384 });
  }

  release(): void {
    this.isHeld = false;
    for (const write of this.#held.splice(0)) write();
  }

  /** Keeps what should happen after a time without any activity: the test lets it happen. */
  setTimeout(ms: number, onTimeout: () => void): this {
    this.timeout = { ms, onTimeout };
    return this;
  }

  destroySoon(): void {
    this.end(() => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const write = (error?: Error | null): void => {
      if (error) {
        callback(error);
        return;
      }
      process.nextTick(() => this.#arrive(Buffer.from(chunk)));
      callback();
    };
    if (this.isHeld) this.#held.push(write);
    else write();
  }

  override _final(callback: () => void): void {
    process.nextTick(() => this.#arrive(null));
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    process.nextTick(() => this.#arrive(null));
    for (const write of this.#held.splice(0)) write(error);
    callback(error);
  }

  #arrive(chunk: Buffer | null): void {
    const other = this.other!;
    if (!other.readableEnded && !other.destroyed) other.push(chunk);
  }
}

/** Two ends that are connected. The far one swallows its errors. */
export function connectInMemory(): [near: MemorySocket, far: MemorySocket] {
  const [near, far] = [new MemorySocket(), new MemorySocket()];
  near.other = far;
  far.other = near;
  far.on('error', () => {});
  return [near, far];
}
