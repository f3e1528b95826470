/** A Readable that fails only after its buffer has been read. */

import { Readable, type ReadableOptions } from 'node:stream';
import { redactStream } from '../core/redact-stream.js';
import { throwLater } from '../sinks/outcome-source.js';

/**
 * A stream that is destroyed discards its buffer, but the service sends the content of these sources only once. So a
 * source is destroyed after its buffer has been read, and a `data` listener that throws does not end the reading.
 */
export class LastingSource extends Readable {
  static {
    redactStream(LastingSource);
  }

  #failure: Error | undefined;

  constructor(options: Omit<ReadableOptions, 'objectMode'>) {
    super({ ...options, objectMode: true });
  }

  // biome-ignore lint/suspicious/noExplicitAny: Node's own types use it
  override emit(name: string | symbol, ...args: any[]): boolean {
    try {
      return super.emit(name, ...args);
    } catch (error) {
      if (name !== 'data') throw error;
      throwLater(error);
      return true;
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: Node's own types use it, or `pipeline` would not take it
  override read(size?: number): any {
    const object: unknown = super.read(size);
    const failure = this.#failure;
    if (failure !== undefined && this.readableLength === 0) process.nextTick(() => this.destroy(failure));
    return object;
  }

  /** Fails the stream after its buffer has been read. */
  failAfterReading(error: Error): void {
    if (this.readableLength === 0) this.destroy(error);
    else this.#failure ??= error;
  }
}
