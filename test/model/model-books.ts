/**
 * The books of one run, kept outside the engine: when each notification was taken and when its outcome was read, and how
 * much was held in between.
 */
import type { Outcome } from '../../src/core/outcome.js';
import { settledCount } from '../../src/core/outcome.js';
import { decodeFrame, FRAME_FORMAT } from '../../src/protocol/binary/frame.js';
import { PacketReader } from '../../src/protocol/packet-reader.js';
import type { SendingStream } from '../support/sending.js';
import type { StandstillMeter } from './standstill-meter.js';

type Callback = (error?: Error | null) => void;
type Write = (chunk: unknown, encoding: BufferEncoding, callback: Callback) => void;

interface Stamp {
  readonly at: number;
  /** What had been lost by then. */
  readonly lostMs: number;
}

export class ModelBooks {
  /** The longest that a notification waited for its outcome, in which the process ran. */
  longestMs = 0;
  /** The most notifications that were taken and not settled. */
  mostHeld = 0;
  /** The most bytes of notifications that were taken and whose outcome nobody had read. */
  mostHeldBytes = 0;
  readonly #meter: StandstillMeter;
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #taken = new Map<string, Stamp>();
  #held = 0;
  readonly #early = new Set<string>();

  /** @param sizes the bytes of each notification, by device token */
  constructor(meter: StandstillMeter, sizes: ReadonlyMap<string, number>) {
    this.#meter = meter;
    this.#sizes = sizes;
  }

  /** Notes what the stream takes: Node hands it the next chunk only when it has taken the last one. */
  watch(stream: SendingStream): void {
    const reader = new PacketReader(FRAME_FORMAT);
    const tokensOf = (chunk: unknown): string[] => {
      if (!Buffer.isBuffer(chunk)) return [(chunk as { deviceToken: string }).deviceToken];
      const tokens: string[] = [];
      reader.read(chunk, (bytes, start, end) => {
        tokens.push(decodeFrame(bytes, start, end).deviceToken ?? '');
      });
      return tokens;
    };
    const write: Write = stream._write.bind(stream);
    /** A sink that waits for room writes the same notification once more. */
    let last: unknown;
    stream._write = (chunk: unknown, encoding: BufferEncoding, callback: Callback): void => {
      if (chunk === last) {
        write(chunk, encoding, callback);
        return;
      }
      last = chunk;
      const tokens = tokensOf(chunk);
      write(chunk, encoding, (error) => {
        last = undefined;
        if (!error) this.#take(tokens, stream);
        callback(error);
      });
    };
  }

  note({ deviceToken = '' }: Outcome): void {
    const taken = this.#taken.get(deviceToken);
    if (taken === undefined) {
      this.#early.add(deviceToken);
      return;
    }
    this.#held -= this.#sizes.get(deviceToken) ?? 0;
    const ranMs = performance.now() - taken.at - (this.#meter.lostMs - taken.lostMs);
    this.longestMs = Math.max(this.longestMs, ranMs);
  }

  #take(tokens: readonly string[], { counts }: SendingStream): void {
    const stamp = { at: performance.now(), lostMs: this.#meter.lostMs };
    for (const token of tokens) {
      this.#taken.set(token, stamp);
      if (!this.#early.has(token)) this.#held += this.#sizes.get(token) ?? 0;
    }
    this.mostHeld = Math.max(this.mostHeld, this.#taken.size - settledCount(counts));
    this.mostHeldBytes = Math.max(this.mostHeldBytes, this.#held);
  }
}
