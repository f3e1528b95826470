/** A Readable of outcomes, which creates each outcome when it is read. */

import { Readable } from 'node:stream';
import type { Outcome } from '../core/outcome.js';
import { redactStream } from '../core/redact-stream.js';
import type { ReadableOf } from '../core/typed-stream.js';
import type { OutcomeReader } from '../engine/notification-sender.js';

/**
 * Moves outcomes into the readable side of a stream while it has room. It waits until the end of the tick, so that a
 * reader never runs while the engine settles notifications.
 *
 * @param onRead called whenever outcomes were read, which makes room for further sending
 */
export class OutcomePump {
  readonly #reader: OutcomeReader;
  readonly #stream: Readable;
  readonly #onRead: () => void;
  readonly #onTickEnd: () => void;
  #isWanted = false;
  #isFinished = false;
  #isScheduled = false;

  constructor(reader: OutcomeReader, stream: Readable, onRead: () => void) {
    this.#reader = reader;
    this.#stream = stream;
    this.#onRead = onRead;
    this.#onTickEnd = () => {
      this.#isScheduled = false;
      this.#fill();
    };
    reader.startReading(() => this.#fillSoon());
  }

  /** The stream has room for outcomes. */
  read(): void {
    this.#isWanted = true;
    this.#fill();
  }

  /** Nothing more will be settled: the stream ends after the remaining outcomes. */
  finish(): void {
    this.#isFinished = true;
    this.#fillSoon();
  }

  /** The stream was destroyed. */
  stop(): void {
    this.#isWanted = false;
    this.#reader.stopReading();
    this.#onRead();
  }

  #fillSoon(): void {
    if (!this.#isWanted || this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#onTickEnd);
  }

  #fill(): void {
    let hasRead = false;
    while (this.#isWanted) {
      const outcome = this.#reader.shift();
      if (outcome === undefined) break;
      hasRead = true;
      // The reader of an outcome may destroy the stream.
      this.#isWanted = this.#stream.push(outcome) && !this.#stream.destroyed;
    }
    if (this.#isWanted && this.#isFinished) {
      this.#isWanted = false;
      this.#stream.push(null);
    }
    if (hasRead) this.#onRead();
  }
}

/**
 * Throws an error of a `data` listener in the next tick, as an uncaught exception. If the error were thrown at once,
 * Node's read loop would stop, and the remaining chunks would never arrive.
 */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** The outcomes of a sink. Destroying it only stops the reading, never the sending. */
export class OutcomeSource extends Readable implements ReadableOf<Outcome> {
  static {
    redactStream(OutcomeSource);
  }

  readonly #pump: OutcomePump;

  constructor(reader: OutcomeReader, onRead: () => void) {
    super({ objectMode: true });
    this.#pump = new OutcomePump(reader, this, onRead);
  }

  /** Says that nothing more will be settled. */
  finish(): void {
    this.#pump.finish();
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

  override _read(): void {
    this.#pump.read();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#pump.stop();
    callback(error);
  }
}
