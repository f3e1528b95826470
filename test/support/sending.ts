/**
 * One stream of notifications under test: who reads its outcomes, and how; when it is interrupted; and what
 * must be true of its accounts in the end. What the random models of both wires have in common.
 */
import assert from 'node:assert/strict';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { type Outcome, type OutcomeCounts, settledCount } from '../../src/core/outcome.js';
import { afterTurns } from './unruly-gateway.js';

/** A sink or a delivery. */
export type SendingStream = Writable & {
  readonly counts: Readonly<OutcomeCounts>;
  readonly outcomes?: AsyncIterable<Outcome>;
};

/** How outcomes are read. A delivery has to be read to the end: `stops` and `never` are for sinks. */
export type Reading = 'fast' | 'slow' | 'late' | 'stops' | 'never';

/** When a sending ends before its input does, counted in turns of the event loop or in outcomes. */
export interface Ending {
  readonly kind: 'end' | 'destroy' | 'abort' | 'destroy at outcome';
  readonly at: number;
}

export const readings: fc.Arbitrary<Reading> = fc.constantFrom(
  'fast',
  'fast',
  'slow',
  'late',
  'stops',
  'never',
);

/** @param maxTurns how late a stream may be interrupted */
export function endings(maxTurns: number): fc.Arbitrary<Ending> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant<Ending>({ kind: 'end', at: 0 }) },
    fc.record<Ending>({ kind: fc.constantFrom('destroy', 'abort'), at: fc.nat(maxTurns) }),
    fc.record<Ending>({ kind: fc.constant('destroy at outcome'), at: fc.nat(10) }),
  );
}

/** So many are in a watchdog's patience: where a busy machine stops this process, it stops the watchdog too. */
const BEATS = 100;

/**
 * What `work` comes to, or an error that tells of the state it hangs in.
 *
 * @param patienceMs far longer than it needs for the next change of its state
 */
export async function within<T>(patienceMs: number, work: Promise<T>, stateOf: () => unknown): Promise<T> {
  const patience = new AbortController();
  const beat = async (): Promise<never> => {
    let state = '';
    for (let i = 0; i < BEATS; i++) {
      const before = state;
      await delay(patienceMs / BEATS, undefined, patience);
      state = JSON.stringify(stateOf(), undefined, 1);
      if (state !== before) i = 0;
    }
    throw new Error(`not settled, and nothing has changed for ${patienceMs} ms: ${state}`);
  };
  const watchdog = beat();
  watchdog.catch(() => {});
  try {
    return await Promise.race([watchdog, work]);
  } finally {
    patience.abort();
  }
}

export class Sending {
  /** How many whole notifications were written. */
  given = 0;
  error: Error | undefined;
  /** Called with each outcome as it is read. */
  onOutcome: ((outcome: Outcome) => void) | undefined;
  readonly outcomes: Outcome[] = [];
  readonly counts: Readonly<OutcomeCounts>;
  readonly #stream: SendingStream;
  readonly #closed: Promise<unknown>;
  readonly #reading: Reading;
  readonly #ending: Ending;
  readonly #abort: AbortController;

  /** @param abort the one whose signal is among the stream's options */
  constructor(
    stream: SendingStream,
    { reading, ending }: { readonly reading: Reading; readonly ending: Ending },
    abort: AbortController,
  ) {
    this.#stream = stream;
    this.counts = stream.counts;
    this.#reading = reading;
    this.#ending = ending;
    this.#abort = abort;
    stream.on('error', (error) => {
      this.error = error;
    });
    this.#closed = new Promise((resolve) => stream.once('close', resolve));
  }

  get #isDelivery(): boolean {
    return !('outcomes' in this.#stream);
  }

  /** Reads outcomes as planned, those of the stream unless others are given. */
  async read(outcomes?: AsyncIterable<Outcome>): Promise<void> {
    const stream = this.#stream;
    if (!this.#isDelivery && this.#reading === 'never') return;
    const source = outcomes ?? (this.#isDelivery ? stream : stream.outcomes);
    if (this.#reading === 'late') await afterTurns(30);
    try {
      for await (const outcome of source as AsyncIterable<Outcome>) {
        const length = this.outcomes.push(outcome);
        this.onOutcome?.(outcome);
        if (this.#reading === 'slow') await afterTurns(1);
        if (this.#ending.kind === 'destroy at outcome' && length > this.#ending.at) stream.destroy();
        if (this.#reading === 'stops' && !this.#isDelivery && length === 3) return;
      }
    } catch {
      // The stream itself tells its error.
    }
  }

  /** Writes pieces, each with how many notifications are whole by then, as fast as the stream takes them. */
  async write(
    pieces: Iterable<{ readonly chunk: unknown; readonly whole: number }>,
    turnsBetweenWrites: number,
  ): Promise<void> {
    const stream = this.#stream;
    for (const { chunk, whole } of pieces) {
      if (stream.destroyed) return;
      const hasRoom = stream.write(chunk);
      this.given = whole;
      if (!hasRoom)
        await Promise.race([this.#closed, new Promise((resolve) => stream.once('drain', resolve))]);
      await afterTurns(turnsBetweenWrites);
    }
    if (!stream.destroyed) stream.end();
  }

  /** StopSignals the stream, if that is planned. */
  async interrupt(): Promise<void> {
    const { kind, at } = this.#ending;
    if (kind !== 'abort' && kind !== 'destroy') return;
    await afterTurns(at);
    if (kind === 'abort') this.#abort.abort();
    else this.#stream.destroy();
  }

  /** Waits until the stream is closed and all this work is done; fails if that takes too long. */
  async settle(patienceMs: number, ...work: readonly Promise<unknown>[]): Promise<void> {
    try {
      await within(patienceMs, Promise.all([this.#closed, ...work]), () => {
        const { given, counts, error, outcomes } = this;
        return { given, closed: this.#stream.closed, counts, error, outcomes };
      });
    } finally {
      this.#stream.destroy();
    }
  }

  /**
   * What is true whatever happened: exactly one outcome for each notification.
   *
   * @param isTornDown whether a delivery may have been destroyed by what it stands in
   */
  checkAccounts(isTornDown = false): void {
    const { given, outcomes, counts, error } = this;
    const tokens = outcomes.map(({ deviceToken }) => deviceToken);
    assert.equal(settledCount(counts), given, 'outcomes counted');
    assert.equal(new Set(tokens).size, tokens.length, 'notifications with one outcome');
    // A delivery that fails while nobody reads is destroyed, and so is one that its reader destroys.
    const isCutOff =
      isTornDown ||
      this.#ending.kind.startsWith('destroy') ||
      (this.#reading === 'late' && error !== undefined);
    const isReadToTheEnd = this.#isDelivery ? !isCutOff : !/stops|never/.test(this.#reading);
    if (isReadToTheEnd) assert.equal(tokens.length, given, 'outcomes read');
  }
}
