/** One direction of a proxied connection, and what may go wrong in it. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';

/** How a connection is ended: both ways in good order, at once, with a reset, or in this direction only. */
export type CutKind = 'fin' | 'close' | 'reset' | 'halfClose';

/** Faults of one direction. Offsets count the bytes that were passed on, from 0. */
export interface DirectionFaults {
  /** Every chunk leaves so much later than it came. */
  readonly delayMs?: number;
  /** Every chunk leaves up to so much later again; order is kept. */
  readonly jitterMs?: number;
  /** The bandwidth. */
  readonly bytesPerMs?: number;
  /** Every chunk is cut into pieces of so many bytes, each written in a turn of its own. */
  readonly sliceBytes?: number;
  /** Nothing passes for a while once so many bytes have; `Infinity` for ever. */
  readonly stall?: { readonly afterBytes: number; readonly ms: number };
  /** The byte at this offset arrives with its lowest bit changed. */
  readonly corruptAt?: number;
  /** The connection ends once so many bytes have passed. */
  readonly cut?: { readonly afterBytes: number; readonly how: CutKind };
}

/** What struck, for the books of whoever injects it. */
export type FaultName =
  | 'delay'
  | 'jitter'
  | 'bandwidth'
  | 'slice'
  | 'stall'
  | 'corrupt'
  | CutKind
  | 'blackHole';

export interface FaultPipeEvents {
  onStrike(name: FaultName): void;
  /** Nothing will pass any more, and neither end is told. */
  onStuck(): void;
  onCut(how: Exclude<CutKind, 'halfClose'>): void;
}

/** Beyond this the source waits: what is delayed must not be without a limit. */
const MAX_WAITING_BYTES = 256 * 1024;

interface Waiting {
  readonly chunk: Buffer;
  readonly dueAt: number;
}

/** Passes on what one socket receives to another, with faults. The source must allow half-open connections. */
export class FaultPipe {
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #faults: DirectionFaults;
  readonly #events: FaultPipeEvents;
  readonly #over = new AbortController();
  readonly #queue: Waiting[] = [];
  #waitingBytes = 0;
  #passedBytes = 0;
  #chunks = 0;
  #lastDueAt = 0;
  #hasStalled = false;
  #isRunning = false;
  /** The source has ended: so will the target, behind what waits. */
  #isEnding = false;

  constructor(source: Socket, target: Socket, faults: DirectionFaults, events: FaultPipeEvents) {
    this.#source = source;
    this.#target = target;
    this.#faults = faults;
    this.#events = events;
    source.on('data', (chunk) => this.#take(chunk));
    source.once('end', () => {
      this.#isEnding = true;
      void this.#run();
    });
    target.once('close', () => this.stop());
  }

  start(): void {
    this.#source.resume();
    void this.#run();
  }

  /** Nothing passes any more; what waits is dropped. */
  stop(): void {
    this.#over.abort();
  }

  #take(chunk: Buffer): void {
    if (this.#over.signal.aborted) return;
    const { delayMs = 0, jitterMs = 0, bytesPerMs } = this.#faults;
    // The golden ratio spreads as evenly as chance does, and is the same in every replay.
    const jitter = (jitterMs * (++this.#chunks * 0.618_034)) % Math.max(jitterMs, 1);
    let dueAt = Math.max(this.#lastDueAt, performance.now() + delayMs + jitter);
    if (bytesPerMs !== undefined) dueAt += chunk.length / bytesPerMs;
    if (delayMs > 0) this.#events.onStrike('delay');
    if (jitterMs > 0) this.#events.onStrike('jitter');
    if (bytesPerMs !== undefined) this.#events.onStrike('bandwidth');
    this.#lastDueAt = dueAt;
    this.#queue.push({ chunk, dueAt });
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#source.pause();
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      await this.#strike();
      for (let first = this.#queue.shift(); first !== undefined; first = this.#queue.shift()) {
        await this.#sleep(first.dueAt - performance.now());
        await this.#pass(first.chunk);
        this.#waitingBytes -= first.chunk.length;
        if (this.#waitingBytes <= MAX_WAITING_BYTES) this.#source.resume();
      }
      if (this.#isEnding) this.#target.end();
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    } finally {
      this.#isRunning = false;
    }
  }

  async #pass(chunk: Buffer): Promise<void> {
    const { sliceBytes, stall, cut } = this.#faults;
    for (let start = 0; start < chunk.length; ) {
      let length = Math.min(chunk.length - start, sliceBytes ?? Number.POSITIVE_INFINITY);
      for (const offset of [stall?.afterBytes, cut?.afterBytes]) {
        if (offset !== undefined && offset > this.#passedBytes)
          length = Math.min(length, offset - this.#passedBytes);
      }
      await this.#write(this.#corrupted(chunk.subarray(start, start + length)));
      start += length;
      this.#passedBytes += length;
      await this.#strike();
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#over.signal.throwIfAborted();
    const signal = this.#over.signal;
    const hasRoom = this.#target.write(bytes);
    if (this.#faults.sliceBytes !== undefined) {
      this.#events.onStrike('slice');
      await turn(undefined, { signal });
    }
    if (!hasRoom && this.#target.writableNeedDrain) await once(this.#target, 'drain', { signal });
  }

  #corrupted(bytes: Buffer): Buffer {
    const at = (this.#faults.corruptAt ?? -1) - this.#passedBytes;
    if (at < 0 || at >= bytes.length) return bytes;
    const copy = Buffer.from(bytes);
    copy[at]! ^= 1;
    this.#events.onStrike('corrupt');
    return copy;
  }

  /** Does what is due at this offset. */
  async #strike(): Promise<void> {
    const { stall, cut } = this.#faults;
    if (stall !== undefined && !this.#hasStalled && this.#passedBytes >= stall.afterBytes) {
      this.#hasStalled = true;
      this.#events.onStrike('stall');
      await this.#sleep(stall.ms);
    }
    if (cut === undefined || this.#passedBytes < cut.afterBytes) return;
    this.#over.signal.throwIfAborted();
    this.#events.onStrike(cut.how);
    // The other direction goes on; this one takes no more, and does not hold its sender back.
    if (cut.how === 'halfClose') {
      this.#target.end();
      this.#source.resume();
    } else {
      this.#events.onCut(cut.how);
    }
    this.#over.abort();
    this.#over.signal.throwIfAborted();
  }

  async #sleep(ms: number): Promise<void> {
    if (ms <= 0) return;
    const { signal } = this.#over;
    if (ms !== Number.POSITIVE_INFINITY) {
      await delay(ms, undefined, { signal });
      return;
    }
    this.#events.onStuck();
    signal.throwIfAborted();
    await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }
}
